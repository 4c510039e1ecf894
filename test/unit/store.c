/* The store of records on SQLite: looking, changing, conditions, lists, bounds, files that are none
 * of ours. */
// SPDX-License-Identifier: MIT
#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/check.h"
#include "support/folder.h"

static tc_loop *loop;
static tc_store *store;
static char where[300];
static tc_limits limits;
static const tc_collection_config collections[] = {
    {.name = {"customers", 9}, .indexes = {{"Name", 4}}, .index_count = 1},
    {.name = {"orders", 6}},
};
enum { CUSTOMERS, ORDERS, COLLECTIONS };

static tc_err reopen(char why[TC_STORE_WHY])
{
    tc_store_close(store);
    store = NULL;
    return tc_store_open(where, collections, COLLECTIONS, &limits, &store, why);
}

static void tell(void *self, const char *why)
{
    (void)self;
    print_message("%s\n", why ? why : "works again");
}

static void open_store(void)
{
    char why[TC_STORE_WHY];
    if (reopen(why)) fail_msg("%s", why);
    tc_store_watch(store, tell, NULL);
}

/* --- one question, and its answer ---------------------------------------------------------- */

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

static void decide(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
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

static bool row(tc_store_ask *a, const tc_record *r)
{
    question *q = (question *)a;
    if (q->rows.len + r->key.len > q->room) return false;
    assert_int_equal(tc_buf_printf(&q->rows, "%.*s ", TC_FMT(r->key)), TC_OK);
    return true;
}

static void done(tc_store_ask *a)
{
    question *q = (question *)a;
    q->over = true;
    if (q->left) --*q->left;
}

static void wait_for(const question *q)
{
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (!q->over && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(loop, patience), TC_OK);
    assert_true(q->over);
}

static tc_err put(const char *key, const char *document)
{
    question q = {
        .ask = {.kind = TC_STORE_CHANGING, .key = tc_span_str(key), .decide = decide, .done = done},
        .what = TC_STORE_PUT,
        .document = document};
    assert_int_equal(tc_store_begin(store, loop, &q.ask), TC_OK);
    wait_for(&q);
    return q.ask.err;
}

static bool take_away(const char *key)
{
    question q = {
        .ask = {.kind = TC_STORE_CHANGING, .key = tc_span_str(key), .decide = decide, .done = done},
        .what = TC_STORE_DELETE};
    assert_int_equal(tc_store_begin(store, loop, &q.ask), TC_OK);
    wait_for(&q);
    assert_int_equal(q.ask.err, TC_OK);
    return q.ask.found;
}

static char got[4096];
static uint64_t got_version;

/* What it holds is kept in got; the memory of an ask goes with its end. */
static void got_it(tc_store_ask *a)
{
    done(a);
    (void)snprintf(got, sizeof got, "%.*s", TC_FMT(a->record.document));
    got_version = a->record.version;
}

static const char *get(unsigned collection, const char *key)
{
    question q = {.ask = {.kind = TC_STORE_GET,
                          .collection = collection,
                          .key = tc_span_str(key),
                          .done = got_it}};
    assert_int_equal(tc_store_begin(store, loop, &q.ask), TC_OK);
    wait_for(&q);
    assert_int_equal(q.ask.err, TC_OK);
    return q.ask.found ? got : NULL;
}

static char cursor[4096];
static bool more;

static void listed(tc_store_ask *a)
{
    done(a);
    more = a->more;
    (void)snprintf(cursor, sizeof cursor, "%.*s", TC_FMT(a->cursor));
}

static char rows[4096];

static tc_err list(const tc_store_query *query)
{
    question q = {.ask = {.kind = TC_STORE_LIST, .query = query, .row = row, .done = listed},
                  .room = 4000};
    tc_buf_init(&q.rows, sizeof rows - 1);
    assert_int_equal(tc_store_begin(store, loop, &q.ask), TC_OK);
    wait_for(&q);
    (void)snprintf(rows, sizeof rows, "%.*s", TC_FMT(tc_buf_span(&q.rows)));
    tc_buf_fini(&q.rows);
    return q.ask.err;
}

/* --- records ------------------------------------------------------------------------------- */

static void added_changed_and_taken_away(void **state)
{
    (void)state;
    open_store();
    assert_null(get(CUSTOMERS, "100"));
    assert_int_equal(put("100", "{\"CustID\":100}"), TC_OK);
    assert_string_equal(get(CUSTOMERS, "100"), "{\"CustID\":100}");
    const uint64_t first = got_version;
    assert_null(get(ORDERS, "100")); /* another collection */
    assert_int_equal(put("100", "{\"CustID\":100,\"Name\":\"x\"}"), TC_OK);
    assert_string_equal(get(CUSTOMERS, "100"), "{\"CustID\":100,\"Name\":\"x\"}");
    assert_true(got_version > first);
    const uint64_t second = got_version;
    open_store(); /* it is all there after a restart */
    assert_string_equal(get(CUSTOMERS, "100"), "{\"CustID\":100,\"Name\":\"x\"}");
    assert_int_equal(got_version, second);
    assert_true(take_away("100"));
    assert_false(take_away("100"));
    assert_null(get(CUSTOMERS, "100"));
    open_store();
    assert_int_equal(put("100", "{}"), TC_OK); /* no version comes again */
    assert_non_null(get(CUSTOMERS, "100"));
    assert_true(got_version > second);
}

static void keys_are_numbers_or_texts(void **state)
{
    (void)state;
    static const char *const keys[] = {"0",
                                       "-5",
                                       "100",
                                       "0100",
                                       "-0",
                                       "1e2",
                                       " 100",
                                       "abc",
                                       "a'b",
                                       "9223372036854775807",
                                       "9223372036854775808",
                                       "-9223372036854775808",
                                       "\xc3\xa9"};
    open_store();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char document[64];
        (void)snprintf(document, sizeof document, "[%zu]", i);
        assert_int_equal(put(keys[i], document), TC_OK);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char document[64];
        (void)snprintf(document, sizeof document, "[%zu]", i);
        assert_string_equal(get(CUSTOMERS, keys[i]), document);
    }
    assert_int_equal(list(&(tc_store_query){.most = 50}), TC_OK);
    assert_string_equal(rows, "-5 0 100 9223372036854775807  100 -0 -9223372036854775808 0100 1e2 "
                              "9223372036854775808 a'b abc \xc3\xa9 ");
}

