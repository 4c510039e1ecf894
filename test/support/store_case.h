/* store_case.h - a store, one question to it and its answer: for the suites of records. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "store/store.h"
#include "support/folder.h"

extern tc_loop *store_case_loop;
extern tc_store *the_store;
extern char store_case_where[300];
extern tc_limits store_case_limits;
extern const tc_collection_config store_case_collections[];

enum { CUSTOMERS, ORDERS, COLLECTIONS };

tc_err reopen(char why[TC_STORE_WHY]);
void open_store(void);

typedef struct question {
    tc_store_ask ask; /* first */
    enum tc_store_what what;
    const char *document;
    uint64_t if_version; /* 0: whatever there is */
    bool if_none;
    bool refused; /* by the condition */
    bool over;
    unsigned *left;
    tc_buf rows;
    size_t room; /* of the page */
    char made[128];
} question;

void store_case_decide(tc_store_ask *a, const tc_record *before, tc_store_change *ret);
bool store_case_row(tc_store_ask *a, const tc_record *r);
void store_case_done(tc_store_ask *a);
void store_case_wait_for(const question *q);
tc_err store_case_put(const char *key, const char *document);
bool store_case_take_away(const char *key);
extern uint64_t store_case_got_version;
const char *store_case_get(unsigned collection, const char *key);
extern char store_case_cursor[4096];
extern bool store_case_more;
extern char rows[4096];
tc_err store_case_list(const tc_store_query *query);
extern folder store_case_here;
int store_case_set_up(void **state);
int store_case_tear_down(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_case_set_up, store_case_tear_down)
