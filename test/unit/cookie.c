/* Cookie and Set-Cookie fields, and dates as cookies have them. */
// SPDX-License-Identifier: MIT
#include "http/cookie.h"

#include "support/check.h"

#define NOW INT64_C(1790000000)

static void cookies_come_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pairs; /* "name|value," each */
    } cases[] = {
        {"", ""},
        {";;; ;", ""},
        {"a=1", "a|1,"},
        {"a=1; b=2", "a|1,b|2,"},
        {"a=1;b=2", "a|1,b|2,"},
        {" a = 1 ;\tb =", "a|1,b|,"},
        {"a=b=c", "a|b=c,"},
        {"a=\"x y\"", "a|\"x y\","},
        {"alone", "|alone,"},
        {"=x", "|x,"},
        {"a=1; a=2", "a|1,a|2,"},
        {"a=1,b=2", "a|1,b=2,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_span rest = check_edge(tc_span_str(cases[i].text)), name, value;
        tc_buf out;
        tc_buf_init(&out, 4096);
        while (tc_cookie_next(&rest, &name, &value))
            assert_int_equal(tc_buf_printf(&out, "%.*s|%.*s,", TC_FMT(name), TC_FMT(value)), TC_OK);
        check_case(tc_span_eq(tc_buf_span(&out), tc_span_str(cases[i].pairs)), cases[i].text);
        tc_buf_fini(&out);
    }
}

static void a_cookie_is_found_and_counted(void **state)
{
    (void)state;
    tc_arena a;
    tc_fields f = {0};
    tc_span value = TC_SPAN("none");
    tc_arena_init(&a, NULL, 0, 1 << 16);
    assert_int_equal(tc_fields_set(&f, &a, TC_FIELD_COOKIE, TC_SPAN("x=1; sid=first")), TC_OK);
    assert_int_equal(tc_fields_set(&f, &a, TC_FIELD_COOKIE, TC_SPAN("sid=second; Sid=3")), TC_OK);
    assert_int_equal(tc_cookie_find(&f, TC_SPAN("gone"), &value), 0);
    check_span(value, "none");
    assert_int_equal(tc_cookie_find(&f, TC_SPAN("sid"), &value), 2);
    check_span(value, "first");
    assert_int_equal(tc_cookie_find(&f, TC_SPAN("Sid"), &value), 1);
    check_span(value, "3");
    tc_arena_fini(&a);
}

/* "name|value|domain|path|max-age|flags": max-age "-" where it does not last. */
static void show(const tc_set_cookie *c, tc_buf *out)
{
    static const char sites[] = "-nls";
    assert_int_equal(tc_buf_printf(out, "%.*s|%.*s|%.*s|%.*s|", TC_FMT(c->name), TC_FMT(c->value),
                                   TC_FMT(c->domain), TC_FMT(c->path)),
                     TC_OK);
    if (c->lasts) assert_int_equal(tc_buf_printf(out, "%lld", (long long)c->max_age_s), TC_OK);
    assert_int_equal(tc_buf_printf(out, "|%s%s%c", c->secure ? "S" : "", c->http_only ? "H" : "",
                                   sites[c->same_site]),
                     TC_OK);
}

