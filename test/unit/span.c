/* span.c - spans, and the classes of single bytes. */
// SPDX-License-Identifier: MIT
#include "base/span.h"

#include "base/ascii.h"
#include "support/check.h"

static void parts_of_spans(void **state)
{
    (void)state;
    const tc_span s = TC_SPAN("abcdef");
    check_span(tc_span_from(s, 0), "abcdef");
    check_span(tc_span_from(s, 4), "ef");
    check_span(tc_span_from(s, 6), "");
    assert_ptr_equal(tc_span_from(s, 6).at, s.at + 6);
    check_span(tc_span_from(s, 7), "");
    check_span(tc_span_from(s, SIZE_MAX), "");
    check_span(tc_span_first(s, 2), "ab");
    check_span(tc_span_first(s, 9), "abcdef");
    tc_span rest = s;
    check_span(tc_span_take(&rest, 2), "ab");
    check_span(tc_span_take(&rest, 0), "");
    check_span(tc_span_take(&rest, 4), "cdef");
    assert_int_equal(rest.len, 0);
    assert_int_equal(tc_span_find(s, 'c'), 2);
    assert_int_equal(tc_span_find(s, 'x'), 6);
    assert_true(tc_span_starts(s, TC_SPAN("abc")));
    assert_true(tc_span_starts(s, TC_SPAN("")));
    assert_false(tc_span_starts(s, TC_SPAN("abcdefg")));
    assert_true(tc_span_ends(s, TC_SPAN("def")));
    assert_false(tc_span_ends(s, TC_SPAN("de")));
    assert_true(tc_span_ends(s, TC_SPAN("")));
}

static void nothing_is_a_span_too(void **state)
{
    (void)state;
    tc_span none = {0};
    assert_int_equal(tc_span_from(none, 0).len, 0);
    assert_int_equal(tc_span_from(none, 1).len, 0);
    assert_int_equal(tc_span_first(none, 1).len, 0);
    assert_int_equal(tc_span_take(&none, 0).len, 0);
    assert_int_equal(tc_span_find(none, 'x'), 0);
    assert_int_equal(tc_span_trim(none).len, 0);
    assert_int_equal(tc_span_str(NULL).len, 0);
    assert_true(tc_span_eq(none, TC_SPAN("")));
    assert_true(tc_span_ieq(none, TC_SPAN("")));
    assert_true(tc_span_starts(none, none) && tc_span_ends(none, none));
    assert_false(tc_span_starts(none, TC_SPAN("a")) || tc_span_ends(none, TC_SPAN("a")));
    uint64_t value;
    assert_false(tc_span_number(none, &value));
}

static void letters_without_case(void **state)
{
    (void)state;
    assert_true(tc_span_ieq(TC_SPAN("Content-LENGTH"), TC_SPAN("content-length")));
    assert_false(tc_span_ieq(TC_SPAN("a"), TC_SPAN("ab")));
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            const char x = (char)a, y = (char)b;
            const bool letters = (a | 32) == (b | 32) && (a | 32) >= 'a' && (a | 32) <= 'z';
            assert_true(tc_span_ieq((tc_span){&x, 1}, (tc_span){&y, 1}) == (a == b || letters));
        }
    for (int a = 0; a < 256; a++) {
        const char c = (char)a;
        assert_int_equal(tc_ascii_digit(c), a >= '0' && a <= '9');
        const char *hex = "0123456789abcdef";
        const char *found = a ? strchr(hex, a >= 'A' && a <= 'F' ? a + 32 : a) : NULL;
        assert_int_equal(tc_ascii_hex(c), found ? (int)(found - hex) : -1);
        assert_int_equal(tc_ascii_alpha(c), (a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z'));
    }
}

static void blanks_are_trimmed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},         {" ", ""},        {" \t ", ""},
                                           {"a", "a"},       {" a", "a"},      {"a\t", "a"},
                                           {"\r\n", "\r\n"}, {" a b ", "a b"}, {"\va\v", "\va\v"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_span(tc_span_trim(check_edge(tc_span_str(cases[i][0]))), cases[i][1]);
}

static void numbers_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"00", 0},
                {"7", 7},
                {"18", 18},
                {"9223372036854775807", INT64_MAX},
                {"9223372036854775808", UINT64_C(9223372036854775808)},
                {"9999999999999999999", UINT64_C(9999999999999999999)},
                {"0000000000000000001", 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t value = 77;
        check_case(tc_span_number(check_edge(tc_span_str(good[i].text)), &value), good[i].text);
        check_case(value == good[i].value, good[i].text);
    }
    static const char *const bad[] = {"",
                                      " ",
                                      "+1",
                                      "-1",
                                      "1 ",
                                      " 1",
                                      "1,2",
                                      "0x1",
                                      "1e3",
                                      "1.",
                                      "٣",
                                      "18446744073709551615",
                                      "00000000000000000001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t value = 77;
        check_case(!tc_span_number(check_edge(tc_span_str(bad[i])), &value) && value == 77, bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_spans),       cmocka_unit_test(nothing_is_a_span_too),
        cmocka_unit_test(letters_without_case), cmocka_unit_test(blanks_are_trimmed),
        cmocka_unit_test(numbers_are_strict),
    };
    return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
