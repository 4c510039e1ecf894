/* Content that waits for its turn: in memory, then in a file, never more than may be kept in all.
 */
// SPDX-License-Identifier: MIT
#include "ask/aside.h"

#include <stdlib.h>

#include "support/check.h"

static tc_err gather(void *self, tc_span bytes)
{
    return tc_buf_add(self, bytes);
}

static tc_err refuse(void *self, tc_span bytes)
{
    (void)self;
    (void)bytes;
    return TC_ERR_BINARY;
}

/* Pieces of any sizes, on both sides of what fits into memory. */
static void what_went_in_comes_out(void **state)
{
    (void)state;
    static const size_t totals[] = {
        0, 1, TC_ASIDE_MEMORY - 1, TC_ASIDE_MEMORY, TC_ASIDE_MEMORY + 1, 300000};
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
        uint64_t left = 300000;
        tc_aside a;
        tc_buf in, out;
        tc_aside_init(&a, &left);
        tc_buf_init(&in, 300000);
        tc_buf_init(&out, 300000);
        while (in.len < totals[t]) {
            char piece[40000];
            size_t n = 1 + (size_t)check_random_below(sizeof piece);
            if (n > totals[t] - in.len) n = totals[t] - in.len;
            for (size_t i = 0; i < n; i++)
                piece[i] = (char)check_random();
            assert_int_equal(tc_buf_add(&in, tc_span_of(piece, n)), TC_OK);
            assert_int_equal(tc_aside_add(&a, tc_span_of(piece, n)), TC_OK);
        }
        assert_int_equal(left, 300000 - totals[t]);
        assert_int_equal(a.fd >= 0, totals[t] > TC_ASIDE_MEMORY);
        if (totals[t]) assert_int_equal(tc_aside_give(&a, refuse, NULL), TC_ERR_BINARY);
        assert_int_equal(tc_aside_give(&a, gather, &out), TC_OK);
        assert_true(tc_span_eq(tc_buf_span(&in), tc_buf_span(&out)));
        tc_aside_fini(&a);
        assert_int_equal(left, 300000);
        tc_aside_fini(&a);
        assert_int_equal(left, 300000);
        tc_buf_fini(&in);
        tc_buf_fini(&out);
    }
}

static void several_share_what_is_left(void **state)
{
    (void)state;
    uint64_t left = 10;
    tc_aside a, b;
    tc_aside_init(&a, &left);
    tc_aside_init(&b, &left);
    assert_int_equal(tc_aside_add(&a, TC_SPAN("1234567")), TC_OK);
    assert_int_equal(tc_aside_add(&b, TC_SPAN("1234")), TC_ERR_FULL);
    assert_int_equal(tc_aside_add(&b, TC_SPAN("123")), TC_OK);
    assert_int_equal(tc_aside_add(&a, TC_SPAN("1")), TC_ERR_FULL);
    tc_aside_fini(&a);
    assert_int_equal(tc_aside_add(&b, TC_SPAN("1234567")), TC_OK);
    tc_aside_fini(&b);
    assert_int_equal(left, 10);
}

static void a_folder_that_is_not_there(void **state)
{
    (void)state;
    static char much[TC_ASIDE_MEMORY + 1];
    uint64_t left = 1 << 20;
    tc_aside a;
    tc_aside_init(&a, &left);
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    assert_int_equal(tc_aside_add(&a, tc_span_of(much, sizeof much)), TC_ERR_WRITE_FILE);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_int_equal(left, 1 << 20);
    tc_aside_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_in_comes_out),
        cmocka_unit_test(several_share_what_is_left),
        cmocka_unit_test(a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
