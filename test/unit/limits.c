/* limits.c - the table of limits, and setting them by name. */
// SPDX-License-Identifier: MIT
#include "base/limits.h"

#include <stdio.h>

#include "support/check.h"

static void rows_and_defaults_agree(void **state)
{
    (void)state;
    tc_limits limits = tc_limits_default;
    assert_int_equal(tc_limit_row_count * sizeof(uint64_t), sizeof(tc_limits));
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        assert_int_equal(row->offset, i * sizeof(uint64_t));
        assert_int_equal(*tc_limit_at(&limits, row), row->default_value);
        assert_true(row->default_value > 0);
        assert_true(*row->unit && *row->sentence);
        for (const char *c = row->name; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_' || (*c >= '0' && *c <= '9'));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, tc_limit_rows[j].name);
    }
}

static void each_is_set_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        tc_limits limits = tc_limits_default;
        char text[64];
        (void)snprintf(text, sizeof text, "%s=%zu", tc_limit_rows[i].name, 1000 + i);
        assert_int_equal(tc_limits_set(&limits, tc_span_str(text)), TC_OK);
        for (size_t j = 0; j < tc_limit_row_count; j++)
            assert_int_equal(*tc_limit_at(&limits, &tc_limit_rows[j]),
                             j == i ? 1000 + i : tc_limit_rows[j].default_value);
    }
    tc_limits limits = tc_limits_default;
    assert_int_equal(tc_limits_set(&limits, TC_SPAN("header_ms=0")), TC_OK);
    assert_int_equal(limits.header_ms, 0);
}

static void what_is_no_setting_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "=",
        "=5",
        "header_ms",
        "header_ms=",
        "header_ms=x",
        "header_ms=-1",
        "header_ms= 5",
        "header_ms =5",
        "HEADER_MS=5",
        "header=5",
        "header_ms=5=5",
        "header_ms=5ms",
        "header_msx=5",
        " header_ms=5",
        "header_ms=18446744073709551616",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_limits limits = tc_limits_default;
        check_case(tc_limits_set(&limits, check_edge(tc_span_str(cases[i]))) == TC_ERR_USAGE,
                   cases[i]);
        assert_memory_equal(&limits, &tc_limits_default, sizeof limits);
    }
    tc_limits limits = tc_limits_default;
    assert_int_equal(tc_limits_set(&limits, (tc_span){0}), TC_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_defaults_agree),
        cmocka_unit_test(each_is_set_by_its_name),
        cmocka_unit_test(what_is_no_setting_is_refused),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
