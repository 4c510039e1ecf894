/* records_list.c - GET and HEAD of a collection: a page of records, by key or by a member, from a
 * cursor on, with those that a query names.
 *
 *     ?limit=20&sort=-Balance&Name=David+Smith&Balance=gt.100&after=...
 *
 * A comparison stands before the value and a dot: eq ne gt ge lt le. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/alloc.h"
#include "http/accept.h"
#include "http/percent.h"
#include "page/acceptable.h"
#include "records/records_page.h"

enum { ENDING = 8, FILTERS = 8, USUAL_ROWS = 100, QUERY_ROOM = 8192 };

/* On its way to the store; outlives an exchange that is gone. */
typedef struct listing {
    tc_store_ask ask; /* first */
    tc_exchange *x;
    tc_asking *asking;
    tc_store_query query;
    tc_store_filter filters[FILTERS];
    tc_arena arena; /* the query as it came, and what of it was decoded */
    tc_buf rows;    /* "[{...},{...}" */
    tc_store *store;
    uint64_t held; /* of the store's */
    bool ended;    /* the page has enough bytes */
    bool starved;  /* no memory is held for any more */
} listing;

/* --- the query ----------------------------------------------------------------------------- */

static void take_test(tc_span *value, enum tc_store_test *ret)
{
    static const struct {
        tc_span word;
        enum tc_store_test test;
    } words[] = {{{"eq.", 3}, TC_STORE_EQUAL}, {{"ne.", 3}, TC_STORE_UNEQUAL},
                 {{"gt.", 3}, TC_STORE_MORE},  {{"ge.", 3}, TC_STORE_AT_LEAST},
                 {{"lt.", 3}, TC_STORE_LESS},  {{"le.", 3}, TC_STORE_AT_MOST}};
    *ret = TC_STORE_EQUAL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!tc_span_starts(*value, words[i].word)) continue;
        *value = tc_span_from(*value, words[i].word.len);
        *ret = words[i].test;
        return;
    }
}

static const char *take_limit(listing *l, tc_span value)
{
    uint64_t n;
    if (!tc_span_number(value, &n) || n == 0) return "limit is a number from 1 on";
    if (n > l->asking->records->limits->list_rows) return "limit is too large (list_rows)";
    l->query.most = (unsigned)n;
    return NULL;
}

/* NULL: fine; else what is wrong. */
static const char *take_parameter(listing *l, tc_span name, tc_span value)
{
    if (tc_span_eq(name, TC_SPAN("limit"))) return take_limit(l, value);
    if (tc_span_eq(name, TC_SPAN("after"))) {
        l->query.after = value;
        return value.len ? NULL : "after is empty: it is part of the address in Link";
    }
    if (tc_span_eq(name, TC_SPAN("sort"))) {
        l->query.falling = tc_span_starts(value, TC_SPAN("-"));
        l->query.sort = tc_span_from(value, l->query.falling);
        return tc_store_member(l->query.sort)
                   ? NULL
                   : "sort is a member, with - before it for the other way round";
    }
    if (!tc_store_member(name))
        return "a filter is NAME=VALUE; names have letters, digits, _ - and .";
    if (l->query.filter_count == FILTERS) return "there are more than 8 filters";
    tc_store_filter *f = &l->filters[l->query.filter_count++];
    f->member = name;
    f->value = value;
    take_test(&f->value, &f->test);
    return NULL;
}

static const char *read_query(listing *l, tc_span query)
{
    const char *fault = NULL;
    while (query.len && !fault) {
        const tc_span part = tc_span_take(&query, tc_span_find(query, '&'));
        if (query.len) (void)tc_span_take(&query, 1);
        if (!part.len) continue;
        const size_t equals = tc_span_find(part, '=');
        const tc_span name = tc_percent_decode(&l->arena, tc_span_first(part, equals), true);
        const tc_span value = tc_percent_decode(&l->arena, tc_span_from(part, equals + 1), true);
        if (equals == part.len) return "a filter is NAME=VALUE";
        if (!name.at || !value.at) return "a % in the query is not followed by two hex digits";
        fault = take_parameter(l, name, value);
    }
    /* By the key itself, in its own order, which has an index always. */
    if (tc_span_eq(l->query.sort, l->asking->collection->key)) l->query.sort = (tc_span){0};
    return fault;
}

/* --- the page ------------------------------------------------------------------------------ */

/* In the store's thread. A page ends where it has enough bytes, after one row at least. */
static bool row(tc_store_ask *ask, const tc_record *record)
{
    listing *l = (listing *)ask;
    const size_t before = l->rows.len, after = before + record->document.len + ENDING;
    l->ended = after > l->rows.max;
    if (l->ended) return false;
    if (after > l->held) { /* the buffer doubles */
        const uint64_t more = after < 2 * l->held ? l->held : after - l->held;
        l->starved = !tc_store_hold(l->store, more);
        if (l->starved) return false;
        l->held += more;
    }
    tc_err err = tc_buf_add_byte(&l->rows, before ? ',' : '[');
    if (!err) err = tc_buf_add(&l->rows, record->document);
    if (err) l->rows.len = before;
    return !err;
}