static void keys_are_made(void **state)
{
    (void)state;
    static const char *const want[] = {"1", "2", "41", "42"};
    open_store();
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        question q = {
            .ask = {.kind = TC_STORE_CHANGING, .makes_key = true, .decide = decide, .done = done},
            .what = TC_STORE_PUT};
        if (i == 2) assert_int_equal(put("40", "{}"), TC_OK);
        assert_int_equal(tc_store_begin(store, loop, &q.ask), TC_OK);
        wait_for(&q);
        assert_int_equal(q.ask.err, TC_OK);
        char document[64];
        check_span(q.ask.record.key, want[i]);
        (void)snprintf(document, sizeof document, "{\"CustID\":%s}", want[i]);
        assert_string_equal(get(CUSTOMERS, want[i]), document);
        if (i == 1) assert_true(take_away("2")); /* it is not made again */
        if (i == 1) assert_int_equal(put("zzz", "{}"), TC_OK);
    }
}

/* Of many who saw the same version one wins. */
static void one_of_a_thousand_wins(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static question all[MANY];
    unsigned left = MANY, won = 0;
    limits.store_waiting = MANY;
    open_store();
    assert_int_equal(put("1", "{}"), TC_OK);
    assert_non_null(get(CUSTOMERS, "1"));
    const uint64_t generation = tc_store_generation(store, CUSTOMERS, tc_span_str("1"));
    for (int i = 0; i < MANY; i++) {
        all[i] = (question){
            .ask = {.kind = TC_STORE_CHANGING, .key = TC_SPAN("1"), .decide = decide, .done = done},
            .what = TC_STORE_PUT,
            .document = "[]",
            .if_version = got_version,
            .left = &left};
        assert_int_equal(tc_store_begin(store, loop, &all[i].ask), TC_OK);
    }
    while (left)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i].ask.err, TC_OK);
        won += !all[i].refused;
        assert_true(all[i].ask.record.version > got_version || !all[i].refused);
    }
    assert_int_equal(won, 1);
    assert_true(tc_store_generation(store, CUSTOMERS, tc_span_str("1")) != generation);
    const tc_store_counts counts = tc_store_count(store);
    assert_int_equal(counts.writes, 2);
}

