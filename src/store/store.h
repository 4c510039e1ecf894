/* store.h - records: documents by collection and key, in a database, asked for without making a
 * loop wait.
 *
 * A store has threads of its own. One writes: it takes all changes that wait, up to a batch, into
 * one transaction, and tells nobody before that is synced. One finds records, others make
 * lists, so that these keep nobody waiting who wants one record. What a change depends on is
 * decided by a function of the caller's inside the transaction, so that nothing can come between
 * looking and writing. The database is named in the backend alone (backend.h). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "net/loop.h"

typedef struct tc_store tc_store;

enum { TC_STORE_WHY = 256, TC_STORE_MADE_KEY = 24, TC_STORE_INDEXES = 16 };

/* Versions are the store's positions of change: unique, and they rise in the order of commits. */
typedef struct tc_record {
    tc_span key;
    tc_span document;
    uint64_t version;
    int64_t changed_s; /* wall clock, for Last-Modified */
} tc_record;

/* What is kept of one collection. */
typedef struct tc_collection_config {
    tc_span name;
    tc_span indexes[TC_STORE_INDEXES]; /* members by which lists are filtered and sorted fast */
    unsigned index_count;
} tc_collection_config;

struct tc_store_ask;

/* Told by tc_store_ask.decide. */
typedef struct tc_store_change {
    enum tc_store_what { TC_STORE_KEEP, TC_STORE_PUT, TC_STORE_DELETE } what;
    tc_span document; /* lives until the ask is done */
} tc_store_change;

enum tc_store_test {
    TC_STORE_EQUAL,
    TC_STORE_UNEQUAL,
    TC_STORE_MORE,
    TC_STORE_AT_LEAST,
    TC_STORE_LESS,
    TC_STORE_AT_MOST
};

/* member: a name, or names joined by dots, as tc_store_member says. value: text; what is a number,
 * true, false or null as JSON has it stands for that, too. */
typedef struct tc_store_filter {
    tc_span member, value;
    enum tc_store_test test;
} tc_store_filter;

typedef struct tc_store_query {
    const tc_store_filter *filters;
    unsigned filter_count;
    tc_span sort;  /* a member; empty: by key. Ties are sorted by key */
    bool falling;  /* the largest first */
    tc_span after; /* where the last page ended: tc_store_ask.cursor of it; empty: at the start */
    unsigned most; /* rows */
    int64_t limit_ns; /* for looking; 0: none */
} tc_store_query;

/* One question. Whoever asks allocates it, with what it points at, and does not touch it until it
 * is done; it outlives an exchange that is gone. */
typedef struct tc_store_ask {
    tc_task task; /* first; the store's */
    enum tc_store_kind { TC_STORE_GET, TC_STORE_LIST, TC_STORE_CHANGING } kind;
    unsigned collection; /* its place in what the store was opened with */
    tc_span key;         /* not of LIST */
    bool makes_key;      /* CHANGING: the store makes a new one, before decide */
    size_t weight;       /* bytes of memory that it holds while it waits */
    const tc_store_query *query;
    /* LIST, for each row, in a thread of the store's; the spans live until it returns. false: the
     * page is full without this row. */
    bool (*row)(struct tc_store_ask *a, const tc_record *record);
    /* CHANGING, in the transaction, in the store's thread; it may run again if the transaction has
     * to be. before: NULL: there is none. */
    void (*decide)(struct tc_store_ask *a, const tc_record *before, tc_store_change *ret);
    /* In the loop's thread, once, unless forgotten before. */
    void (*done)(struct tc_store_ask *a);
    /* The end of it, in any thread. */
    void (*release)(struct tc_store_ask *a);

    /* When it is done. OK also where nothing was found. */
    tc_err err;
    bool found;       /* GET: record is filled in. CHANGING: there was one before */
    tc_record record; /* GET: the whole. CHANGING: version and changed_s as they are now */
    bool more;        /* LIST: there are rows behind */
    tc_span cursor;   /* ... from here on */

    /* its own */
    struct tc_store_ask *next;
    tc_loop *loop;
    char *memory; /* of what was found */
    char made[TC_STORE_MADE_KEY];
    tc_store_change change;
    bool forgotten;
} tc_store_ask;

typedef struct tc_store_counts {
    uint64_t reads, writes, syncs; /* syncs: transactions */
    uint64_t held;                 /* bytes, now */
} tc_store_counts;

/* where: "sqlite:FILE". TC_ERR_STORE_FILE: it cannot be used, and why says what is wrong. */
tc_err tc_store_open(const char *where, const tc_collection_config *collections, unsigned count,
                     const tc_limits *limits, tc_store **ret_store,
                     char why[TC_STORE_WHY]) TC_MUST_USE;
/* Two processes may serve from one store at a time where one takes over from the other: the second
 * one has the descriptors of the first, TC_STORE_SHARED of them, and gives them here before it
 * opens the store. Its own are to be closed by the caller. Of another store: they are not used. */
enum { TC_STORE_SHARED = 2 };
void tc_store_inherit(const int fds[TC_STORE_SHARED]);
void tc_store_shared(const tc_store *store, int ret_fds[TC_STORE_SHARED]);
/* tell is called in a thread of the store's when the database begins to fail, with what it says of
 * it, and with NULL when it works again; at most once a minute for each thread. Before anything is
 * asked. */
void tc_store_watch(tc_store *store, void (*tell)(void *self, const char *why), void *self);
/* Waits until all that was asked is done. No loop may ask any more. */
void tc_store_close(tc_store *store);

/* TC_ERR_STORE_BUSY: store_waiting or store_bytes is reached. done is not called from inside. After
 * an error a is still the caller's. */
tc_err tc_store_begin(tc_store *store, tc_loop *loop, tc_store_ask *a) TC_MUST_USE;
/* done is not called any more. What was asked may still happen. Before a loop goes, all that it
 * asked must be done or forgotten, and the loop be turned once. */
void tc_store_forget(tc_store *store, tc_store_ask *a);

/* Memory of requests and answers about records, counted here since they outlive their workers.
 * false: it would be more than store_held. Any thread. */
bool tc_store_hold(tc_store *store, uint64_t bytes) TC_MUST_USE;
/* What is there already, and cannot be refused. */
void tc_store_hold_more(tc_store *store, uint64_t bytes);
void tc_store_drop(tc_store *store, uint64_t bytes);

/* A number that changed if the record did, before whoever changed it was told; and may have changed
 * without it. Any thread. */
uint64_t tc_store_generation(const tc_store *store, unsigned collection, tc_span key);
/* Random, made with the database: versions of two stores never mean the same. */
uint64_t tc_store_number(const tc_store *store);
tc_store_counts tc_store_count(const tc_store *store);

/* Whether a member may be filtered and sorted by: letters, digits, "_" and "-", joined by dots. */
bool tc_store_member(tc_span name);
/* Whether a key is an integer in canonical form, so that "100" is 100. Those sort as numbers,
 * before all others. */
bool tc_store_integer(tc_span key, int64_t *ret_number);