static void what_a_set_cookie_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *means; /* NULL: nothing */
    } cases[] = {
        {"a=1", "a|1||||-"},
        {"a=1; Secure; HttpOnly", "a|1||||SH-"},
        {"a=1;secure=no;HTTPONLY", "a|1||||SH-"},
        {"a=1; Path=/x; Domain=.Example.com", "a|1|Example.com|/x||-"},
        {"a=1; Domain=..com", "a|1|.com|||-"},
        {"a=1; Domain=x.com; Domain=", "a|1||||-"},
        {"a=1; Path=x", "a|1||||-"},
        {"a=1; Path=/x; Path=y", "a|1||||-"},
        {"a=1; Max-Age=60", "a|1|||60|-"},
        {"a=1; Max-Age=0", "a|1|||0|-"},
        {"a=1; Max-Age=-5", "a|1|||-1|-"},
        {"a=1; Max-Age=-", "a|1|||-1|-"},
        {"a=1; Max-Age=99999999999999999999999", "a|1|||34560000|-"},
        {"a=1; Max-Age=6x", "a|1||||-"},
        {"a=1; Max-Age=", "a|1||||-"},
        {"a=1; Max-Age=\"60\"", "a|1||||-"},
        {"a=1; Max-Age=60; Max-Age=70", "a|1|||70|-"},
        {"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a|1|||-1|-"},
        {"a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "a|1|||34560000|-"},
        {"a=1; Expires=Mon, 21 Sep 2026 14:13:30 GMT", "a|1|||10|-"},
        {"a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a|1|||60|-"},
        {"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", "a|1|||60|-"},
        {"a=1; Expires=soon", "a|1||||-"},
        {"a=1; SameSite=strict", "a|1||||s"},
        {"a=1; SameSite=Lax", "a|1||||l"},
        {"a=1; SameSite=None", "a|1||||n"},
        {"a=1; SameSite=Lax; SameSite=else", "a|1||||-"},
        {"a=1; Other=thing; =; ;", "a|1||||-"},
        {"  a  =  \"x y\"  ;", "a|\"x y\"||||-"},
        {"alone", "|alone||||-"},
        {"=x", "|x||||-"},
        {"a=", "a|||||-"},
        {"a=x\ty", "a|x\ty||||-"},
        {"", NULL},
        {";Secure", NULL},
        {"=; Path=/", NULL},
        {"a=1\x01", NULL},
        {"a=1; Path=/\x7f", NULL},
        {"a=1; Other=\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_set_cookie c;
        tc_buf out;
        tc_buf_init(&out, 4096);
        const bool good = tc_set_cookie_parse(check_edge(tc_span_str(cases[i].text)), NOW, &c);
        if (good) show(&c, &out);
        check_case(good == (cases[i].means != NULL), cases[i].text);
        if (good)
            check_case(tc_span_eq(tc_buf_span(&out), tc_span_str(cases[i].means)), cases[i].text);
        tc_buf_fini(&out);
    }
    tc_set_cookie c;
    assert_false(tc_set_cookie_parse(tc_span_of("a=1\0b", 5), NOW, &c));
}

static void an_attribute_that_is_too_long_is_ignored(void **state)
{
    (void)state;
    char text[16 + TC_COOKIE_ATTRIBUTE + 1] = "a=1; Path=/";
    tc_set_cookie c;
    const size_t head = strlen(text);
    memset(text + head, 'x', TC_COOKIE_ATTRIBUTE);
    assert_true(tc_set_cookie_parse(tc_span_of(text, head + TC_COOKIE_ATTRIBUTE - 1), NOW, &c));
    assert_int_equal(c.path.len, TC_COOKIE_ATTRIBUTE);
    assert_true(tc_set_cookie_parse(tc_span_of(text, head + TC_COOKIE_ATTRIBUTE), NOW, &c));
    assert_int_equal(c.path.len, 0);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const struct {
        tc_set_cookie c;
        const char *text; /* NULL: refused */
    } cases[] = {
        {{.name = {"a", 1}, .value = {"1", 1}}, "a=1"},
        {{.name = {"a", 1}}, "a="},
        {{.name = {"__Host-sid", 10},
          .value = {"x", 1},
          .path = {"/", 1},
          .secure = true,
          .http_only = true,
          .same_site = TC_SAME_SITE_LAX},
         "__Host-sid=x; Path=/; Secure; HttpOnly; SameSite=Lax"},
        {{.name = {"a", 1}, .value = {"1", 1}, .lasts = true, .max_age_s = 60}, "a=1; Max-Age=60"},
        {{.name = {"a", 1}, .lasts = true, .max_age_s = -7}, "a=; Max-Age=0"},
        {{.name = {"a", 1}, .domain = {"x.de", 4}, .same_site = TC_SAME_SITE_STRICT},
         "a=; Domain=x.de; SameSite=Strict"},
        {{.name = {"a", 1}, .same_site = TC_SAME_SITE_NONE}, NULL},
        {{.name = {"", 0}, .value = {"1", 1}}, NULL},
        {{.name = {"a b", 3}, .value = {"1", 1}}, NULL},
        {{.name = {"a", 1}, .value = {"1;2", 3}}, NULL},
        {{.name = {"a", 1}, .value = {"1\r\n", 3}}, NULL},
        {{.name = {"a", 1}, .value = {"\xc3\xa4", 2}}, NULL},
        {{.name = {"a", 1}, .path = {"x", 1}}, NULL},
        {{.name = {"a", 1}, .path = {"/;Secure", 8}}, NULL},
        {{.name = {"a", 1}, .domain = {"x;y", 3}}, NULL},
        {{.name = {"__Host-a", 8}, .path = {"/", 1}}, NULL},
        {{.name = {"__host-a", 8}, .path = {"/x", 2}, .secure = true}, NULL},
        {{.name = {"__Host-a", 8}, .secure = true}, NULL},
        {{.name = {"__Host-a", 8}, .path = {"/", 1}, .domain = {"x", 1}, .secure = true}, NULL},
        {{.name = {"__secure-a", 10}}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_buf out, again;
        tc_set_cookie c;
        tc_buf_init(&out, 4096);
        tc_buf_init(&again, 4096);
        const tc_err err = tc_set_cookie_write(&cases[i].c, &out);
        assert_int_equal(err, cases[i].text ? TC_OK : TC_ERR_FIELD_INVALID);
        if (err) {
            assert_int_equal(out.len, 0);
        } else {
            check_span(tc_buf_span(&out), cases[i].text);
            assert_true(tc_set_cookie_parse(tc_buf_span(&out), NOW, &c));
            assert_int_equal(tc_set_cookie_write(&c, &again), TC_OK);
            check_span(tc_buf_span(&again), cases[i].text);
        }
        tc_buf_fini(&out);
        tc_buf_fini(&again);
    }
}

static void dates_of_many_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_s; /* -1: none */
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"1994 nov 6 8:49:37", 784111777},
        {"06-NOVEMBER-1994;08:49:37x", 784111777},
        {"6th Nov 1994 08:49:37", 784111777},
        {"Sun, 06 Nov 1994 08:49:37 +0500", 784111777}, /* zones say nothing here */
        {"01 Jan 70 00:00:00", 0},
        {"01 Jan 1601 00:00:00", INT64_C(-11644473600)},
        {"01 Jan 69 00:00:00", INT64_C(3124224000)},
        {"29 Feb 2024 00:00:00", 1709164800},
        {"29 Feb 2023 00:00:00", -1},
        {"31 Apr 2024 00:00:00", -1},
        {"00 Apr 2024 00:00:00", -1},
        {"32 Apr 2024 00:00:00", -1},
        {"01 Jan 1600 00:00:00", -1},
        {"01 Jan 12345 00:00:00", -1},
        {"01 Jan 123 00:00:00", -1},
        {"01 Jan 2024 24:00:00", -1},
        {"01 Jan 2024 00:60:00", -1},
        {"01 Jan 2024 00:00:60", -1},
        {"01 Jan 2024 000:00:00", -1},
        {"01 Jan 2024 00:00", -1},
        {"01 2024 00:00:00", -1},
        {"Jan 2024 00:00:00", -1},
        {"01 Jan 00:00:00", -1},
        {"", -1},
        {"soon", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = -1;
        const bool good = tc_cookie_date(check_edge(tc_span_str(cases[i].text)), &seconds);
        check_case(good == (cases[i].unix_s != -1), cases[i].text);
        check_case(seconds == cases[i].unix_s, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_come_one_by_one),
        cmocka_unit_test(a_cookie_is_found_and_counted),
        cmocka_unit_test(what_a_set_cookie_says),
        cmocka_unit_test(an_attribute_that_is_too_long_is_ignored),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(dates_of_many_forms),
    };
    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
