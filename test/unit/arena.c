/* arena.c - arenas: alignment, ceilings, cleanups; and the counters of the heap below. */
// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdalign.h>

#include "base/alloc.h"
#include "support/check.h"

static char order[32];

static void note(void *argument)
{
    const size_t n = strlen(order);
    order[n] = *(const char *)argument;
    order[n + 1] = '\0';
}

static void cleanups_run_backwards_and_once(void **state)
{
    (void)state;
    tc_arena a;
    order[0] = '\0';
    tc_arena_init(&a, NULL, 0, 65536);
    const tc_span letters = tc_arena_copy(&a, TC_SPAN("abc")); /* still there while they run */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tc_arena_defer(&a, note, (void *)(uintptr_t)(letters.at + i)), TC_OK);
    assert_string_equal(order, "");
    tc_arena_fini(&a);
    assert_string_equal(order, "cba");
    tc_arena_fini(&a);
    assert_string_equal(order, "cba");
    assert_null(tc_arena_bytes(&a, 1)); /* over */
}

static void a_cleanup_without_memory_runs_at_once(void **state)
{
    (void)state;
    tc_arena a;
    order[0] = '\0';
    tc_arena_init(&a, NULL, 0, 0);
    assert_int_equal(tc_arena_defer(&a, note, (void *)(uintptr_t) "x"), TC_ERR_NO_MEMORY);
    assert_string_equal(order, "x");
    tc_arena_fini(&a);
    assert_string_equal(order, "x");
}

static void small_things_stay_in_the_first_block(void **state)
{
    (void)state;
    alignas(max_align_t) char room[256];
    tc_arena a;
    const uint64_t before = tc_alloc_count();
    tc_arena_init(&a, room, sizeof room, 65536);
    for (int i = 0; i < 16; i++)
        assert_non_null(tc_arena_alloc(&a, 16));
    assert_int_equal(tc_alloc_count(), before);
    char *more = tc_arena_bytes(&a, 1);
    assert_true(more && (more < room || more >= room + sizeof room));
    assert_int_equal(tc_alloc_count(), before + 1);
    tc_arena_fini(&a);
}

static void the_ceiling_holds(void **state)
{
    (void)state;
    static const size_t ceilings[] = {0, 1, 15, 16, 100, 4079, 4080, 4096, 10000, 100000};
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
        tc_arena a;
        size_t got = 0;
        tc_arena_init(&a, NULL, 0, ceilings[i]);
        assert_null(tc_arena_bytes(&a, ceilings[i] + 1));
        while (tc_arena_bytes(&a, 1))
            got++;
        assert_int_equal(got, ceilings[i]); /* all of it can be had */
        assert_null(tc_arena_alloc(&a, 1));
        assert_null(tc_arena_copy(&a, TC_SPAN("")).at);
        assert_null(tc_arena_printf(&a, "x").at);
        tc_arena_fini(&a);
    }
}

static void sizes_past_all_memory_are_refused(void **state)
{
    (void)state;
    alignas(max_align_t) char room[64];
    tc_arena a;
    tc_arena_init(&a, room, sizeof room, 65536);
    (void)tc_arena_bytes(&a, 3);
    for (size_t less = 0; less < 64; less++) {
        assert_null(tc_arena_alloc(&a, SIZE_MAX - less));
        assert_null(tc_arena_bytes(&a, SIZE_MAX - less));
    }
    assert_non_null(tc_arena_alloc(&a, 16)); /* and nothing was harmed */
    tc_arena_fini(&a);
}

static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 65536);
    tc_alloc_fail_after(0);
    assert_null(tc_arena_alloc(&a, 8));
    assert_null(tc_arena_printf(&a, "%d", 5).at);
    tc_alloc_fail_after(-1);
    assert_int_equal(a.held, 0);
    assert_non_null(tc_arena_alloc(&a, 8));
    check_span(tc_arena_printf(&a, "%s-%d", "a", 5), "a-5");
    const tc_span empty = tc_arena_copy(&a, (tc_span){0});
    assert_non_null(empty.at);
    assert_int_equal(*empty.at, '\0');
    tc_arena_fini(&a);
}

static void random_objects_do_not_overlap(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        static char room[1024];
        struct {
            char *at;
            size_t size;
        } got[300];
        tc_arena a;
        const size_t skew = check_random_below(32);
        tc_arena_init(&a, room + skew, check_random_below(900), 400000);
        size_t count = 0, held = 0;
        for (; count < 300; count++) {
            const size_t size = check_random_below(check_random_below(20) ? 100 : 9000);
            const bool aligned = check_random_below(2);
            got[count].size = size;
            got[count].at = aligned ? tc_arena_alloc(&a, size) : tc_arena_bytes(&a, size);
            if (!got[count].at) break;
            held += size;
            if (aligned) assert_int_equal((uintptr_t)got[count].at % alignof(max_align_t), 0);
            memset(got[count].at, (int)(count & 0xff), size);
        }
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < got[i].size; j++)
                assert_int_equal((uint8_t)got[i].at[j], i & 0xff);
        assert_true(a.held <= a.max);
        assert_true(count == 300 || held > 100000); /* it was not refused for nothing */
        tc_arena_fini(&a);
    }
}

static void the_heap_counts_and_fails_as_told(void **state)
{
    (void)state;
    const uint64_t before = tc_alloc_count();
    tc_alloc_fail_after(2);
    char *a = tc_alloc(0), *b = tc_alloc_zero(8);
    assert_true(a && b && b[0] == 0 && b[7] == 0);
    assert_null(tc_alloc(1));
    assert_null(tc_realloc(a, 100));
    tc_alloc_fail_after(-1);
    a = tc_realloc(a, 100);
    assert_non_null(a);
    assert_int_equal(tc_alloc_count(), before + 5);
    tc_free(a);
    tc_free(b);
    tc_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleanups_run_backwards_and_once),
        cmocka_unit_test(a_cleanup_without_memory_runs_at_once),
        cmocka_unit_test(small_things_stay_in_the_first_block),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(sizes_past_all_memory_are_refused),
        cmocka_unit_test(failed_allocations_change_nothing),
        cmocka_unit_test(random_objects_do_not_overlap),
        cmocka_unit_test(the_heap_counts_and_fails_as_told),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
