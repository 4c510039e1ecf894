/* fuzz_list.c - lists of a store: any filter, sort and cursor is an answer or an error of the
 * caller's, never one of the database's, and leads on. The input: a byte of flags, then members and
 * values, each ended by NUL: sort, after, and filters. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store.h"

enum { FILTERS = 4, ROWS = 12 };
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tc_loop *loop;
static tc_store *store;
static bool over, refused;
static unsigned rows;
static char after[70000];
static size_t after_len;

static void decide(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
{
    static const char *const documents[ROWS] = {
        "{\"a\":1}",        "{\"a\":1.5}", "{\"a\":\"1\"}",        "{\"a\":null}",
        "{\"b\":true}",     "{\"a\":[1]}", "{\"a\":{\"b\":2}}",    "{\"a\":\"\\u0000\"}",
        "{\"a\":\"text\"}", "{\"a\":-7}",  "{\"a\":\"\",\"b\":0}", "{}"};
    (void)before;
    ret->what = TC_STORE_PUT;
    ret->document = tc_span_str(documents[(a->key.at[0] - 'a') % ROWS]);
}

static bool row(tc_store_ask *a, const tc_record *record)
{
    (void)a;
    MUST(record->key.len && record->document.len);
    rows++;
    return true;
}

static void done(tc_store_ask *a)
{
    over = true;
    refused = a->err == TC_ERR_STORE_CURSOR;
    MUST(!a->err || refused || a->err == TC_ERR_STORE_TIME);
    after_len = a->more ? a->cursor.len : 0;
    MUST(after_len < sizeof after);
    if (after_len) memcpy(after, a->cursor.at, after_len);
}

static void ask(tc_store_ask *a)
{
    over = false;
    MUST(tc_store_begin(store, loop, a) == TC_OK);
    while (!over)
        MUST(tc_loop_turn(loop, tc_clock_now() + TC_S) == TC_OK);
}

static void begin(void)
{
    static const tc_collection_config collection = {
        .name = {"c", 1}, .indexes = {{"a", 1}}, .index_count = 1};
    char where[] = "sqlite:/tmp/fuzz_list.XXXXXX", why[TC_STORE_WHY], key[2] = "a";
    MUST(tc_loop_new(&loop) == TC_OK);
    const int fd = mkstemp(where + 7);
    MUST(fd >= 0 && close(fd) == 0);
    MUST(tc_store_open(where, &collection, 1, &tc_limits_default, &store, why) == TC_OK);
    for (int i = 0; i < ROWS; i++, key[0]++)
        ask(&(tc_store_ask){
            .kind = TC_STORE_CHANGING, .key = tc_span_str(key), .decide = decide, .done = done});
    MUST(unlink(where + 7) == 0);
}

static tc_span take(tc_span *all)
{
    const tc_span s = tc_span_take(all, tc_span_find(*all, 0));
    if (all->len) (void)tc_span_take(all, 1);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tc_span all = tc_span_of((const char *)data, size);
    tc_store_filter filters[FILTERS];
    if (!store) begin();
    if (!size) return 0;
    const uint8_t flags = (uint8_t)tc_span_take(&all, 1).at[0];
    tc_store_query q = {
        .filters = filters, .falling = flags & 1, .most = 1 + (flags >> 1 & 3), .limit_ns = TC_S};
    q.sort = take(&all);
    q.after = take(&all);
    if (q.sort.len && !tc_store_member(q.sort)) return 0;
    while (all.len && q.filter_count < FILTERS) {
        const tc_span member = take(&all), value = take(&all);
        if (!tc_store_member(member)) return 0;
        filters[q.filter_count] = (tc_store_filter){
            member, value, (enum tc_store_test)(((flags >> 3) + q.filter_count) % 6)};
        q.filter_count++;
    }
    tc_store_ask a = {.kind = TC_STORE_LIST, .query = &q, .row = row, .done = done};
    rows = 0;
    ask(&a);
    for (int pages = 0; after_len; pages++) { /* its own cursors are good, and come to an end */
        static char from[sizeof after];
        MUST(!refused && pages < 2 * ROWS);
        memcpy(from, after, after_len);
        q.after = tc_span_of(from, after_len);
        ask(&a);
        MUST(!refused);
    }
    return 0;
}