static pthread_mutex_t shut = PTHREAD_MUTEX_INITIALIZER;

/* The first change takes as long as the test has the lock. */
static void decide_later(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
{
    pthread_mutex_lock(&shut);
    pthread_mutex_unlock(&shut);
    decide(a, before, ret);
}

/* Changes that come while a transaction is under way share the next one. */
static void many_share_a_sync(void **state)
{
    (void)state;
    enum { MANY = 500 };
    static question all[MANY];
    static char keys[MANY][16];
    unsigned left = MANY;
    open_store();
    pthread_mutex_lock(&shut);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%d", i);
        all[i] = (question){.ask = {.kind = TC_STORE_CHANGING,
                                    .key = tc_span_str(keys[i]),
                                    .decide = i ? decide : decide_later,
                                    .done = done},
                            .what = TC_STORE_PUT,
                            .document = "{}",
                            .left = &left};
        assert_int_equal(tc_store_begin(store, loop, &all[i].ask), TC_OK);
    }
    pthread_mutex_unlock(&shut);
    while (left)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    const tc_store_counts counts = tc_store_count(store);
    assert_int_equal(counts.writes, MANY);
    assert_true(counts.syncs < MANY / 4);
}

static void what_is_too_much_is_refused(void **state)
{
    (void)state;
    question held = {.ask = {.kind = TC_STORE_GET, .key = TC_SPAN("1"), .done = done}};
    limits.store_bytes = 1000;
    open_store();
    held.ask.weight = 1001;
    assert_int_equal(tc_store_begin(store, loop, &held.ask), TC_ERR_STORE_BUSY);
    limits = tc_limits_default;
    limits.store_waiting = 0; /* less than can be set: nothing may wait */
    open_store();
    assert_int_equal(tc_store_begin(store, loop, &held.ask), TC_ERR_STORE_BUSY);
}

static void put_away(tc_store_ask *a)
{
    tc_free(a);
}

/* An exchange may go at any time. */
static void what_is_forgotten_is_released(void **state)
{
    (void)state;
    open_store();
    for (int i = 0; i < 200; i++) {
        question *q = tc_alloc_zero(sizeof *q);
        assert_non_null(q);
        q->ask = (tc_store_ask){.kind = i & 1 ? TC_STORE_GET : TC_STORE_CHANGING,
                                .key = TC_SPAN("1"),
                                .decide = decide,
                                .done = done,
                                .release = put_away};
        q->what = TC_STORE_PUT;
        q->document = "{}";
        assert_int_equal(tc_store_begin(store, loop, &q->ask), TC_OK);
        if (i % 3 == 0) usleep(500);
        tc_store_forget(store, &q->ask);
        if (i % 5 == 0) assert_int_equal(tc_loop_turn(loop, tc_clock_now()), TC_OK);
    }
    tc_store_close(store);
    store = NULL;
    assert_int_equal(tc_loop_turn(loop, tc_clock_now()), TC_OK); /* LeakSanitizer counts */
}

/* --- lists --------------------------------------------------------------------------------- */

static void fill(void)
{
    open_store();
    assert_int_equal(put("1", "{\"Name\":\"Smith\",\"Balance\":100,\"a\":{\"b\":1},\"ok\":true}"),
                     TC_OK);
    assert_int_equal(put("2", "{\"Name\":\"Adams\",\"Balance\":-5.5,\"ok\":false}"), TC_OK);
    assert_int_equal(put("3", "{\"Name\":\"Smith\",\"Balance\":\"100\",\"a\":{\"b\":2}}"), TC_OK);
    assert_int_equal(put("4", "{\"Name\":null,\"Balance\":1000}"), TC_OK);
    assert_int_equal(put("x", "{\"Name\":\"O'Neil % \\\"\",\"ok\":\"true\"}"), TC_OK);
}

