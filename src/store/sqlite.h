/* sqlite.h - what the files of the SQLite store share. */
// SPDX-License-Identifier: MIT
#pragma once
#include <sqlite3.h>

#include "store/backend.h"

struct tc_handle {
    sqlite3 *db;
    sqlite3_stmt *where, *begin, *commit, *rollback, *count_up, *find, *put, *remove, *made, *make;
    const tc_collection_config *collections;
    unsigned count;
    int64_t *ids; /* of the collections, in the database */
    uint64_t number;
    uint64_t position;                 /* of the last change; the writing handle alone counts */
    uint64_t committed;                /* ... when the transaction began */
    uint64_t log_pages;                /* of the write-ahead log */
    uint64_t page_bytes, next_restart; /* bytes of it at which readers are waited for */
    int owner;                         /* the file, locked by us; 0: not by this handle */
    bool inherited;                    /* that lock: who has it, too, has checked the file */
    int64_t deadline;                  /* of a list, as tc_clock_now; 0: none */
};

/* What an error of SQLite's is to us. */
tc_err tc_sqlite_err(int code);
int tc_sqlite_bind_key(sqlite3_stmt *s, int at, tc_span key);
/* Lives until the statement is stepped or reset; integers are in room. */
tc_span tc_sqlite_key(sqlite3_stmt *s, int column, char room[TC_STORE_MADE_KEY]);
tc_span tc_sqlite_text(sqlite3_stmt *s, int column);

tc_err tc_sqlite_list(tc_handle *h, tc_store_ask *a);
