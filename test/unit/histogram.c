/* The histogram of times: exact counts, parts within 1/64 above, the ends exact. */
// SPDX-License-Identifier: MIT
#include "load/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static tc_histogram h;

static int clear(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    return 0;
}

static void nothing_measured(void **state)
{
    (void)state;
    assert_int_equal(tc_histogram_part(&h, 0.5), 0);
    assert_int_equal(tc_histogram_part(&h, 1), 0);
    assert_int_equal(tc_histogram_below(&h, INT64_MAX), 0);
}

static void is_near(int64_t got, int64_t exact)
{
    if (got < exact || got > exact + exact / TC_HISTOGRAM_PARTS + 1)
        fail_msg("%lld is not just above %lld", (long long)got, (long long)exact);
}

static void parts_of_a_ramp(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 100000; i++)
        tc_histogram_add(&h, i * 1000);
    assert_int_equal(h.count, 100000);
    assert_int_equal(h.least, 1000);
    assert_int_equal(h.most, 100000000);
    is_near(tc_histogram_part(&h, 0.5), 50000000);
    is_near(tc_histogram_part(&h, 0.9), 90000000);
    is_near(tc_histogram_part(&h, 0.99), 99000000);
    is_near(tc_histogram_part(&h, 0.999), 99900000);
    assert_int_equal(tc_histogram_part(&h, 1), 100000000);
}

/* One slow one in a thousand shows in p99.9's neighbour and nowhere before. */
static void one_of_many(void **state)
{
    (void)state;
    for (int i = 0; i < 999; i++)
        tc_histogram_add(&h, 50);
    tc_histogram_add(&h, 7000000);
    assert_int_equal(tc_histogram_part(&h, 0.5), 50);
    assert_int_equal(tc_histogram_part(&h, 0.999), 50);
    assert_int_equal(tc_histogram_part(&h, 0.9991), 7000000);
    assert_int_equal(tc_histogram_below(&h, 1000), 999);
}

static void every_size_has_a_slot(void **state)
{
    (void)state;
    for (int bit = 0; bit < 63; bit++) {
        for (int64_t off = -1; off <= 1; off++) {
            const int64_t ns = (INT64_C(1) << bit) + off;
            memset(&h, 0, sizeof h);
            tc_histogram_add(&h, ns);
            assert_int_equal(tc_histogram_part(&h, 1), bit < TC_HISTOGRAM_BITS ? ns
                                                       : (INT64_C(1) << TC_HISTOGRAM_BITS) - 1 < ns
                                                           ? (INT64_C(1) << TC_HISTOGRAM_BITS) - 1
                                                           : ns);
        }
    }
}

static void below_nothing_is_nothing(void **state)
{
    (void)state;
    tc_histogram_add(&h, -5);
    assert_int_equal(h.least, 0);
    assert_int_equal(h.most, 0);
    assert_int_equal(tc_histogram_below(&h, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_measured, clear),
        cmocka_unit_test_setup(parts_of_a_ramp, clear),
        cmocka_unit_test_setup(one_of_many, clear),
        cmocka_unit_test_setup(every_size_has_a_slot, clear),
        cmocka_unit_test_setup(below_nothing_is_nothing, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
