/* form_state.c - sealed state of forms: comes back as it was, or not at all. And which requests
 * come from pages of ours. */
// SPDX-License-Identifier: MIT
#include "forms/form_state.h"

#include <stdio.h>

#include "base/hex.h"
#include "forms/same_origin.h"
#include "support/check.h"

static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const char other[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe";
static const tc_form_value values[] = {{{"Name", 4}, {"David Smith", 11}},
                                       {{"a&b=", 4}, {"\xc3\xa9&mac=+%", 9}}};

static void make(tc_buf *text)
{
    tc_buf_init(text, 4096);
    assert_int_equal(tc_form_state_write(text, tc_span_str(key), TC_SPAN("/c/form"),
                                         TC_SPAN("review"), 1763800000, values, 2),
                     TC_OK);
}

static bool opens(tc_span text, const char *with, const char *path)
{
    tc_form_state s;
    return tc_form_state_open(text, tc_span_str(with), tc_span_str(path), &s);
}

static void it_comes_back(void **state)
{
    (void)state;
    tc_buf a, b;
    tc_form_state s, t;
    make(&a);
    make(&b);
    assert_true(tc_form_state_open(tc_buf_span(&a), tc_span_str(key), TC_SPAN("/c/form"), &s));
    check_span(s.step, "review");
    assert_int_equal(s.until_s, 1763800000);
    check_span(s.values, "Name=David+Smith&a%26b%3D=%C3%A9%26mac%3D%2B%25");
    assert_true(tc_hex_is(s.once, TC_STATE_ONCE));
    assert_true(tc_form_state_read(tc_buf_span(&b), &t));
    assert_false(tc_span_eq(s.once, t.once)); /* each page has its own */
    tc_buf_fini(&a);
    tc_buf_fini(&b);
}

static void nothing_of_it_can_be_changed(void **state)
{
    (void)state;
    tc_buf text;
    make(&text);
    const tc_span s = tc_buf_span(&text);
    assert_true(opens(s, key, "/c/form"));
    for (size_t i = 0; i < s.len; i++) {
        const char was = text.at[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            text.at[i] = (char)(was ^ (1 << bit));
            assert_false(opens(s, key, "/c/form"));
        }
        text.at[i] = was;
        assert_false(opens(check_edge(tc_span_first(s, i)), key, "/c/form"));
        assert_false(opens(tc_span_from(s, i + 1), key, "/c/form"));
    }
    assert_true(opens(check_edge(s), key, "/c/form"));
    assert_false(opens(s, other, "/c/form"));
    assert_false(opens(s, key, "/d/form"));
    assert_false(opens(s, key, ""));
    assert_int_equal(tc_buf_add(&text, TC_SPAN("0")), TC_OK);
    assert_false(opens(tc_buf_span(&text), key, "/c/form"));
    assert_false(opens((tc_span){0}, key, "/c/form"));
    tc_buf_fini(&text);
}

/* Sealed, but by nobody who would write that. */
static void what_has_not_its_form_is_not_read(void **state)
{
    (void)state;
    static const char mac[] =
        "&mac=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char once[] = "once=0123456789abcdef0123456789abcdef";
    static const char *const heads[] = {"",
                                        "step=a",
                                        "until=1&step=a&",
                                        "step=a&until=&",
                                        "step=a&until=-1&",
                                        "step=a&until=9999999999999999999&",
                                        "step=a&until=1x&",
                                        "step=12345678901234567&until=1&"};
    char text[256];
    tc_form_state s;
    (void)snprintf(text, sizeof text, "step=a&until=1&%s%s", once, mac);
    assert_true(tc_form_state_read(check_edge(tc_span_str(text)), &s));
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        (void)snprintf(text, sizeof text, "%s%s%s", heads[i], once, mac);
        check_case(!tc_form_state_read(check_edge(tc_span_str(text)), &s), heads[i]);
    }
    (void)snprintf(text, sizeof text, "step=a&until=1&once=0123%s", mac);
    assert_false(tc_form_state_read(tc_span_str(text), &s));
}

static void other_sites_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *scheme, *authority, *fields;
        bool fine;
    } cases[] = {
        {"https", "a.example", "Accept: */*", true}, /* curl */
        {"https", "a.example", "Origin: https://a.example", true},
        {"https", "a.example:443", "Origin: https://A.example", true},
        {"http", "a.example:8080", "Origin: http://a.example:8080\nSec-Fetch-Site: same-origin",
         true},
        {"http", "[::1]:8080", "Origin: http://[::1]:8080", true},
        {"https", "a.example", "Origin: null", false},
        {"https", "a.example", "Origin: ", false},
        {"https", "a.example", "Origin: http://a.example", false},
        {"http", "a.example", "Origin: https://a.example", false},
        {"https", "a.example", "Origin: https://a.example:8443", false},
        {"https", "a.example", "Origin: https://a.example.evil.example", false},
        {"https", "a.example", "Origin: https://evil.example/https://a.example", false},
        {"https", "a.example", "Origin: https://a.example\nOrigin: https://a.example", false},
        {"https", "a.example", "Sec-Fetch-Site: cross-site", false},
        {"https", "a.example", "Sec-Fetch-Site: same-site", false},
        {"https", "a.example", "Sec-Fetch-Site: none", false},
        {"https", "a.example", "Origin: https://a.example\nSec-Fetch-Site: cross-site", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        tc_message m = check_request(&a, TC_METHOD_POST, cases[i].fields);
        m.scheme = tc_span_str(cases[i].scheme);
        m.authority = tc_span_str(cases[i].authority);
        check_case(!tc_cross_site(&m) == cases[i].fine, cases[i].fields);
        tc_arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back),
        cmocka_unit_test(nothing_of_it_can_be_changed),
        cmocka_unit_test(what_has_not_its_form_is_not_read),
        cmocka_unit_test(other_sites_are_told_apart),
    };
    return cmocka_run_group_tests_name("form_state", tests, NULL, NULL);
}
