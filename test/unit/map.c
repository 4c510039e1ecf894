/* map.c - the hash map, against a model that is too simple to be wrong. */
// SPDX-License-Identifier: MIT
#include "base/map.h"

#include <stdio.h>

#include "base/alloc.h"
#include "support/check.h"

static const tc_hash_key key = {1, 2};

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    tc_map m;
    uint32_t cursor = 0;
    const uint64_t before = tc_alloc_count();
    tc_map_init(&m, 10, key);
    assert_null(tc_map_get(&m, TC_SPAN("a")));
    assert_null(tc_map_remove(&m, TC_SPAN("a")));
    assert_null(tc_map_next(&m, &cursor));
    tc_map_fini(&m);
    tc_map_fini(&m);
    assert_int_equal(tc_alloc_count(), before);
}

static void putting_replaces_value_and_key(void **state)
{
    (void)state;
    tc_map m;
    int one, two;
    char first[] = "a", second[] = "a";
    tc_map_init(&m, 10, key);
    assert_int_equal(tc_map_put(&m, tc_span_str(first), &one), TC_OK);
    assert_int_equal(tc_map_put(&m, tc_span_str(second), &two), TC_OK);
    first[0] = 'x'; /* the old key is no longer borrowed */
    assert_int_equal(m.count, 1);
    assert_ptr_equal(tc_map_get(&m, TC_SPAN("a")), &two);
    assert_int_equal(tc_map_put(&m, TC_SPAN(""), &one), TC_OK);
    assert_ptr_equal(tc_map_get(&m, (tc_span){0}), &one);
    assert_ptr_equal(tc_map_remove(&m, TC_SPAN("a")), &two);
    assert_null(tc_map_remove(&m, TC_SPAN("a")));
    tc_map_fini(&m);
}

static void the_ceiling_refuses_new_keys_only(void **state)
{
    (void)state;
    static const uint32_t ceilings[] = {0, 1, 11, 12, 13, 24, 25, 100};
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
        static char names[101][16];
        tc_map m;
        int value, other;
        tc_map_init(&m, ceilings[i], key);
        for (uint32_t j = 0; j < ceilings[i]; j++) {
            (void)snprintf(names[j], sizeof names[j], "%u", j);
            assert_int_equal(tc_map_put(&m, tc_span_str(names[j]), &value), TC_OK);
        }
        assert_int_equal(tc_map_put(&m, TC_SPAN("new"), &value), TC_ERR_FULL);
        const uint64_t before = tc_alloc_count();
        assert_int_equal(tc_map_put(&m, TC_SPAN("new"), &value), TC_ERR_FULL);
        if (ceilings[i]) assert_int_equal(tc_map_put(&m, tc_span_str(names[0]), &other), TC_OK);
        assert_int_equal(tc_alloc_count(), before);
        assert_int_equal(m.count, ceilings[i]);
        tc_map_fini(&m);
    }
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    static char names[40][16];
    tc_map m;
    int value;
    uint32_t added = 0;
    tc_map_init(&m, 1000, key);
    for (uint32_t j = 0; j < 40; j++) {
        (void)snprintf(names[j], sizeof names[j], "%u", j);
        tc_alloc_fail_after(0);
        tc_err err = tc_map_put(&m, tc_span_str(names[j]), &value);
        tc_alloc_fail_after(-1);
        assert_true(err == TC_OK || err == TC_ERR_NO_MEMORY);
        assert_int_equal(m.count, added + (err == TC_OK));
        if (err) err = tc_map_put(&m, tc_span_str(names[j]), &value);
        assert_int_equal(err, TC_OK);
        added++;
        for (uint32_t k = 0; k <= j; k++)
            assert_non_null(tc_map_get(&m, tc_span_str(names[k])));
    }
    tc_map_fini(&m);
}

static void random_use_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 300 };
    static char names[KEYS][32];
    static int values[KEYS * 2];
    for (size_t i = 0; i < KEYS; i++)
        (void)snprintf(names[i], sizeof names[i], "k%zu", i);
    for (int round = 0; round < 60; round++) {
        int *model[KEYS] = {NULL};
        uint32_t count = 0, max = (uint32_t)(1 + check_random_below(KEYS + 20));
        const size_t keys = 1 + check_random_below(KEYS);
        tc_map m;
        tc_map_init(&m, max, (tc_hash_key){check_random(), check_random()});
        for (int step = 0; step < 3000; step++) {
            const size_t i = check_random_below(keys);
            const tc_span name = tc_span_str(names[i]);
            if (check_random_below(step / 500 % 2 ? 3 : 2)) {
                int *value = &values[check_random_below(KEYS * 2)];
                const bool fits = model[i] || count < max;
                assert_int_equal(tc_map_put(&m, name, value), fits ? TC_OK : TC_ERR_FULL);
                count += fits && !model[i];
                if (fits) model[i] = value;
            } else {
                assert_ptr_equal(tc_map_remove(&m, name), model[i]);
                count -= model[i] != NULL;
                model[i] = NULL;
            }
            assert_int_equal(m.count, count);
            const size_t j = check_random_below(keys);
            assert_ptr_equal(tc_map_get(&m, tc_span_str(names[j])), model[j]);
        }
        uint32_t cursor = 0, seen = 0;
        while (tc_map_next(&m, &cursor))
            seen++;
        assert_int_equal(seen, count);
        for (size_t i = 0; i < KEYS; i++)
            assert_ptr_equal(tc_map_get(&m, tc_span_str(names[i])), model[i]);
        tc_map_fini(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(putting_replaces_value_and_key),
        cmocka_unit_test(the_ceiling_refuses_new_keys_only),
        cmocka_unit_test(without_memory_nothing_is_lost),
        cmocka_unit_test(random_use_agrees_with_an_array),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
