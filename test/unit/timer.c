/* timer.c - the heap of deadlines, against an array of them. */
// SPDX-License-Identifier: MIT
#include "base/timer.h"

#include "base/alloc.h"
#include "support/check.h"

static void timers_ring_when_due(void **state)
{
    (void)state;
    tc_timers t = {0};
    tc_timer a = {0}, b = {0}, c = {0};
    assert_true(tc_timers_next(&t) == TC_NEVER);
    assert_null(tc_timers_due(&t, INT64_MAX - 1));
    assert_int_equal(tc_timer_set(&t, &a, 30), TC_OK);
    assert_int_equal(tc_timer_set(&t, &b, 10), TC_OK);
    assert_int_equal(tc_timer_set(&t, &c, 20), TC_OK);
    assert_true(tc_timers_next(&t) == 10);
    assert_null(tc_timers_due(&t, 9));
    assert_ptr_equal(tc_timers_due(&t, 25), &b);
    assert_true(b.deadline == TC_NEVER);
    assert_ptr_equal(tc_timers_due(&t, 25), &c);
    assert_null(tc_timers_due(&t, 25));
    tc_timer_clear(&t, &a);
    tc_timer_clear(&t, &a);
    assert_null(tc_timers_due(&t, 1000));
    assert_true(tc_timers_next(&t) == TC_NEVER);
    tc_timers_fini(&t);
    tc_timers_fini(&t);
}

static void putting_off_is_lazy(void **state)
{
    (void)state;
    tc_timers t = {0};
    tc_timer a = {0}, b = {0};
    assert_int_equal(tc_timer_set(&t, &a, 10), TC_OK);
    assert_int_equal(tc_timer_set(&t, &b, 50), TC_OK);
    for (int64_t d = 11; d < 1000; d++)
        assert_int_equal(tc_timer_set(&t, &a, d), TC_OK);
    assert_true(tc_timers_next(&t) == 10); /* still where it was */
    assert_null(tc_timers_due(&t, 20));
    assert_true(tc_timers_next(&t) == 50); /* mended */
    assert_int_equal(tc_timer_set(&t, &a, 30), TC_OK);
    assert_true(tc_timers_next(&t) == 30); /* sooner counts at once */
    assert_int_equal(tc_timer_set(&t, &a, TC_NEVER), TC_OK);
    assert_ptr_equal(tc_timers_due(&t, 60), &b);
    assert_null(tc_timers_due(&t, 60));
    assert_int_equal(t.count, 0); /* what never rings leaves when its time comes */
    assert_int_equal(a.place, 0);
    assert_int_equal(tc_timer_set(&t, &a, TC_NEVER), TC_OK);
    assert_int_equal(t.count, 0);
    tc_timers_fini(&t);
}

static void without_memory_no_timer_is_set(void **state)
{
    (void)state;
    tc_timers t = {0};
    tc_timer a = {0};
    tc_alloc_fail_after(0);
    assert_int_equal(tc_timer_set(&t, &a, 5), TC_ERR_NO_MEMORY);
    tc_alloc_fail_after(-1);
    assert_int_equal(a.place, 0);
    assert_null(tc_timers_due(&t, 10));
    assert_int_equal(tc_timer_set(&t, &a, 5), TC_OK);
    assert_ptr_equal(tc_timers_due(&t, 10), &a);
    tc_timers_fini(&t);
}

static void random_use_agrees_with_an_array(void **state)
{
    (void)state;
    enum { TIMERS = 300 };
    for (int round = 0; round < 40; round++) {
        static tc_timer timers[TIMERS];
        static int64_t model[TIMERS];
        tc_timers t = {0};
        int64_t now = 0;
        memset(timers, 0, sizeof timers);
        for (size_t i = 0; i < TIMERS; i++)
            model[i] = TC_NEVER;
        for (int step = 0; step < 4000; step++) {
            const size_t i = check_random_below(TIMERS);
            const uint64_t what = check_random_below(20);
            if (what < 14) {
                model[i] = now + (int64_t)check_random_below(2000) - 5;
                assert_int_equal(tc_timer_set(&t, &timers[i], model[i]), TC_OK);
            } else if (what < 15) {
                model[i] = TC_NEVER;
                assert_int_equal(tc_timer_set(&t, &timers[i], TC_NEVER), TC_OK);
            } else if (what < 18) {
                model[i] = TC_NEVER;
                tc_timer_clear(&t, &timers[i]);
                assert_int_equal(timers[i].place, 0);
            } else {
                now += (int64_t)check_random_below(300);
                for (tc_timer *due; (due = tc_timers_due(&t, now));) {
                    assert_true(model[due - timers] <= now);
                    assert_true(due->place == 0 && due->deadline == TC_NEVER);
                    model[due - timers] = TC_NEVER;
                }
                for (size_t j = 0; j < TIMERS; j++)
                    assert_true(model[j] > now);
            }
            int64_t soonest = TC_NEVER;
            for (size_t j = 0; step % 16 == 0 && j < TIMERS; j++)
                if (model[j] < soonest) soonest = model[j];
            assert_true(tc_timers_next(&t) <= soonest);
        }
        tc_timers_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_ring_when_due),
        cmocka_unit_test(putting_off_is_lazy),
        cmocka_unit_test(without_memory_no_timer_is_set),
        cmocka_unit_test(random_use_agrees_with_an_array),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
