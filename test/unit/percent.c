/* Percent-encoding, both ways. */
// SPDX-License-Identifier: MIT
#include "http/percent.h"

#include "support/check.h"

static void both_ways(void **state)
{
    (void)state;
    static const struct {
        tc_span plain;
        const char *also, *encoded;
    } cases[] = {
        {{"", 0}, "", ""},
        {{"abc-._~019", 10}, "", "abc-._~019"},
        {{"a b", 3}, "", "a%20b"},
        {{"/a:b", 4}, "/", "/a%3Ab"},
        {{"\xc3\xa9", 2}, "", "%C3%A9"},
        {{"100%+", 5}, "", "100%25%2B"},
        {{"a\0b", 3}, "/", "a%00b"},
    };
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span encoded = tc_percent_encode(&a, cases[i].plain, cases[i].also);
        check_span(encoded, cases[i].encoded);
        const tc_span back = tc_percent_decode(&a, check_edge(encoded), false);
        check_case(back.at && tc_span_eq(back, cases[i].plain), cases[i].encoded);
    }
    tc_arena_fini(&a);
}

static void what_is_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"%", "a%", "%4", "%4g", "%g4", "a%zz", "%%41"};
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 1 << 16);
    check_span(tc_percent_decode(&a, TC_SPAN("a+b%2bc%2C"), true), "a b+c,");
    check_span(tc_percent_decode(&a, TC_SPAN("a+b%2bc"), false), "a+b+c");
    const tc_span plain = TC_SPAN("nothing");
    assert_ptr_equal(tc_percent_decode(&a, plain, true).at, plain.at);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_case(!tc_percent_decode(&a, check_edge(tc_span_str(bad[i])), true).at, bad[i]);
    tc_arena_fini(&a);
    tc_arena_init(&a, NULL, 0, 1);
    assert_null(tc_percent_encode(&a, TC_SPAN("a lot of it"), "").at);
    assert_null(tc_percent_decode(&a, TC_SPAN("a%20lot+of+it"), true).at);
    tc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(what_is_read),
    };
    return cmocka_run_group_tests_name("percent", tests, NULL, NULL);
}
