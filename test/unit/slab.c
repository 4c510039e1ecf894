/* slab.c - objects of one size. */
// SPDX-License-Identifier: MIT
#include "base/slab.h"

#include <stdalign.h>

#include "base/alloc.h"
#include "support/check.h"

static void the_last_one_back_is_the_next_one_out(void **state)
{
    (void)state;
    tc_slab s;
    tc_slab_init(&s, 100, 10);
    char *a = tc_slab_get(&s), *b = tc_slab_get(&s);
    assert_true(a && b && a != b);
    tc_slab_put(&s, a);
    tc_slab_put(&s, b);
    assert_ptr_equal(tc_slab_get(&s), b);
    assert_ptr_equal(tc_slab_get(&s), a);
    tc_slab_put(&s, a);
    tc_slab_put(&s, b);
    tc_slab_fini(&s);
    tc_slab_fini(&s);
}

static void no_more_than_max_are_given_out(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 8, 100, 4000, 65536, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tc_slab s;
        void *got[70];
        tc_slab_init(&s, sizes[i], 70);
        for (size_t j = 0; j < 70; j++) {
            got[j] = tc_slab_get(&s);
            assert_non_null(got[j]);
            assert_int_equal((uintptr_t)got[j] % alignof(max_align_t), 0);
            memset(got[j], (int)j, sizes[i]);
        }
        assert_null(tc_slab_get(&s));
        for (size_t j = 0; j < 70; j++) {
            const uint8_t *bytes = got[j];
            assert_true(bytes[0] == j && bytes[sizes[i] - 1] == j);
            tc_slab_put(&s, got[j]);
        }
        tc_slab_fini(&s);
        void *again = tc_slab_get(&s); /* fini keeps size and max */
        assert_non_null(again);
        tc_slab_put(&s, again);
        tc_slab_fini(&s);
    }
    tc_slab s;
    tc_slab_init(&s, 8, 0);
    assert_null(tc_slab_get(&s));
    tc_slab_fini(&s);
}

static void memory_is_asked_for_rarely_and_may_fail(void **state)
{
    (void)state;
    tc_slab s;
    tc_slab_init(&s, 64, 5000);
    tc_alloc_fail_after(0);
    assert_null(tc_slab_get(&s));
    tc_alloc_fail_after(-1);
    assert_int_equal(s.count, 0);
    const uint64_t before = tc_alloc_count();
    static void *got[1000];
    for (size_t i = 0; i < 1000; i++)
        assert_non_null(got[i] = tc_slab_get(&s));
    assert_int_equal(tc_alloc_count(), before + 1);
    for (size_t i = 0; i < 1000; i++)
        tc_slab_put(&s, got[i]);
    tc_slab_fini(&s);
}

static void random_use_gives_each_object_to_one(void **state)
{
    (void)state;
    enum { MAX = 3000 };
    static uint64_t *got[MAX];
    static uint64_t marks[MAX];
    size_t count = 0;
    tc_slab s;
    tc_slab_init(&s, 48, MAX);
    for (int step = 0; step < 200000; step++) {
        const bool filling = step / 20000 % 2 == 0;
        if (check_random_below(10) < (filling ? 7u : 3u)) {
            uint64_t *object = tc_slab_get(&s);
            assert_int_equal(object != NULL, count < MAX);
            if (!object) continue;
            marks[count] = object[0] = object[5] = check_random();
            got[count++] = object;
        } else if (count) {
            const size_t i = check_random_below(count);
            assert_true(got[i][0] == marks[i] && got[i][5] == marks[i]);
            tc_slab_put(&s, got[i]);
            count--;
            got[i] = got[count];
            marks[i] = marks[count];
        }
        assert_int_equal(s.count, count);
    }
    while (count)
        tc_slab_put(&s, got[--count]);
    tc_slab_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_back_is_the_next_one_out),
        cmocka_unit_test(no_more_than_max_are_given_out),
        cmocka_unit_test(memory_is_asked_for_rarely_and_may_fail),
        cmocka_unit_test(random_use_gives_each_object_to_one),
    };
    return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
