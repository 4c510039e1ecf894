/* store.c - the database of records: changes and looks, alone and many at once, and files that are
 * none. */
// SPDX-License-Identifier: MIT

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/check.h"
#include "support/store_case.h"

/* --- records --------------------------------------------------------------------------------- */

static void added_changed_and_taken_away(void **state)
{
    (void)state;
    open_store();
    assert_null(store_case_get(CUSTOMERS, "100"));
    assert_int_equal(store_case_put("100", "{\"CustID\":100}"), TC_OK);
    assert_string_equal(store_case_get(CUSTOMERS, "100"), "{\"CustID\":100}");
    const uint64_t first = store_case_got_version;
    assert_null(store_case_get(ORDERS, "100")); /* another collection */
    assert_int_equal(store_case_put("100", "{\"CustID\":100,\"Name\":\"x\"}"), TC_OK);
    assert_string_equal(store_case_get(CUSTOMERS, "100"), "{\"CustID\":100,\"Name\":\"x\"}");
    assert_true(store_case_got_version > first);
    const uint64_t second = store_case_got_version;
    open_store(); /* it is all there after a restart */
    assert_string_equal(store_case_get(CUSTOMERS, "100"), "{\"CustID\":100,\"Name\":\"x\"}");
    assert_int_equal(store_case_got_version, second);
    assert_true(store_case_take_away("100"));
    assert_false(store_case_take_away("100"));
    assert_null(store_case_get(CUSTOMERS, "100"));
    open_store();
    assert_int_equal(store_case_put("100", "{}"), TC_OK); /* no version comes again */
    assert_non_null(store_case_get(CUSTOMERS, "100"));
    assert_true(store_case_got_version > second);
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
        assert_int_equal(store_case_put(keys[i], document), TC_OK);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char document[64];
        (void)snprintf(document, sizeof document, "[%zu]", i);
        assert_string_equal(store_case_get(CUSTOMERS, keys[i]), document);
    }
    assert_int_equal(store_case_list(&(tc_store_query){.most = 50}), TC_OK);
    assert_string_equal(rows, "-5 0 100 9223372036854775807  100 -0 -9223372036854775808 0100 1e2 "
                              "9223372036854775808 a'b abc \xc3\xa9 ");
}

static void keys_are_made(void **state)
{
    (void)state;
    static const char *const want[] = {"1", "2", "41", "42"};
    open_store();
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        question q = {.ask = {.kind = TC_STORE_CHANGING,
                              .makes_key = true,
                              .decide = store_case_decide,
                              .done = store_case_done},
                      .what = TC_STORE_PUT};
        if (i == 2) assert_int_equal(store_case_put("40", "{}"), TC_OK);
        assert_int_equal(tc_store_begin(the_store, store_case_loop, &q.ask), TC_OK);
        store_case_wait_for(&q);
        assert_int_equal(q.ask.err, TC_OK);
        char document[64];
        check_span(q.ask.record.key, want[i]);
        (void)snprintf(document, sizeof document, "{\"CustID\":%s}", want[i]);
        assert_string_equal(store_case_get(CUSTOMERS, want[i]), document);
        if (i == 1) assert_true(store_case_take_away("2")); /* it is not made again */
        if (i == 1) assert_int_equal(store_case_put("zzz", "{}"), TC_OK);
    }
}

/* Of many who saw the same version one wins. */
static void one_of_a_thousand_wins(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static question all[MANY];
    unsigned left = MANY, won = 0;
    store_case_limits.store_waiting = MANY;
    open_store();
    assert_int_equal(store_case_put("1", "{}"), TC_OK);
    assert_non_null(store_case_get(CUSTOMERS, "1"));
    const uint64_t generation = tc_store_generation(the_store, CUSTOMERS, tc_span_str("1"));
    for (int i = 0; i < MANY; i++) {
        all[i] = (question){.ask = {.kind = TC_STORE_CHANGING,
                                    .key = TC_SPAN("1"),
                                    .decide = store_case_decide,
                                    .done = store_case_done},
                            .what = TC_STORE_PUT,
                            .document = "[]",
                            .if_version = store_case_got_version,
                            .left = &left};
        assert_int_equal(tc_store_begin(the_store, store_case_loop, &all[i].ask), TC_OK);
    }
    while (left)
        assert_int_equal(tc_loop_turn(store_case_loop, tc_clock_now() + TC_S), TC_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i].ask.err, TC_OK);
        won += !all[i].refused;
        assert_true(all[i].ask.record.version > store_case_got_version || !all[i].refused);
    }
    assert_int_equal(won, 1);
    assert_true(tc_store_generation(the_store, CUSTOMERS, tc_span_str("1")) != generation);
    const tc_store_counts counts = tc_store_count(the_store);
    assert_int_equal(counts.writes, 2);
}

