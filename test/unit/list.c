/* list.c - comma lists and parameters (RFC 9110, 5.6.1 and 5.6.6). */
// SPDX-License-Identifier: MIT
#include "http/list.h"

#include "support/check.h"

static void members_come_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *members[5];
    } cases[] = {
        /* RFC 9110, 5.6.1.2 */
        {"foo,bar", {"foo", "bar"}},
        {"foo ,bar,", {"foo", "bar"}},
        {"foo , ,bar,charlie", {"foo", "bar", "charlie"}},
        {"", {NULL}},
        {",", {NULL}},
        {",   ,", {NULL}},

        {" \t a \t ", {"a"}},
        {"a b,c", {"a b", "c"}},
        {"a;x=\"1,2\",b", {"a;x=\"1,2\"", "b"}},
        {"\"a\\\",b\",c", {"\"a\\\",b\"", "c"}},
        {"\"a,b", {"\"a,b"}}, /* no end of the string */
        {"\"a\\", {"\"a\\"}},
        {"\"\",\"\"", {"\"\"", "\"\""}},
        {"a\\,b", {"a\\", "b"}}, /* a backslash means nothing outside */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_span rest = check_edge(tc_span_str(cases[i].list)), member;
        for (size_t j = 0; cases[i].members[j]; j++) {
            check_case(tc_list_next(&rest, &member), cases[i].list);
            check_span(member, cases[i].members[j]);
        }
        check_case(!tc_list_next(&rest, &member), cases[i].list);
        assert_int_equal(rest.len, 0);
    }
    tc_span none = {0}, member;
    assert_false(tc_list_next(&none, &member));
}

static void tokens_are_found_over_all_lines(void **state)
{
    (void)state;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 1 << 16);
    const tc_message m = check_request(&a, TC_METHOD_GET,
                                       "Connection: keep-alive , Upgrade\nConnection: x\n"
                                       "TE: gzip;q=0, \"trailers\"\nAccept:");
    assert_true(tc_list_has(&m.fields, TC_FIELD_CONNECTION, TC_SPAN("Keep-Alive")));
    assert_true(tc_list_has(&m.fields, TC_FIELD_CONNECTION, TC_SPAN("upgrade")));
    assert_true(tc_list_has(&m.fields, TC_FIELD_CONNECTION, TC_SPAN("X")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_CONNECTION, TC_SPAN("keep")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_CONNECTION, TC_SPAN("close")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_TE, TC_SPAN("gzip")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_TE, TC_SPAN("trailers")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_ACCEPT, TC_SPAN("")));
    assert_false(tc_list_has(&m.fields, TC_FIELD_VARY, TC_SPAN("x")));
    tc_arena_fini(&a);
}

static void parameters_follow_an_item(void **state)
{
    (void)state;
    tc_span member = TC_SPAN("text/html ; charset=utf-8;; a=\"b;\\\"c\" ;d=\"\"; e"), name, value;
    check_span(tc_list_item(&member), "text/html");
    assert_true(tc_parameter_next(&member, &name, &value));
    check_span(name, "charset");
    check_span(value, "utf-8");
    assert_true(tc_parameter_next(&member, &name, &value));
    check_span(name, "a");
    check_span(value, "b;\\\"c");
    assert_true(tc_parameter_next(&member, &name, &value));
    check_span(name, "d");
    assert_int_equal(value.len, 0);
    assert_false(tc_parameter_next(&member, &name, &value)); /* no "=" */
    assert_true(member.len > 0);

    static const char *const bad[] = {";a",        ";a=",    ";=b",        ";a =b",
                                      ";a= b",     ";a=\"b", ";a=\"b\\\"", ";a=b c",
                                      ";a=\"b\"c", ";a=b=c", ";\"a\"=b",   ";a=b\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tc_span rest = check_edge(tc_span_str(bad[i]));
        check_case(!tc_parameter_next(&rest, &name, &value) && rest.len, bad[i]);
    }
    static const char *const ends[] = {"", ";", " ; ;", "\t"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        tc_span rest = check_edge(tc_span_str(ends[i]));
        check_case(!tc_parameter_next(&rest, &name, &value) && !rest.len, ends[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_one_by_one),
        cmocka_unit_test(tokens_are_found_over_all_lines),
        cmocka_unit_test(parameters_follow_an_item),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
