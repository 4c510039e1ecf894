/* backend.h - what a database must be able to do for the store's threads. Each thread has a handle
 * of its own; calls block. Handles belong to one thread at a time. */
// SPDX-License-Identifier: MIT
#pragma once
#include "store/store.h"

typedef struct tc_handle tc_handle;

typedef struct tc_backend {
    const char *name; /* as in "sqlite:..." */
    /* The writing one comes first: it makes and checks what is not there, and the collections. */
    tc_err (*open)(const char *where, bool writes, const tc_collection_config *collections,
                   unsigned count, tc_handle **ret_handle, char why[TC_STORE_WHY]);
    void (*close)(tc_handle *h);
    uint64_t (*number)(tc_handle *h);
    /* What keeps other programs out, for a process that takes over: lock, a descriptor (-1: none),
     * is used if it is of the same database. Before open, and of the writing handle. */
    void (*inherit)(int lock);
    bool (*inherited)(const tc_handle *h); /* it was */
    int (*lock)(const tc_handle *h);

    /* A transaction of the writing handle; rollback is fine after every failure. */
    tc_err (*begin)(tc_handle *h);
    tc_err (*commit)(tc_handle *h); /* OK: it is synced */
    void (*rollback)(tc_handle *h);
    /* ret_record lives until the next call. TC_ERR_NOTHING: there is none. let_go: outside of a
     * transaction, when it is not needed any more. */
    tc_err (*find)(tc_handle *h, unsigned collection, tc_span key, tc_record *ret_record);
    void (*let_go)(tc_handle *h);
    tc_err (*put)(tc_handle *h, unsigned collection, tc_span key, tc_span document,
                  int64_t changed_s, uint64_t *ret_version);
    tc_err (*remove)(tc_handle *h, unsigned collection, tc_span key);
    tc_err (*make_key)(tc_handle *h, unsigned collection, char ret_key[TC_STORE_MADE_KEY]);

    /* What failed last, for people. */
    void (*why)(tc_handle *h, char ret_why[TC_STORE_WHY]);
    /* Housekeeping of the writing handle, when answers are out. */
    void (*tidy)(tc_handle *h, uint64_t log_bytes);

    /* Rows go to a->row; fills in a->more and a->cursor, in a->memory. */
    tc_err (*list)(tc_handle *h, tc_store_ask *a);
} tc_backend;

extern const tc_backend tc_backend_sqlite;
