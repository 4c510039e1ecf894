/* store_case.c - see store_case.h. */
// SPDX-License-Identifier: MIT
#include "support/store_case.h"

#include <stdio.h>

#include "support/check.h"

tc_loop *store_case_loop;

tc_store *the_store;

char store_case_where[300];

tc_limits store_case_limits;

const tc_collection_config store_case_collections[] = {
    {.name = {"customers", 9}, .indexes = {{"Name", 4}}, .index_count = 1},
    {.name = {"orders", 6}},
};

tc_err reopen(char why[TC_STORE_WHY])
{
    tc_store_close(the_store);
    the_store = NULL;
    return tc_store_open(store_case_where, store_case_collections, COLLECTIONS, &store_case_limits,
                         &the_store, why);
}

static void tell(void *self, const char *why)
{
    (void)self;
    print_message("%s\n", why ? why : "works again");
}

void open_store(void)
{
    char why[TC_STORE_WHY];
    if (reopen(why)) fail_msg("%s", why);
    tc_store_watch(the_store, tell, NULL);
}

void store_case_decide(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
{
    question *q = (question *)a;
    q->refused =
        (q->if_version && (!before || before->version != q->if_version)) || (q->if_none && before);
    if (q->refused || (q->what == TC_STORE_DELETE && !before)) return;
    ret->what = q->what;
    ret->document = tc_span_str(q->document ? q->document : "");
    if (!a->makes_key) return;
    (void)snprintf(q->made, sizeof q->made, "{\"CustID\":%.*s}", TC_FMT(a->key));
    ret->document = tc_span_str(q->made);
}

bool store_case_row(tc_store_ask *a, const tc_record *r)
{
    question *q = (question *)a;
    if (q->rows.len + r->key.len > q->room) return false;
    assert_int_equal(tc_buf_printf(&q->rows, "%.*s ", TC_FMT(r->key)), TC_OK);
    return true;
}

void store_case_done(tc_store_ask *a)
{
    question *q = (question *)a;
    q->over = true;
    if (q->left) --*q->left;
}

void store_case_wait_for(const question *q)
{
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (!q->over && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(store_case_loop, patience), TC_OK);
    assert_true(q->over);
}

tc_err store_case_put(const char *key, const char *document)
{
    question q = {.ask = {.kind = TC_STORE_CHANGING,
                          .key = tc_span_str(key),
                          .decide = store_case_decide,
                          .done = store_case_done},
                  .what = TC_STORE_PUT,
                  .document = document};
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &q.ask), TC_OK);
    store_case_wait_for(&q);
    return q.ask.err;
}

bool store_case_take_away(const char *key)
{
    question q = {.ask = {.kind = TC_STORE_CHANGING,
                          .key = tc_span_str(key),
                          .decide = store_case_decide,
                          .done = store_case_done},
                  .what = TC_STORE_DELETE};
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &q.ask), TC_OK);
    store_case_wait_for(&q);
    assert_int_equal(q.ask.err, TC_OK);
    return q.ask.found;
}

static char got[4096];

uint64_t store_case_got_version;

/* What it holds is kept in got; the memory of an ask goes with its end. */
static void got_it(tc_store_ask *a)
{
    store_case_done(a);
    (void)snprintf(got, sizeof got, "%.*s", TC_FMT(a->record.document));
    store_case_got_version = a->record.version;
}

const char *store_case_get(unsigned collection, const char *key)
{
    question q = {.ask = {.kind = TC_STORE_GET,
                          .collection = collection,
                          .key = tc_span_str(key),
                          .done = got_it}};
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &q.ask), TC_OK);
    store_case_wait_for(&q);
    assert_int_equal(q.ask.err, TC_OK);
    return q.ask.found ? got : NULL;
}

char store_case_cursor[4096];

bool store_case_more;

static void listed(tc_store_ask *a)
{
    store_case_done(a);
    store_case_more = a->more;
    (void)snprintf(store_case_cursor, sizeof store_case_cursor, "%.*s", TC_FMT(a->cursor));
}

char rows[4096];

tc_err store_case_list(const tc_store_query *query)
{
    question q = {
        .ask = {.kind = TC_STORE_LIST, .query = query, .row = store_case_row, .done = listed},
        .room = 4000};
    tc_buf_init(&q.rows, sizeof rows - 1);
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &q.ask), TC_OK);
    store_case_wait_for(&q);
    (void)snprintf(rows, sizeof rows, "%.*s", TC_FMT(tc_buf_span(&q.rows)));
    tc_buf_fini(&q.rows);
    return q.ask.err;
}

folder store_case_here;

int store_case_set_up(void **state)
{
    (void)state;
    store_case_limits = tc_limits_default;
    folder_make(&store_case_here);
    (void)snprintf(store_case_where, sizeof store_case_where, "sqlite:%s/records.db",
                   store_case_here.path);
    return tc_loop_new(&store_case_loop) ? -1 : 0;
}

int store_case_tear_down(void **state)
{
    (void)state;
    tc_store_close(the_store);
    the_store = NULL;
    tc_loop_free(store_case_loop);
    folder_remove(&store_case_here);
    return 0;
}
