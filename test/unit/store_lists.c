/* store_lists.c - lists of records: filters, pages, indexes, and what they cost others. */
// SPDX-License-Identifier: MIT

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "support/check.h"
#include "support/store_case.h"

static void fill(void)
{
    open_store();
    assert_int_equal(
        store_case_put("1", "{\"Name\":\"Smith\",\"Balance\":100,\"a\":{\"b\":1},\"ok\":true}"),
        TC_OK);
    assert_int_equal(store_case_put("2", "{\"Name\":\"Adams\",\"Balance\":-5.5,\"ok\":false}"),
                     TC_OK);
    assert_int_equal(
        store_case_put("3", "{\"Name\":\"Smith\",\"Balance\":\"100\",\"a\":{\"b\":2}}"), TC_OK);
    assert_int_equal(store_case_put("4", "{\"Name\":null,\"Balance\":1000}"), TC_OK);
    assert_int_equal(store_case_put("x", "{\"Name\":\"O'Neil % \\\"\",\"ok\":\"true\"}"), TC_OK);
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
        assert_int_equal(
            store_case_list(&(tc_store_query){.filters = &f, .filter_count = 1, .most = 50}),
            TC_OK);
        if (strcmp(rows, cases[i].want))
            fail_msg("%s %d %s: %s", cases[i].member, (int)cases[i].test, cases[i].value, rows);
    }
    const tc_store_filter both[] = {{TC_SPAN("Name"), TC_SPAN("Smith"), TC_STORE_EQUAL},
                                    {TC_SPAN("Balance"), TC_SPAN("0"), TC_STORE_MORE}};
    assert_int_equal(
        store_case_list(&(tc_store_query){.filters = both, .filter_count = 2, .most = 50}), TC_OK);
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
                assert_int_equal(store_case_list(&q), TC_OK);
                assert_true(rows[0]);
                (void)strncat(all, rows, sizeof all - strlen(all) - 1);
                memcpy(after, store_case_cursor, sizeof after);
            } while (store_case_more && strlen(all) < 100);
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
        assert_int_equal(store_case_list(&q), TC_ERR_STORE_CURSOR);
    }
    assert_int_equal(store_case_list(&(tc_store_query){.after = TC_SPAN("n:1"), .most = 1}),
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
    tc_store_close(the_store);
    the_store = NULL;
    assert_int_equal(sqlite3_open(store_case_where + 7, &db), SQLITE_OK);
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
        assert_int_equal(store_case_put(key, "{\"a\":1}"), TC_OK);
    }
    const tc_store_filter f = {TC_SPAN("a"), TC_SPAN("2"), TC_STORE_EQUAL};
    const tc_store_query q = {.filters = &f, .filter_count = 1, .most = 1, .limit_ns = 1};
    assert_int_equal(store_case_list(&q), TC_ERR_STORE_TIME);
    assert_int_equal(
        store_case_list(&(tc_store_query){.filters = &f, .filter_count = 1, .most = 1}), TC_OK);
}

static off_t log_size(void)
{
    char path[320];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s-wal", store_case_where + 7);
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
        assert_int_equal(store_case_put("1", document), TC_OK);
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
    assert_int_equal(store_case_put("1", "{\"CustID\":1}"), TC_OK);
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < LISTS; i++) {
        lists[i] = (question){
            .ask = {
                .kind = TC_STORE_LIST, .query = &query, .row = slow_row, .done = store_case_done}};
        assert_int_equal(tc_store_begin(the_store, store_case_loop, &lists[i].ask), TC_OK);
    }
    const char *found = store_case_get(CUSTOMERS, "1");
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < LISTS; i++)
        store_case_wait_for(&lists[i]);
    assert_string_equal(found, "{\"CustID\":1}");
}

/* A reader that stays makes the log grow; when it is gone, it is taken in and is short again. */
static void a_long_reader(void **state)
{
    (void)state;
    sqlite3 *db;
    store_case_limits.store_log = 1 << 20;
    open_store();
    assert_int_equal(store_case_put("1", "{}"), TC_OK);
    assert_int_equal(sqlite3_open(store_case_where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM record", NULL, NULL, NULL),
                     SQLITE_OK);
    put_long_ones(40); /* it is waited for once */
    assert_true(log_size() > 3 << 19);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    put_long_ones(200);
    tc_store_close(the_store); /* and nothing is left over at a good end */
    the_store = NULL;
    assert_int_equal(log_size(), 0);
    open_store();
    put_long_ones(200);
    assert_true(log_size() < 2 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(filters),
        TEST(pages),
        TEST(names_of_members),
        TEST(indexes_are_used),
        TEST(a_list_has_its_time),
        TEST(lists_keep_no_record_waiting),
        TEST(a_long_reader),
    };
    return cmocka_run_group_tests_name("store_lists", tests, NULL, NULL);
}