/* The query as it came, but for where it begins. at is NULL without memory. */
static tc_span next_address(const tc_asking *a, tc_exchange *x, tc_span cursor)
{
    tc_span to = a->collection->path, query = a->query;
    const char *between = "?";
    while (query.len && to.at) {
        const tc_span part = tc_span_take(&query, tc_span_find(query, '&'));
        if (query.len) (void)tc_span_take(&query, 1);
        if (!part.len || tc_span_starts(part, TC_SPAN("after="))) continue;
        to = tc_arena_printf(&x->arena, "%.*s%s%.*s", TC_FMT(to), between, TC_FMT(part));
        between = "&";
    }
    cursor = tc_percent_encode(&x->arena, cursor, ":");
    if (!to.at || !cursor.at) return (tc_span){0};
    return tc_arena_printf(&x->arena, "%.*s%safter=%.*s", TC_FMT(to), between, TC_FMT(cursor));
}

static tc_err link_next(tc_asking *a, tc_exchange *x, const listing *l, tc_span *ret_next)
{
    *ret_next = (tc_span){0};
    if (!l->ask.more || !l->ask.cursor.len) return TC_OK;
    *ret_next = next_address(a, x, l->ask.cursor);
    if (!ret_next->at) return TC_ERR_NO_MEMORY;
    const tc_span link = tc_arena_printf(&x->arena, "<%.*s>; rel=\"next\"", TC_FMT(*ret_next));
    if (!link.at) return TC_ERR_NO_MEMORY;
    return tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LINK, link);
}

/* The rows go with the exchange: they are borrowed until its end. */
static tc_err lend_rows(tc_asking *a, tc_exchange *x, listing *l)
{
    const tc_err err = tc_records_lend(a, x, l->rows.memory, l->held);
    tc_buf_init(&l->rows, 1); /* they are x's now, or gone */
    l->held = 0;
    return err;
}

static tc_err answer(tc_asking *a, tc_exchange *x, listing *l)
{
    tc_span next;
    tc_fields *to = &x->ours.fields;
    if (!l->rows.len && l->starved) return tc_records_fail(a, x, TC_ERR_STORE_HELD);
    if (!l->rows.len && l->ended)
        return tc_records_limit(
            a, x, 500, TC_SPAN("a record is larger than a page of a list (list_bytes)"), NULL);
    if (!l->rows.len && l->ask.more) return TC_ERR_NO_MEMORY;
    a->records->reached->list_bytes += l->ended;
    tc_err err = tc_buf_add(&l->rows, l->rows.len ? TC_SPAN("]\n") : TC_SPAN("[]\n"));
    if (!err) err = link_next(a, x, l, &next);
    if (err) return err;
    const tc_span rows = tc_buf_span(&l->rows);
    err = lend_rows(a, x, l);
    if (!err) err = tc_fields_set(to, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-cache"));
    if (!err) err = tc_fields_set(to, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
    if (err) return err;
    if (tc_accept_kind(&x->theirs, TC_REPLY_JSON) == TC_REPLY_HTML) {
        err = tc_records_hold_page(a, x, rows);
        return err ? tc_records_fail(a, x, err) : tc_record_list_page(a, x, rows, next);
    }
    err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_TYPE, TC_SPAN("application/json"));
    return err ? err : tc_exchange_reply(x, 200, tc_run_bytes(rows));
}

static void done(tc_store_ask *ask)
{
    listing *l = (listing *)ask;
    l->asking->state = NULL;
    const tc_err err =
        ask->err ? tc_records_fail(l->asking, l->x, ask->err) : answer(l->asking, l->x, l);
    if (err) tc_exchange_abort(l->x, err);
}

static void release(tc_store_ask *ask)
{
    listing *l = (listing *)ask;
    tc_store_drop(l->store, l->held);
    tc_buf_fini(&l->rows);
    tc_arena_fini(&l->arena);
    tc_free(l);
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_asking *a = self;
    const tc_limits *limits = a->records->limits;
    if (tc_wants_coded(x)) return tc_not_acceptable(x, (tc_span){0}, 0, TC_REPLY_JSON);
    listing *l = tc_alloc_zero(sizeof *l);
    if (!l) return TC_ERR_NO_MEMORY;
    l->x = x;
    l->asking = a;
    l->store = a->records->store;
    tc_arena_init(&l->arena, NULL, 0, QUERY_ROOM + 4 * a->query.len);
    tc_buf_init(&l->rows, limits->list_bytes);
    l->query.filters = l->filters;
    l->query.most = USUAL_ROWS < limits->list_rows ? USUAL_ROWS : (unsigned)limits->list_rows;
    l->query.limit_ns = (int64_t)limits->list_ms * TC_MS;
    l->ask = (tc_store_ask){.kind = TC_STORE_LIST,
                            .collection = a->number,
                            .query = &l->query,
                            .row = row,
                            .weight = sizeof *l + 2 * a->query.len,
                            .done = done,
                            .release = release};
    const tc_span query = tc_arena_copy(&l->arena, a->query);
    tc_err err = a->query.len && !query.at ? TC_ERR_NO_MEMORY : TC_OK;
    const char *fault = err ? NULL : read_query(l, query);
    if (!fault && !err) err = tc_store_begin(a->records->store, a->records->loop, &l->ask);
    if (!fault && !err) {
        a->state = l;
        return TC_OK;
    }
    release(&l->ask);
    return fault ? tc_records_limit(a, x, 400, tc_span_str(fault), NULL)
                 : tc_records_fail(a, x, err);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_asking *a = self;
    (void)x;
    (void)why;
    listing *l = a->state;
    if (l) tc_store_forget(a->records->store, &l->ask);
}

const tc_handler tc_record_list_handler = {
    .name = "records", .on_head = on_head, .on_close = on_close};
