/* tally.c - counts of keys that threads share. */
// SPDX-License-Identifier: MIT
#include "base/tally.h"

#include <pthread.h>
#include <stdatomic.h>

#include "support/check.h"

static void so_many_and_no_more(void **state)
{
    (void)state;
    tc_tally *t;
    uint32_t a[3], b = 0, more = 7;
    assert_int_equal(tc_tally_new(100, &t), TC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tc_tally_take(t, 5, 3, &a[i]), TC_OK);
        assert_int_not_equal(a[i], 0);
    }
    assert_int_equal(tc_tally_take(t, 5, 3, &more), TC_ERR_FULL);
    assert_int_equal(more, 7);
    assert_int_equal(tc_tally_take(t, 6, 3, &b), TC_OK); /* in the same set */
    tc_tally_drop(t, a[0]);
    assert_int_equal(tc_tally_take(t, 5, 3, &a[0]), TC_OK);
    assert_int_equal(tc_tally_take(t, 5, 3, &more), TC_ERR_FULL);
    assert_int_equal(tc_tally_take(t, 7, 0, &more), TC_ERR_FULL);
    tc_tally_drop(t, b);
    for (int i = 0; i < 3; i++)
        tc_tally_drop(t, a[i]);
    tc_tally_free(t);
    tc_tally_free(NULL);
}

static void what_has_no_room_is_not_counted(void **state)
{
    (void)state;
    tc_tally *t;
    uint32_t places[8], place = 7;
    assert_int_equal(tc_tally_new(1, &t), TC_OK);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(tc_tally_take(t, i, 1, &places[i]), TC_OK);
        assert_int_not_equal(places[i], 0);
    }
    assert_int_equal(tc_tally_take(t, 99, 1, &place), TC_OK);
    assert_int_equal(place, 0);
    tc_tally_drop(t, place); /* nothing */
    tc_tally_drop(t, places[3]);
    assert_int_equal(tc_tally_take(t, 99, 1, &place), TC_OK);
    assert_int_equal(place, places[3]);
    assert_int_equal(tc_tally_take(t, 99, 1, &place), TC_ERR_FULL);
    tc_tally_free(t);
}

enum { THREADS = 4, ROUNDS = 20000, KEYS = 3, MOST = 2 };

static tc_tally *shared;
static atomic_int open_now[KEYS], faults;

static void *come_and_go(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned key = (i + *(const unsigned *)argument) % KEYS;
        uint32_t place;
        if (tc_tally_take(shared, key, MOST, &place) != TC_OK) continue;
        if (atomic_fetch_add(&open_now[key], 1) >= MOST) atomic_fetch_add(&faults, 1);
        atomic_fetch_sub(&open_now[key], 1);
        tc_tally_drop(shared, place);
    }
    return NULL;
}

static void threads_never_have_more(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    assert_int_equal(tc_tally_new(1, &shared), TC_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(faults, 0);
    uint32_t place;
    for (unsigned key = 0; key < KEYS; key++) { /* and all are gone */
        for (int i = 0; i < MOST; i++)
            assert_int_equal(tc_tally_take(shared, key, MOST, &place), TC_OK);
        assert_int_equal(tc_tally_take(shared, key, MOST, &place), TC_ERR_FULL);
    }
    tc_tally_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(what_has_no_room_is_not_counted),
        cmocka_unit_test(threads_never_have_more),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