static void filters(void **state)
{
    (void)state;
    static const struct {
        const char *member, *value;
        enum tc_store_test test;
        const char *want;
    } cases[] = {
        {"Name", "Smith", TC_STORE_EQUAL, "1 3 "},
        {"Name", "smith", TC_STORE_EQUAL, ""},
        {"Name", "Smith", TC_STORE_UNEQUAL, "2 4 x "},
        {"Name", "O'Neil % \"", TC_STORE_EQUAL, "x "},
        {"Name", "' OR 1=1 --", TC_STORE_EQUAL, ""},
        {"Name", "null", TC_STORE_EQUAL, "4 "},
        {"Name", "null", TC_STORE_UNEQUAL, "1 2 3 x "},
        {"Name", "B", TC_STORE_MORE, "1 3 x "},
        {"Name", "B", TC_STORE_LESS, "2 "},
        {"Balance", "100", TC_STORE_EQUAL, "1 3 "},
        {"Balance", "1e2", TC_STORE_EQUAL, "1 "},
        {"Balance", "100", TC_STORE_UNEQUAL, "2 4 x "},
        {"Balance", "100", TC_STORE_AT_LEAST, "1 4 "},
        {"Balance", "100", TC_STORE_MORE, "4 "},
        {"Balance", "100", TC_STORE_LESS, "2 "},
        {"Balance", "100", TC_STORE_AT_MOST, "1 2 "},
        {"a.b", "2", TC_STORE_EQUAL, "3 "},
        {"a.b", "0", TC_STORE_MORE, "1 3 "},
        {"ok", "true", TC_STORE_EQUAL, "1 x "},
        {"ok", "false", TC_STORE_EQUAL, "2 "},
        {"ok", "true", TC_STORE_UNEQUAL, "2 3 4 "},
        {"none", "1", TC_STORE_EQUAL, ""},
        {"none", "1", TC_STORE_UNEQUAL, "1 2 3 4 x "},
    };
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_store_filter f = {tc_span_str(cases[i].member), tc_span_str(cases[i].value),
                                   cases[i].test};
        assert_true(tc_store_member(f.member));
        assert_int_equal(list(&(tc_store_query){.filters = &f, .filter_count = 1, .most = 50}),
                         TC_OK);
        if (strcmp(rows, cases[i].want))
            fail_msg("%s %d %s: %s", cases[i].member, (int)cases[i].test, cases[i].value, rows);
    }
    const tc_store_filter both[] = {{TC_SPAN("Name"), TC_SPAN("Smith"), TC_STORE_EQUAL},
                                    {TC_SPAN("Balance"), TC_SPAN("0"), TC_STORE_MORE}};
    assert_int_equal(list(&(tc_store_query){.filters = both, .filter_count = 2, .most = 50}),
                     TC_OK);
    assert_string_equal(rows, "1 ");
}

/* Each way of sorting, in pages of every size: all rows once, in the order of one large page. */
static void pages(void **state)
{
    (void)state;
    static const struct {
        const char *sort;
        bool falling;
        const char *want;
    } cases[] = {
        {"", false, "1 2 3 4 x "},        {"", true, "x 4 3 2 1 "},
        {"Name", false, "4 2 x 1 3 "},    {"Name", true, "3 1 x 2 4 "},
        {"Balance", false, "x 2 1 4 3 "}, {"Balance", true, "3 4 1 2 x "},
        {"none", false, "1 2 3 4 x "},    {"a.b", true, "3 1 x 4 2 "},
    };
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned most = 1; most <= 6; most++) {
            char all[256] = "", after[4096] = "";
            do {
                const tc_store_query q = {.sort = tc_span_str(cases[i].sort),
                                          .falling = cases[i].falling,
                                          .after = tc_span_str(after),
                                          .most = most};
                assert_int_equal(list(&q), TC_OK);
                assert_true(rows[0]);
                (void)strncat(all, rows, sizeof all - strlen(all) - 1);
                memcpy(after, cursor, sizeof after);
            } while (more && strlen(all) < 100);
            if (strcmp(all, cases[i].want))
                fail_msg("%s %d in pages of %u: %s", cases[i].sort, cases[i].falling, most, all);
        }
    }
    static const char *const wrong[] = {"k",
                                        "k:",
                                        "x:1",
                                        "i1",
                                        "i1x:2",
                                        "t5:ab",
                                        "t:1",
                                        "r:1",
                                        "n",
                                        ":",
                                        "t99999999999999999999:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const tc_store_query q = {
            .sort = TC_SPAN("Name"), .after = tc_span_str(wrong[i]), .most = 1};
        assert_int_equal(list(&q), TC_ERR_STORE_CURSOR);
    }
    assert_int_equal(list(&(tc_store_query){.after = TC_SPAN("n:1"), .most = 1}),
                     TC_ERR_STORE_CURSOR);
}

