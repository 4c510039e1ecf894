/* sqlite.c - records in a file of SQLite's: write-ahead log, synced at each commit. */
// SPDX-License-Identifier: MIT
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"

/* "Tcrt", and what the tables below are. */
enum { APPLICATION = 0x54637274, LAYOUT = 1, BUSY_MS = 5000, SQL_BYTES = 1024, TIDY_PAGES = 1000 };

static const char tables[] =
    "CREATE TABLE store(number INTEGER NOT NULL, position INTEGER NOT NULL) STRICT;"
    "CREATE TABLE collection(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  made INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE record(collection INTEGER NOT NULL, key ANY NOT NULL,"
    "  version INTEGER NOT NULL, changed INTEGER NOT NULL, document TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX record_key ON record(collection, key);"
    "INSERT INTO store VALUES (abs(random() / 2), 0);";

tc_err tc_sqlite_err(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE: return TC_OK;
    case SQLITE_FULL: return TC_ERR_STORE_FULL;
    case SQLITE_NOMEM: return TC_ERR_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return TC_ERR_STORE_BUSY;
    case SQLITE_INTERRUPT: return TC_ERR_STORE_TIME;
    case SQLITE_IOERR: return TC_ERR_STORE_IO;
    default: return TC_ERR_STORE;
    }
}

/* --- keys ---------------------------------------------------------------------------------- */

int tc_sqlite_bind_key(sqlite3_stmt *s, int at, tc_span key)
{
    int64_t number;
    if (tc_store_integer(key, &number)) return sqlite3_bind_int64(s, at, number);
    return sqlite3_bind_text64(s, at, key.at, key.len, SQLITE_STATIC, SQLITE_UTF8);
}

