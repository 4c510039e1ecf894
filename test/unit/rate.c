/* rate.c - so many in a time: against a list of when each came, with clocks that jump, tables that
 * are full and threads that meet. */
// SPDX-License-Identifier: MIT
#include "base/rate.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "support/check.h"

static tc_rate rate_of(const char *text)
{
    tc_rate r;
    check_case(tc_rate_parse(check_edge(tc_span_str(text)), &r), text);
    return r;
}

static void rates_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t each, ahead;
    } good[] = {{"10/s", 100 * TC_MS, 900 * TC_MS},
                {"10/s burst 20", 100 * TC_MS, 1900 * TC_MS},
                {"1/s burst 1", TC_S, 0},
                {"60/m  burst  5 ", TC_S, 4 * TC_S},
                {"1/h", 3600 * TC_S, 0},
                {"999999999/s", 1, 999999998}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const tc_rate r = rate_of(good[i].text);
        check_case(r.each_ns == good[i].each && r.ahead_ns == good[i].ahead, good[i].text);
    }
    static const char *const bad[] = {"",
                                      "10",
                                      "0/s",
                                      "10/d",
                                      "10/",
                                      "/s",
                                      "-1/s",
                                      "10/s 20",
                                      "10/sburst 3",
                                      "10/s burst",
                                      "10/s burst 0",
                                      "10/s burst x",
                                      "10/s burst3",
                                      "10/s burst 3 4",
                                      "1000000000/s",
                                      "10 /s",
                                      "1.5/s",
                                      "10/s burst 20x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tc_rate r;
        check_case(!tc_rate_parse(check_edge(tc_span_str(bad[i])), &r), bad[i]);
    }
}

static tc_rate_table *table_of(uint64_t keys)
{
    tc_rate_table *t;
    assert_int_equal(tc_rate_table_new(keys, &t), TC_OK);
    return t;
}

static void a_burst_and_then_the_rate(void **state)
{
    (void)state;
    tc_rate_table *t = table_of(16);
    const tc_rate r = rate_of("10/s burst 3");
    uint64_t pushed = 0;
    int64_t now = TC_S;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 0);
    assert_int_equal(tc_rate_look(t, &r, 7, now), 100 * TC_MS);
    assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 100 * TC_MS);
    assert_int_equal(tc_rate_take(t, &r, 7, now + 99 * TC_MS, &pushed), TC_MS);
    assert_int_equal(tc_rate_take(t, &r, 8, now, &pushed), 0); /* another is not concerned */
    now += 100 * TC_MS;
    assert_int_equal(tc_rate_look(t, &r, 7, now), 0);
    assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 0);
    assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 100 * TC_MS);
    now += 3600 * TC_S; /* a pause gives no more than a burst */
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 0);
    assert_int_equal(tc_rate_take(t, &r, 7, now, &pushed), 100 * TC_MS);
    assert_int_equal(pushed, 0);
    assert_int_equal(tc_rate_look(t, &r, 99, now), 0);
    tc_rate_table_free(t);
}

static void a_clock_that_goes_back(void **state)
{
    (void)state;
    tc_rate_table *t = table_of(16);
    const tc_rate r = rate_of("10/s burst 3");
    uint64_t pushed = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_rate_take(t, &r, 7, 7200 * TC_S, &pushed), 0);
    const int64_t wait = tc_rate_take(t, &r, 7, 3600 * TC_S, &pushed);
    assert_in_range(wait, 1, 100 * TC_MS);
    assert_int_equal(tc_rate_take(t, &r, 7, 3600 * TC_S + 400 * TC_MS, &pushed), wait);
    tc_rate_table_free(t);
}

/* The number of those taken in any span of time is within what burst and rate make of it. */
static void never_more_than_that(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    static int64_t took[MOST];
    tc_rate_table *t = table_of(16);
    const tc_rate r = rate_of("50/s burst 10");
    uint64_t pushed = 0;
    int64_t now = 0;
    int count = 0, refused = 0;
    for (int i = 0; i < MOST; i++) {
        now += (int64_t)check_random_below(30) * TC_MS;
        const int64_t wait = tc_rate_take(t, &r, 1, now, &pushed);
        refused += wait > 0;
        if (wait) continue;
        took[count++] = now;
    }
    assert_true(refused > 100 && count > 1000);
    for (int i = 0; i < count; i++)
        for (int j = i; j < count && j < i + 200; j++)
            assert_true((j - i + 1 - 10) * 20 * TC_MS <= took[j] - took[i]);
    tc_rate_table_free(t);
}

static void a_full_table_forgets_who_took_least(void **state)
{
    (void)state;
    tc_rate_table *t = table_of(4); /* one set */
    const tc_rate r = rate_of("1/s burst 5");
    uint64_t pushed = 0;
    for (uint64_t key = 1; key <= 4; key++)
        for (uint64_t i = 0; i <= key; i++)
            assert_int_equal(tc_rate_take(t, &r, key, 0, &pushed), 0);
    assert_int_equal(pushed, 0);
    assert_int_equal(tc_rate_take(t, &r, 4, 0, &pushed), TC_S);
    assert_int_equal(tc_rate_take(t, &r, 5, 0, &pushed), 0);
    assert_int_equal(pushed, 1);
    assert_int_equal(tc_rate_look(t, &r, 4, 0), TC_S); /* who took most is still known */
    assert_int_equal(tc_rate_take(t, &r, 6, 3600 * TC_S, &pushed), 0);
    assert_int_equal(pushed, 1); /* all others have their whole burst again */
    tc_rate_table_free(t);
}

enum { THREADS = 4, TRIES = 20000 };
static tc_rate_table *shared;
static atomic_int taken;

static void *take_many(void *argument)
{
    const tc_rate r = rate_of("1/h burst 500");
    uint64_t pushed = 0;
    (void)argument;
    for (int i = 0; i < TRIES; i++)
        if (!tc_rate_take(shared, &r, 77, TC_S, &pushed)) atomic_fetch_add(&taken, 1);
    for (uint64_t i = 0; i < TRIES; i++) /* and they push one another out */
        (void)tc_rate_take(shared, &r, 1000 + i * 256, TC_S, &pushed);
    return NULL;
}

static void threads_share_it(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    shared = table_of(64);
    const tc_rate r = rate_of("1/h burst 500");
    uint64_t pushed = 0;
    assert_int_equal(tc_rate_take(shared, &r, 77, TC_S, &pushed), 0);
    atomic_store(&taken, 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(taken, 500);
    tc_rate_table_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_as_text),
        cmocka_unit_test(a_burst_and_then_the_rate),
        cmocka_unit_test(a_clock_that_goes_back),
        cmocka_unit_test(never_more_than_that),
        cmocka_unit_test(a_full_table_forgets_who_took_least),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