static void names_of_members(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A_b-9", "a.b.c", "0"};
    static const char *const bad[] = {"",     ".a",  "a.",   "a..b", "a b", "a'b",     "a\"b",
                                      "a[0]", "$.a", "a\\b", "a,b",  "a)b", "\xc3\xa9"};
    char text[66];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tc_store_member(tc_span_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tc_store_member(tc_span_str(bad[i])));
    memset(text, 'a', sizeof text);
    assert_true(tc_store_member(tc_span_of(text, 64)));
    assert_false(tc_store_member(tc_span_of(text, 65)));
}

/* Lists are found by indexes, filters and sorting that have one, too. */
static void indexes_are_used(void **state)
{
    (void)state;
    char why[TC_STORE_WHY];
    sqlite3 *db;
    sqlite3_stmt *s;
    fill();
    tc_store_close(store);
    store = NULL;
    assert_int_equal(sqlite3_open(where + 7, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "EXPLAIN QUERY PLAN SELECT key FROM record WHERE collection=1 AND "
                           "(json_extract(document, '$.Name')=?10) ORDER BY key ASC LIMIT ?2",
                           -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(s, 3), "record_1_Name"));
    sqlite3_finalize(s);
    sqlite3_close(db);
    assert_int_equal(reopen(why), TC_OK);
}

static void a_list_has_its_time(void **state)
{
    (void)state;
    open_store();
    for (int i = 0; i < 300; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        assert_int_equal(put(key, "{\"a\":1}"), TC_OK);
    }
    const tc_store_filter f = {TC_SPAN("a"), TC_SPAN("2"), TC_STORE_EQUAL};
    const tc_store_query q = {.filters = &f, .filter_count = 1, .most = 1, .limit_ns = 1};
    assert_int_equal(list(&q), TC_ERR_STORE_TIME);
    assert_int_equal(list(&(tc_store_query){.filters = &f, .filter_count = 1, .most = 1}), TC_OK);
}

static off_t log_size(void)
{
    char path[320];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s-wal", where + 7);
    return stat(path, &st) ? 0 : st.st_size;
}

static void put_long_ones(int count)
{
    enum { DOCUMENT = 40000 };
    static char document[DOCUMENT + 1];
    for (int i = 0; i < count; i++) {
        memset(document, 'a' + i % 26, DOCUMENT); /* pages that stay as they are are not written */
        memcpy(document, "[\"", 2);
        memcpy(document + DOCUMENT - 2, "\"]", 2);
        assert_int_equal(put("1", document), TC_OK);
    }
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* A list that takes as long as the gate is shut. */
static bool slow_row(tc_store_ask *a, const tc_record *r)
{
    (void)a;
    (void)r;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return false;
}

static void lists_keep_no_record_waiting(void **state)
{
    enum { LISTS = 8 };
    const tc_store_query query = {.most = 10};
    question lists[LISTS];
    (void)state;
    open_store();
    assert_int_equal(put("1", "{\"CustID\":1}"), TC_OK);
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < LISTS; i++) {
        lists[i] = (question){
            .ask = {.kind = TC_STORE_LIST, .query = &query, .row = slow_row, .done = done}};
        assert_int_equal(tc_store_begin(store, loop, &lists[i].ask), TC_OK);
    }
    const char *found = get(CUSTOMERS, "1");
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < LISTS; i++)
        wait_for(&lists[i]);
    assert_string_equal(found, "{\"CustID\":1}");
}