tc_span tc_sqlite_text(sqlite3_stmt *s, int column)
{
    const char *at = (const char *)sqlite3_column_text(s, column);
    return tc_span_of(at, at ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

tc_span tc_sqlite_key(sqlite3_stmt *s, int column, char room[TC_STORE_MADE_KEY])
{
    if (sqlite3_column_type(s, column) != SQLITE_INTEGER) return tc_sqlite_text(s, column);
    (void)snprintf(room, TC_STORE_MADE_KEY, "%" PRId64, (int64_t)sqlite3_column_int64(s, column));
    return tc_span_str(room);
}

/* --- opening ------------------------------------------------------------------------------- */

static tc_err complain(const tc_handle *h, const char *file, const char *what,
                       char why[TC_STORE_WHY])
{
    (void)snprintf(why, TC_STORE_WHY, "%s: %s", file, what ? what : sqlite3_errmsg(h->db));
    return TC_ERR_STORE_FILE;
}

static bool run(const tc_handle *h, const char *sql)
{
    return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* One value of one row; text. "" where there is none. */
static void ask(const tc_handle *h, const char *sql, char ret[64])
{
    sqlite3_stmt *s;
    ret[0] = 0;
    if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL)) return;
    if (sqlite3_step(s) == SQLITE_ROW)
        (void)snprintf(ret, 64, "%s", (const char *)sqlite3_column_text(s, 0));
    (void)sqlite3_finalize(s); /* says again what step said */
}

/* Ours, and whole; or empty, and made ours. */
static tc_err check(const tc_handle *h, const char *file, char why[TC_STORE_WHY])
{
    char application[64], layout[64], count[64], whole[64], want[32];
    ask(h, "PRAGMA application_id", application);
    if (!application[0]) return complain(h, file, NULL, why); /* no database at all */
    ask(h, "PRAGMA user_version", layout);
    ask(h, "SELECT count(*) FROM sqlite_schema", count);
    if (strcmp(count, "0") == 0 && strcmp(application, "0") == 0) {
        (void)snprintf(want, sizeof want, "PRAGMA user_version=%d", LAYOUT);
        if (run(h, "BEGIN IMMEDIATE") && run(h, "PRAGMA application_id=1415803508") &&
            run(h, want) && run(h, tables) && run(h, "COMMIT"))
            return TC_OK;
        return complain(h, file, NULL, why);
    }
    (void)snprintf(want, sizeof want, "%d", APPLICATION);
    if (strcmp(application, want)) return complain(h, file, "a database of another program", why);
    (void)snprintf(want, sizeof want, "%d", LAYOUT);
    if (strcmp(layout, want))
        return complain(h, file, "made by a newer version of this program", why);
    ask(h, "PRAGMA quick_check(1)", whole);
    if (strcmp(whole, "ok"))
        return complain(h, file,
                        whole[0] ? "damaged; restore a copy, or recover what can be with "
                                   "\"sqlite3 FILE .recover\""
                                 : NULL,
                        why);
    return TC_OK;
}

static bool make_indexes(const tc_handle *h, const tc_collection_config *c, int64_t id)
{
    char sql[SQL_BYTES];
    for (unsigned i = 0; i < c->index_count; i++) {
        const tc_span m = c->indexes[i];
        (void)snprintf(
            sql, sizeof sql,
            "CREATE INDEX IF NOT EXISTS \"record_%" PRId64 "_%.*s\" ON record"
            "(collection, json_extract(document, '$.%.*s'), key) WHERE collection=%" PRId64,
            id, TC_FMT(m), TC_FMT(m), id);
        if (!run(h, sql)) return false;
    }
    return true;
}

/* Their numbers in the database; the writing handle adds what is new. */
static bool find_collections(tc_handle *h, bool writes)
{
    sqlite3_stmt *add = NULL, *find = NULL;
    bool good =
        !sqlite3_prepare_v2(h->db, "SELECT id FROM collection WHERE name=?", -1, &find, NULL);
    if (writes && good)
        good = !sqlite3_prepare_v2(h->db, "INSERT OR IGNORE INTO collection(name) VALUES(?)", -1,
                                   &add, NULL);
    for (unsigned i = 0; i < h->count && good; i++) {
        const tc_span name = h->collections[i].name;
        if (add) {
            sqlite3_bind_text64(add, 1, name.at, name.len, SQLITE_STATIC, SQLITE_UTF8);
            good = sqlite3_step(add) == SQLITE_DONE && !sqlite3_reset(add);
        }
        sqlite3_bind_text64(find, 1, name.at, name.len, SQLITE_STATIC, SQLITE_UTF8);
        good = good && sqlite3_step(find) == SQLITE_ROW;
        if (good) h->ids[i] = sqlite3_column_int64(find, 0);
        good = good && !sqlite3_reset(find) &&
               (!writes || make_indexes(h, &h->collections[i], h->ids[i]));
    }
    (void)sqlite3_finalize(add);
    (void)sqlite3_finalize(find);
    return good;
}

static bool prepare(tc_handle *h, bool writes)
{
    const struct {
        sqlite3_stmt **to;
        const char *sql;
        bool writes;
    } all[] = {
        {&h->find, "SELECT version, changed, document FROM record WHERE collection=? AND key=?",
         false},
        {&h->begin, "BEGIN IMMEDIATE", true},
        {&h->where, "SELECT position FROM store", true},
        {&h->commit, "COMMIT", true},
        {&h->rollback, "ROLLBACK", true},
        {&h->count_up, "UPDATE store SET position=?", true},
        {&h->put,
         "INSERT INTO record(collection, key, version, changed, document) VALUES(?, ?, ?, ?, ?)"
         " ON CONFLICT(collection, key) DO UPDATE SET"
         " version=excluded.version, changed=excluded.changed, document=excluded.document",
         true},
        {&h->remove, "DELETE FROM record WHERE collection=? AND key=?", true},
        {&h->made,
         "SELECT max(made, coalesce((SELECT key FROM record WHERE collection=?1 AND key<''"
         " ORDER BY key DESC LIMIT 1), 0)) FROM collection WHERE id=?1",
         true},
        {&h->make, "UPDATE collection SET made=?2 WHERE id=?1", true},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((writes || !all[i].writes) &&
            sqlite3_prepare_v3(h->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].to, NULL))
            return false;
    return true;
}

static void close_handle(tc_handle *h)
{
    sqlite3_stmt *s;
    while (h->db && (s = sqlite3_next_stmt(h->db, NULL)))
        (void)sqlite3_finalize(s);
    (void)sqlite3_close(h->db);
    if (h->owner > 0) close(h->owner); /* last: it would take the locks of SQLite's along */
    tc_free(h->ids);
    tc_free(h);
}

static int look_at_clock(void *self)
{
    const tc_handle *h = self;
    return h->deadline && tc_clock_now() > h->deadline;
}

static int given_lock = -1;

static void inherit(int lock)
{
    given_lock = lock;
}

/* The lock is of the open file: whoever has a descriptor of it from us holds it with us. */
static bool is_given(const char *file)
{
    struct stat here, there;
    return given_lock >= 0 && fstat(given_lock, &here) == 0 && stat(file, &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

static bool inherited(const tc_handle *h)
{
    return h->inherited;
}

static int lock_of(const tc_handle *h)
{
    return h->owner;
}

/* One program at a time; and nobody else may read the file. */
static tc_err own(tc_handle *h, const char *file, char why[TC_STORE_WHY])
{
    char text[96];
    h->inherited = is_given(file);
    if (h->inherited) {
        h->owner = fcntl(given_lock, F_DUPFD_CLOEXEC, 3);
        return h->owner < 0 ? complain(h, file, strerror_r(errno, text, sizeof text), why) : TC_OK;
    }
    h->owner = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (h->owner < 0) return complain(h, file, strerror_r(errno, text, sizeof text), why);
    if (TEMP_FAILURE_RETRY(flock(h->owner, LOCK_EX | LOCK_NB)) == 0) return TC_OK;
    return complain(h, file,
                    errno == EWOULDBLOCK ? "another program serves from it now"
                                         : strerror_r(errno, text, sizeof text),
                    why);
}

static int look_at_log(void *self, sqlite3 *db, const char *name, int pages)
{
    tc_handle *h = self;
    (void)db;
    (void)name;
    h->log_pages = (uint64_t)pages;
    return SQLITE_OK;
}

static tc_err set_up(tc_handle *h, const char *file, bool writes, char why[TC_STORE_WHY])
{
    char text[64];
    tc_err err = writes ? own(h, file, why) : TC_OK;
    if (err) return err;
    const int how = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    if (sqlite3_open_v2(file, &h->db, how, NULL)) return complain(h, file, NULL, why);
    (void)sqlite3_busy_timeout(h->db, BUSY_MS);
    sqlite3_progress_handler(h->db, 1000, look_at_clock, h);
    if (!run(h, "PRAGMA cell_size_check=ON")) return complain(h, file, NULL, why);
    if (writes) {
        if (!h->inherited) err = check(h, file, why);
        if (err) return err;
        ask(h, "PRAGMA journal_mode=WAL", text);
        if (strcmp(text, "wal") && strcmp(text, "memory"))
            return complain(h, file, "its file system has no shared memory for a write-ahead log",
                            why);
        if (!run(h, "PRAGMA synchronous=FULL")) return complain(h, file, NULL, why);
        ask(h, "PRAGMA page_size", text);
        h->page_bytes = strtoull(text, NULL, 10);
        (void)sqlite3_wal_hook(h->db, look_at_log, h); /* instead of its own checkpoints */
    }
    if (!find_collections(h, writes) || !prepare(h, writes)) return complain(h, file, NULL, why);
    ask(h, "SELECT number FROM store", text);
    h->number = strtoull(text, NULL, 10);
    ask(h, "SELECT position FROM store", text);
    h->position = strtoull(text, NULL, 10);
    return TC_OK;
}

static tc_err open_handle(const char *file, bool writes, const tc_collection_config *collections,
                          unsigned count, tc_handle **ret_handle, char why[TC_STORE_WHY])
{
    tc_handle *h = tc_alloc_zero(sizeof *h);
    if (h) h->ids = tc_alloc_zero(count * sizeof *h->ids + 1);
    if (!h || !h->ids) {
        tc_free(h);
        return TC_ERR_NO_MEMORY;
    }
    h->collections = collections;
    h->count = count;
    const tc_err err = set_up(h, file, writes, why);
    if (err)
        close_handle(h);
    else
        *ret_handle = h;
    return err;
}

static uint64_t number(tc_handle *h)
{
    return h->number;
}

/* --- one at a time ------------------------------------------------------------------------- */

/* A statement that gives no row. */
static tc_err step(sqlite3_stmt *s)
{
    const int code = sqlite3_step(s);
    (void)sqlite3_reset(s); /* says the same again */
    return tc_sqlite_err(code);
}

static tc_err begin(tc_handle *h)
{
    const tc_err err = step(h->begin);
    if (err) return err;
    if (sqlite3_step(h->where) == SQLITE_ROW) /* another process may have written */
        h->position = (uint64_t)sqlite3_column_int64(h->where, 0);
    h->committed = h->position;
    return tc_sqlite_err(sqlite3_reset(h->where));
}

static tc_err commit(tc_handle *h)
{
    tc_err err = TC_OK;
    (void)sqlite3_reset(h->find);
    if (h->position != h->committed) {
        sqlite3_bind_int64(h->count_up, 1, (int64_t)h->position);
        err = step(h->count_up);
    }
    return err ? err : step(h->commit);
}

static void rollback(tc_handle *h)
{
    if (!sqlite3_get_autocommit(h->db)) (void)step(h->rollback); /* some errors have done it */
}

static void bind(const tc_handle *h, sqlite3_stmt *s, unsigned collection, tc_span key)
{
    (void)sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, h->ids[collection]);
    tc_sqlite_bind_key(s, 2, key);
}

static tc_err find(tc_handle *h, unsigned collection, tc_span key, tc_record *ret_record)
{
    bind(h, h->find, collection, key);
    const int code = sqlite3_step(h->find);
    if (code != SQLITE_ROW) {
        (void)sqlite3_reset(h->find);
        return code == SQLITE_DONE ? TC_ERR_NOTHING : tc_sqlite_err(code);
    }
    *ret_record = (tc_record){.key = key,
                              .version = (uint64_t)sqlite3_column_int64(h->find, 0),
                              .changed_s = sqlite3_column_int64(h->find, 1),
                              .document = tc_sqlite_text(h->find, 2)};
    return TC_OK;
}

static tc_err put(tc_handle *h, unsigned collection, tc_span key, tc_span document,
                  int64_t changed_s, uint64_t *ret_version)
{
    (void)sqlite3_reset(h->find);
    bind(h, h->put, collection, key);
    sqlite3_bind_int64(h->put, 3, (int64_t)++h->position);
    sqlite3_bind_int64(h->put, 4, changed_s);
    sqlite3_bind_text64(h->put, 5, document.at, document.len, SQLITE_STATIC, SQLITE_UTF8);
    *ret_version = h->position;
    return step(h->put);
}

static tc_err remove_one(tc_handle *h, unsigned collection, tc_span key)
{
    (void)sqlite3_reset(h->find);
    bind(h, h->remove, collection, key);
    h->position++;
    return step(h->remove);
}

/* One more than every number so far, also of those that are gone. */
static tc_err make_key(tc_handle *h, unsigned collection, char ret_key[TC_STORE_MADE_KEY])
{
    sqlite3_bind_int64(h->made, 1, h->ids[collection]);
    const int code = sqlite3_step(h->made);
    const int64_t last = code == SQLITE_ROW ? sqlite3_column_int64(h->made, 0) : 0;
    (void)sqlite3_reset(h->made);
    if (code != SQLITE_ROW) return tc_sqlite_err(code);
    if (last == INT64_MAX) return TC_ERR_STORE_FULL;
    (void)snprintf(ret_key, TC_STORE_MADE_KEY, "%" PRId64, last + 1);
    sqlite3_bind_int64(h->make, 1, h->ids[collection]);
    sqlite3_bind_int64(h->make, 2, last + 1);
    return step(h->make);
}

/* What was read is not held between two questions: the log could not be taken in. */
static void let_go(tc_handle *h)
{
    (void)sqlite3_reset(h->find);
}

static void why(tc_handle *h, char ret_why[TC_STORE_WHY])
{
    (void)snprintf(ret_why, TC_STORE_WHY, "%s (SQLite %d)", sqlite3_errmsg(h->db),
                   sqlite3_extended_errcode(h->db));
}

/* Takes the log into the database, when nobody waits for an answer. Readers that overlap keep it
 * from beginning anew: once it is long they are waited for, which ours let happen soon; where one
 * of another program's stays, not again before it has doubled. */
static void tidy(tc_handle *h, uint64_t log_bytes)
{
    const uint64_t bytes = h->log_pages * h->page_bytes;
    if (h->log_pages < TIDY_PAGES && bytes < log_bytes) return;
    if (h->next_restart < log_bytes) h->next_restart = log_bytes;
    const bool restarts = bytes >= h->next_restart;
    const int code = sqlite3_wal_checkpoint_v2(
        h->db, NULL, restarts ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    h->log_pages = 0; /* the next commit says it again */
    if (restarts) h->next_restart = code == SQLITE_OK ? log_bytes : 2 * bytes;
}

const tc_backend tc_backend_sqlite = {.name = "sqlite",
                                      .open = open_handle,
                                      .close = close_handle,
                                      .number = number,
                                      .inherit = inherit,
                                      .inherited = inherited,
                                      .lock = lock_of,
                                      .begin = begin,
                                      .commit = commit,
                                      .rollback = rollback,
                                      .find = find,
                                      .let_go = let_go,
                                      .put = put,
                                      .remove = remove_one,
                                      .make_key = make_key,
                                      .why = why,
                                      .tidy = tidy,
                                      .list = tc_sqlite_list};