static pthread_mutex_t shut = PTHREAD_MUTEX_INITIALIZER;

/* The first change takes as long as the test has the lock. */
static void decide_later(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
{
    pthread_mutex_lock(&shut);
    pthread_mutex_unlock(&shut);
    store_case_decide(a, before, ret);
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
                                    .decide = i ? store_case_decide : decide_later,
                                    .done = store_case_done},
                            .what = TC_STORE_PUT,
                            .document = "{}",
                            .left = &left};
        assert_int_equal(tc_store_begin(the_store, store_case_loop, &all[i].ask), TC_OK);
    }
    pthread_mutex_unlock(&shut);
    while (left)
        assert_int_equal(tc_loop_turn(store_case_loop, tc_clock_now() + TC_S), TC_OK);
    const tc_store_counts counts = tc_store_count(the_store);
    assert_int_equal(counts.writes, MANY);
    assert_true(counts.syncs < MANY / 4);
}

static void what_is_too_much_is_refused(void **state)
{
    (void)state;
    question held = {.ask = {.kind = TC_STORE_GET, .key = TC_SPAN("1"), .done = store_case_done}};
    store_case_limits.store_bytes = 1000;
    open_store();
    held.ask.weight = 1001;
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &held.ask), TC_ERR_STORE_BUSY);
    store_case_limits = tc_limits_default;
    store_case_limits.store_waiting = 0; /* less than can be set: nothing may wait */
    open_store();
    assert_int_equal(tc_store_begin(the_store, store_case_loop, &held.ask), TC_ERR_STORE_BUSY);
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
                                .decide = store_case_decide,
                                .done = store_case_done,
                                .release = put_away};
        q->what = TC_STORE_PUT;
        q->document = "{}";
        assert_int_equal(tc_store_begin(the_store, store_case_loop, &q->ask), TC_OK);
        if (i % 3 == 0) usleep(500);
        tc_store_forget(the_store, &q->ask);
        if (i % 5 == 0) assert_int_equal(tc_loop_turn(store_case_loop, tc_clock_now()), TC_OK);
    }
    tc_store_close(the_store);
    the_store = NULL;
    assert_int_equal(tc_loop_turn(store_case_loop, tc_clock_now()),
                     TC_OK); /* LeakSanitizer counts */
}

/* --- files ----------------------------------------------------------------------------------- */

static void write_file(const char *bytes, size_t n)
{
    FILE *f = fopen(store_case_where + 7, "wb");
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
    unlink(store_case_where + 7);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(store_case_where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "a database of another program"));
    unlink(store_case_where + 7);
    open_store();
    tc_store_close(the_store);
    the_store = NULL;
    assert_int_equal(sqlite3_open(store_case_where + 7, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(reopen(why), TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "newer version"));
    assert_int_equal(mkdir("/proc/none", 0700), -1);
    assert_int_equal(tc_store_open("sqlite:/proc/none/x", store_case_collections, 1,
                                   &store_case_limits, &the_store, why),
                     TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "No such file or directory"));
    assert_int_equal(
        tc_store_open("oracle:x", store_case_collections, 1, &store_case_limits, &the_store, why),
        TC_ERR_STORE_FILE);
    assert_int_equal(
        tc_store_open("sqlite:", store_case_collections, 1, &store_case_limits, &the_store, why),
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
        assert_int_equal(store_case_put(key, "{\"Name\":\"Smith Smith Smith Smith Smith\"}"),
                         TC_OK);
    }
    tc_store_close(the_store);
    the_store = NULL;
    struct stat st;
    assert_int_equal(stat(store_case_where + 7, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(store_case_where + 7, "r+b");
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
    assert_int_equal(tc_store_open(store_case_where, store_case_collections, COLLECTIONS,
                                   &store_case_limits, &other, why),
                     TC_ERR_STORE_FILE);
    assert_non_null(strstr(why, "another program serves from it now"));
    assert_int_equal(store_case_put("1", "{}"), TC_OK); /* its locks are still there */
}

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
        TEST(files_that_are_none_of_ours),
        TEST(a_damaged_file),
        TEST(one_program_at_a_time),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
