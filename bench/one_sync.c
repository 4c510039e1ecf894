/* one_sync.c - what bench/records is compared with: one transaction of SQLite's, synced, for each
 * record. Prints how many in a second. one_sync FILE SECONDS */
// SPDX-License-Identifier: MIT
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return;
    fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    exit(1);
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    sqlite3_stmt *put;
    char document[128];
    if (argc != 3 || sqlite3_open(argv[1], &db)) return 2;
    run(db, "PRAGMA journal_mode=WAL");
    run(db, "PRAGMA synchronous=FULL");
    run(db,
        "CREATE TABLE record(collection INTEGER NOT NULL, key ANY NOT NULL, version INTEGER NOT "
        "NULL, changed INTEGER NOT NULL, document TEXT NOT NULL) STRICT");
    run(db, "CREATE UNIQUE INDEX record_key ON record(collection, key)");
    if (sqlite3_prepare_v2(db, "INSERT INTO record VALUES(1, ?, ?, 0, ?)", -1, &put, NULL))
        return 2;
    const double begin = now(), end = begin + atof(argv[2]);
    int n = 0;
    for (; now() < end; n++) {
        const int len =
            snprintf(document, sizeof document,
                     "{\"Name\":\"David Smith\",\"Address\":\"123 Bank Street\",\"CustID\":%d}", n);
        sqlite3_bind_int(put, 1, n);
        sqlite3_bind_int(put, 2, n);
        sqlite3_bind_text(put, 3, document, len, SQLITE_STATIC);
        run(db, "BEGIN IMMEDIATE");
        if (sqlite3_step(put) != SQLITE_DONE || sqlite3_reset(put)) return 1;
        run(db, "COMMIT");
    }
    printf("%.0f\n", n / (now() - begin));
    sqlite3_finalize(put);
    return sqlite3_close(db);
}
