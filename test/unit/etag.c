/* etag.c - entity tags (RFC 9110, 8.8.3). */
// SPDX-License-Identifier: MIT
#include "http/etag.h"

#include "support/check.h"

static void comparison_follows_the_table_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } cases[] = {
        /* RFC 9110, 8.8.3.2 */
        {"W/\"1\"", "W/\"1\"", false, true},
        {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", false, true},
        {"\"1\"", "\"1\"", true, true},

        {"\"\"", "\"\"", true, true},
        {"\"!~\"", "\"!~\"", true, true},
        {"\"a\"", "\"A\"", false, false},
        {"\"a\"", "\"aa\"", false, false},
        {"w/\"1\"", "w/\"1\"", false, false}, /* no tags */
        {"1", "1", false, false},
        {"\"1", "\"1", false, false},
        {"\"1\" ", "\"1\" ", false, false},
        {"*", "*", false, false},
        {"", "", false, false},
        {"W/", "W/", false, false},
        {"\"a b\"", "\"a b\"", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span a = check_edge(tc_span_str(cases[i].a)), b = tc_span_str(cases[i].b);
        check_case(tc_etag_equal(a, b, true) == cases[i].strong, cases[i].a);
        check_case(tc_etag_equal(b, a, true) == cases[i].strong, cases[i].a);
        check_case(tc_etag_equal(a, b, false) == cases[i].weak, cases[i].a);
        check_case(tc_etag_equal(b, a, false) == cases[i].weak, cases[i].a);
    }
}

static void a_tag_has_a_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"\"xyzzy\"", 7},  {"W/\"xyzzy\"", 9},  {"\"\"", 2},      {"\"a\",\"b\"", 3},
        {"\"a\\\"b\"", 4}, {"\"\xc3\xa4\"", 4}, {"\"a\tb\"", 0},  {"\"a\x7f\"", 0},
        {"", 0},           {"\"", 0},           {"W", 0},         {"W/", 0},
        {"W/\"", 0},       {"W /\"a\"", 0},     {"w/\"a\"", 0},   {"xyzzy", 0},
        {" \"a\"", 0},     {"''", 0},           {"W/W/\"a\"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(tc_etag_length(check_edge(tc_span_str(cases[i].text))) == cases[i].length,
                   cases[i].text);
}

static void lists_are_searched(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        bool strong, weak; /* whether it holds "b" */
    } cases[] = {
        {"\"b\"", true, true},
        {"\"a\", \"b\"", true, true},
        {"\"a\",\"b\",\"c\"", true, true},
        {",, \"a\" ,\t\"b\" ,", true, true},
        {"W/\"b\"", false, true},
        {"W/\"b\", \"b\"", true, true},
        {"*", true, true},
        {" * ", true, true},
        {"\"a,\\\", \"b\"", true, true}, /* a comma within, a backslash that means nothing */
        {"", false, false},
        {"\"a\"", false, false},
        {"b", false, false},
        {"\"b", false, false},
        {"\"a\" \"b\"", false, false},
        {"\"b\"x", false, false},
        {"x, \"b\"", false, false},
        {"\"a\"; \"b\"", false, false},
        {"*, \"b\"", false, false},
        {"\"a\", *", false, false},
        {"\"a\", \"*\"", false, false},
        {"**", false, false},
        {"\"b\", x", true, true}, /* found before the fault */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span list = check_edge(tc_span_str(cases[i].list));
        check_case(tc_etag_matches(list, TC_SPAN("\"b\""), true) == cases[i].strong, cases[i].list);
        check_case(tc_etag_matches(list, TC_SPAN("\"b\""), false) == cases[i].weak, cases[i].list);
        const bool star = tc_span_eq(tc_span_trim(list), TC_SPAN("*"));
        check_case(tc_etag_matches(list, (tc_span){0}, false) == star, cases[i].list);
    }
    assert_false(tc_etag_matches((tc_span){0}, TC_SPAN("\"b\""), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_follows_the_table_of_the_rfc),
        cmocka_unit_test(a_tag_has_a_length),
        cmocka_unit_test(lists_are_searched),
    };
    return cmocka_run_group_tests_name("etag", tests, NULL, NULL);
}
