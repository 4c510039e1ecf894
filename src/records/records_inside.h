/* records_inside.h - what the files of records share. */
// SPDX-License-Identifier: MIT
#pragma once
#include "records/document.h"
#include "records/records.h"

/* What a path below a collection is. */
enum tc_place { TC_PLACE_COLLECTION, TC_PLACE_REQUESTS, TC_PLACE_RECORD, TC_PLACE_FORM };

/* An exchange with a collection, in its arena. */
typedef struct tc_asking {
    tc_records *records;
    const tc_collection *collection;
    unsigned number; /* of the collection */
    enum tc_place place;
    tc_span key;   /* RECORD: decoded */
    tc_span query; /* without "?" */
    void *state;   /* the handler's */
} tc_asking;

/* The answer to what went wrong: problem+json, unless the request would rather have a page (RFC
 * 9457). err decides about the status. */
tc_err tc_records_problem(tc_exchange *x, unsigned status, tc_span detail) TC_MUST_USE;
/* The same where a limit was passed, which why names in brackets at its end: counted, and a member
 * of the problem. fault: where in the content, or NULL. */
tc_err tc_records_limit(const tc_asking *a, tc_exchange *x, unsigned status, tc_span why,
                        const tc_document_fault *fault) TC_MUST_USE;
/* The same for an error of the store, counted. */
tc_err tc_records_fail(tc_asking *a, tc_exchange *x, tc_err err) TC_MUST_USE;
/* ETag and Last-Modified of a version. */
tc_err tc_records_validators(tc_asking *a, tc_exchange *x, uint64_t version,
                             int64_t changed_s) TC_MUST_USE;
/* memory, which tc_alloc gave (or NULL), ends with x, and so does what the store was asked to hold
 * for it. Also where this fails. */
tc_err tc_records_lend(const tc_asking *a, tc_exchange *x, void *memory, uint64_t held) TC_MUST_USE;
/* The memory of a page for people made of a document, until x ends; STORE_HELD. */
tc_err tc_records_hold_page(const tc_asking *a, tc_exchange *x, tc_span document) TC_MUST_USE;
/* Whether a text can be a key: not empty, no control characters, not "." or "..", UTF-8, and not
 * longer than allowed (record_key, in brackets). NULL: it can; else why not. */
const char *tc_records_key_fault(const tc_asking *a, tc_span key);
/* "/customers/100", percent-encoded; at is NULL without memory. */
tc_span tc_records_address(tc_arena *arena, const tc_collection *c, tc_span key);

/* --- records_cache.c: what was read, until somebody changes it ------------------------------ */

typedef struct tc_entry {
    tc_records *records;
    tc_store *store;
    struct tc_entry *newer, *older;
    unsigned refs;
    bool cached;
    uint64_t held;       /* of the store's, where it is not in the cache */
    uint64_t generation; /* of the store, from before it was read */
    tc_span id;          /* number of the collection (one byte) and key */
    tc_span document;
    uint64_t version;
    int64_t changed_s;
    tc_span etag;
    tc_block block; /* the fields of a 200 */
    tc_arena arena;
} tc_entry;

/* As it is now, with a reference for the caller; NULL: the store must be asked. */
tc_entry *tc_entry_get(tc_records *r, unsigned collection, tc_span key);
/* Made of what was found, remembered if there is room; one reference is the caller's. NO_MEMORY,
 * STORE_HELD. */
tc_err tc_entry_make(tc_records *r, unsigned collection, const tc_record *found,
                     uint64_t generation, tc_entry **ret_entry) TC_MUST_USE;
void tc_entry_unref(void *entry);

/* --- records_read.c, records_list.c, records_write.c, records_page.c ----------------------- */

extern const tc_handler tc_record_read_handler;  /* GET, HEAD of one */
extern const tc_handler tc_record_list_handler;  /* GET, HEAD of a collection */
extern const tc_handler tc_record_write_handler; /* PUT, POST, PATCH, DELETE */

/* --- forms.c --------------------------------------------------------------------------------- */

extern const tc_handler tc_form_page_handler; /* GET, HEAD of a form */
extern const tc_handler tc_form_sent_handler; /* POST of one */
