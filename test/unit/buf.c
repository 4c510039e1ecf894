/* buf.c - bounded buffers. */
// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "support/check.h"

static void nothing_is_allocated_before_the_first_byte(void **state)
{
    (void)state;
    tc_buf b;
    const uint64_t before = tc_alloc_count();
    tc_buf_init(&b, 100);
    assert_int_equal(tc_buf_add(&b, (tc_span){0}), TC_OK);
    assert_int_equal(tc_buf_span(&b).len, 0);
    tc_buf_drop(&b, 0);
    tc_buf_reset(&b);
    tc_buf_fini(&b);
    tc_buf_fini(&b);
    assert_int_equal(tc_alloc_count(), before);
    char *room;
    assert_int_equal(tc_buf_reserve(&b, 0, &room), TC_OK); /* fini keeps max */
    assert_non_null(room);
    tc_buf_fini(&b);
}

static void the_ceiling_holds_to_the_byte(void **state)
{
    (void)state;
    for (size_t max = 1; max < 700; max += max < 20 ? 1 : 97) {
        tc_buf b;
        tc_buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(tc_buf_add_byte(&b, (char)i), TC_OK);
        assert_int_equal(tc_buf_add_byte(&b, 'x'), TC_ERR_FULL);
        assert_int_equal(tc_buf_printf(&b, "x"), TC_ERR_FULL);
        assert_int_equal(tc_buf_printf(&b, "%s", ""), TC_OK);
        char *room;
        assert_int_equal(tc_buf_reserve(&b, SIZE_MAX, &room), TC_ERR_FULL);
        assert_int_equal(tc_buf_reserve(&b, SIZE_MAX - max + 1, &room), TC_ERR_FULL);
        assert_int_equal(b.len, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal((uint8_t)b.at[i], (uint8_t)i);
        tc_buf_drop(&b, 1);
        assert_int_equal(tc_buf_printf(&b, "y"), TC_OK); /* fits exactly, and its NUL too */
        assert_int_equal(b.at[max - 1], 'y');
        tc_buf_reset(&b);
        assert_int_equal(b.len, 0);
        tc_buf_fini(&b);
    }
}

static void adding_is_all_or_nothing(void **state)
{
    (void)state;
    tc_buf b;
    tc_buf_init(&b, 8);
    assert_int_equal(tc_buf_add(&b, TC_SPAN("abcdef")), TC_OK);
    assert_int_equal(tc_buf_add(&b, TC_SPAN("ghi")), TC_ERR_FULL);
    assert_int_equal(tc_buf_printf(&b, "%d", 123), TC_ERR_FULL);
    check_span(tc_buf_span(&b), "abcdef");
    tc_alloc_fail_after(0);
    tc_buf c;
    tc_buf_init(&c, 1000);
    assert_int_equal(tc_buf_add(&c, TC_SPAN("x")), TC_ERR_NO_MEMORY);
    tc_alloc_fail_after(-1);
    assert_int_equal(tc_buf_add(&c, TC_SPAN("x")), TC_OK);
    tc_alloc_fail_after(0);
    static const char large[500];
    assert_int_equal(tc_buf_add(&c, (tc_span){large, sizeof large}), TC_ERR_NO_MEMORY);
    tc_alloc_fail_after(-1);
    check_span(tc_buf_span(&c), "x");
    tc_buf_fini(&c);
    tc_buf_fini(&b);
}

static void a_buffer_over_other_memory_stays_in_it(void **state)
{
    (void)state;
    char memory[12] = "............";
    tc_buf b;
    const uint64_t before = tc_alloc_count();
    tc_buf_init_over(&b, memory + 1, 10);
    assert_int_equal(tc_buf_printf(&b, "%s", "123456789"), TC_OK);
    assert_int_equal(tc_buf_add_byte(&b, 'x'), TC_ERR_FULL);
    tc_buf_drop(&b, 4);
    assert_int_equal(tc_buf_add(&b, TC_SPAN("abcd")), TC_OK); /* moved to the front */
    check_span(tc_buf_span(&b), "56789abcd");
    assert_int_equal(memory[0], '.');
    assert_int_equal(memory[11], '.');
    assert_int_equal(tc_alloc_count(), before);
}

static void random_use_agrees_with_a_plain_string(void **state)
{
    (void)state;
    enum { MAX = 3000 };
    for (int round = 0; round < 50; round++) {
        char model[MAX];
        size_t len = 0;
        tc_buf b;
        tc_buf_init(&b, MAX);
        for (int step = 0; step < 2000; step++) {
            const size_t n = check_random_below(check_random_below(4) ? 40 : MAX + 100);
            if (check_random_below(2)) {
                char *bytes = malloc(n + 1);
                assert_non_null(bytes);
                for (size_t i = 0; i < n; i++)
                    bytes[i] = (char)check_random();
                const tc_err err = tc_buf_add(&b, (tc_span){bytes, n});
                assert_int_equal(err, len + n <= MAX ? TC_OK : TC_ERR_FULL);
                if (!err) memcpy(model + len, bytes, n), len += n;
                free(bytes);
            } else {
                const size_t drop = n < len ? n : len;
                tc_buf_drop(&b, drop);
                memmove(model, model + drop, len -= drop);
            }
            assert_int_equal(b.len, len);
            assert_true(b.size <= MAX);
            if (len) assert_memory_equal(b.at, model, len);
        }
        tc_buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_before_the_first_byte),
        cmocka_unit_test(the_ceiling_holds_to_the_byte),
        cmocka_unit_test(adding_is_all_or_nothing),
        cmocka_unit_test(a_buffer_over_other_memory_stays_in_it),
        cmocka_unit_test(random_use_agrees_with_a_plain_string),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