/* A reader that stays makes the log grow; when it is gone, it is taken in and is short again. */
static void a_long_reader(void **state)
{
    (void)state;
    sqlite3 *db;
    limits.store_log = 1 << 20;
    open_store();
    assert_int_equal(put("1", "{}"), TC_OK);
    assert_int_equal(sqlite3_open(where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM record", NULL, NULL, NULL),
                     SQLITE_OK);
    put_long_ones(40); /* it is waited for once */
    assert_true(log_size() > 3 << 19);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    put_long_ones(200);
    tc_store_close(store); /* and nothing is left over at a good end */
    store = NULL;
    assert_int_equal(log_size(), 0);
    open_store();
    put_long_ones(200);
    assert_true(log_size() < 2 << 20);
}

/* --- files --------------------------------------------------------------------------------- */

static void write_file(const char *bytes, size_t n)
{
    FILE *f = fopen(where + 7, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void files_that_are_none_of_ours(void **state)
{
    (void)state;
    char why[TC_STORE_WHY], text[8192];
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "file is not a database"));
    unlink(where + 7);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "a database of another program"));
    unlink(where + 7);
    open_store();
    tc_store_close(store);
    store = NULL;
    assert_int_equal(sqlite3_open(where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "newer version"));
    assert_int_equal(mkdir("/proc/none", 0700), -1);
    assert_int_equal(tc_store_open("sqlite:/proc/none/x", collections, 1, &limits, &store, why),
                     TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "No such file or directory"));
    assert_int_equal(tc_store_open("oracle:x", collections, 1, &limits, &store, why),
                     TC_ERR_STORE_FILE);
    assert_int_equal(tc_store_open("sqlite:", collections, 1, &limits, &store, why),
                     TC_ERR_STORE_FILE);
}

static void a_damaged_file(void **state)
{
    (void)state;
    char why[TC_STORE_WHY], page[4096] = {0};
    open_store();
    for (int i = 0; i < 200; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        assert_int_equal(put(key, "{\"Name\":\"Smith Smith Smith Smith Smith\"}"), TC_OK);
    }
    tc_store_close(store);
    store = NULL;
    struct stat st;
    assert_int_equal(stat(where + 7, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(where + 7, "r+b");
    assert_non_null(f);
    memset(page, 0x5a, sizeof page);
    assert_int_equal(fseek(f, st.st_size - (long)sizeof page, SEEK_SET), 0);
    assert_int_equal(fwrite(page, 1, sizeof page, f), sizeof page);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "damaged"));
}

static void one_program_at_a_time(void **state)
{
    (void)state;
    char why[TC_STORE_WHY];
    tc_store *other = NULL;
    open_store();
    assert_int_equal(tc_store_open(where, collections, COLLECTIONS, &limits, &other, why),
                     TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "another program serves from it now"));
    assert_int_equal(put("1", "{}"), TC_OK); /* its locks are still there */
}

/* --- all ----------------------------------------------------------------------------------- */

static folder here;

static int set_up(void **state)
{
    (void)state;
    limits = tc_limits_default;
    folder_make(&here);
    (void)snprintf(where, sizeof where, "sqlite:%s/records.db", here.path);
    return tc_loop_new(&loop) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tc_store_close(store);
    store = NULL;
    tc_loop_free(loop);
    folder_remove(&here);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(added_changed_and_taken_away),
        TEST(keys_are_numbers_or_texts),
        TEST(keys_are_made),
        TEST(one_of_a_thousand_wins),
        TEST(many_share_a_sync),
        TEST(what_is_too_much_is_refused),
        TEST(what_is_forgotten_is_released),
        TEST(filters),
        TEST(pages),
        TEST(names_of_members),
        TEST(indexes_are_used),
        TEST(a_list_has_its_time),
        TEST(lists_keep_no_record_waiting),
        TEST(a_long_reader),
        TEST(files_that_are_none_of_ours),
        TEST(a_damaged_file),
        TEST(one_program_at_a_time),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
