/* records.h - collections of JSON documents over HTTP: what a PUT looks up and adds or replaces, a
 * PATCH changes, a GET shows to a program or a person. Documents are kept in a store as they were
 * sent.
 *
 * Below the path of a collection ("/customers") each record has its own ("/customers/100"), and
 * one name is the resource of requests ("/customers/requests"): a PUT there looks the record up by
 * the member that is its key. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/map.h"
#include "http/exchange.h"
#include "store/store.h"

#define TC_FORM_PLACE TC_SPAN("form") /* below a collection that has one */

enum { TC_COLLECTIONS = 64, TC_ETAG_BYTES = 48, TC_FORM_MEMBERS = 32 };

typedef struct tc_collection {
    tc_span path;     /* "/customers", without a slash at its end */
    tc_span key;      /* the member that is the key: "CustID" */
    tc_span requests; /* "requests" */
    bool conditional; /* what is there is changed only on a condition (428) */
    tc_span
        form[TC_FORM_MEMBERS]; /* what "/customers/form" asks people for; none: it has no form */
    unsigned form_count;
    tc_collection_config stored;
} tc_collection;

struct tc_entry;
struct tc_sessions;

/* A worker's own. */
typedef struct tc_records {
    tc_store *store;
    const tc_collection *collections;
    unsigned count;
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    struct tc_sessions *sessions; /* of those who use forms; NULL: there are no forms */
    tc_map cache;                 /* of entries; see records_cache.c */
    struct tc_entry *newest, *oldest;
    uint64_t cached; /* bytes */
} tc_records;

/* "/customers:CustID", or with members that get an index: "/customers:CustID:Name,Balance". NULL:
 * fine; else what is wrong. Points into text. */
const char *tc_collection_parse(tc_span text, tc_collection *ret_collection);

/* "/customers:Name,Address": the members that its form asks for. NULL: fine; else what is wrong.
 * Points into text. */
const char *tc_collection_form(tc_span text, tc_collection *collections, unsigned count);

void tc_records_init(tc_records *r, tc_store *store, const tc_collection *collections,
                     unsigned count, tc_loop *loop, const tc_limits *limits, tc_reached *reached);
void tc_records_fini(tc_records *r);

/* Gives x a handler if its path is a collection's or below one; collections: a bit for each that is
 * looked at. */
bool tc_records_route(tc_records *r, uint64_t collections, tc_exchange *x);

/* The one function that makes the entity tag of a record: strong, and never the same for another
 * version, key or store. */
tc_span tc_record_etag(uint64_t store_number, uint64_t version, char room[TC_ETAG_BYTES]);
