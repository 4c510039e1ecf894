/* What a redirect makes of a request (RFC 9110, 15.4), and where a credential may go: two tables,
 * and properties that must hold for every combination. */
// SPDX-License-Identifier: MIT
#include "client/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/origin.h"
#include "http/secret.h"

enum { ARENA = 1024 * 1024 };

static void request_for(tc_request *r, tc_arena *a, enum tc_method method, const char *url)
{
    *r = (tc_request){.method = method, .method_name = tc_method_name(method)};
    r->content.fd = -1;
    assert_int_equal(tc_url_parse(a, tc_span_str(url), &r->url), TC_OK);
}

static void with_field(tc_request *r, tc_arena *a, const char *name, const char *value)
{
    assert_int_equal(tc_fields_add(&r->fields, a, tc_span_str(name), tc_span_str(value)), TC_OK);
}

static bool has_field(const tc_request *r, const char *name)
{
    tc_span value;
    return tc_fields_find(&r->fields, tc_span_str(name), &value);
}

static bool is(tc_span s, const char *text)
{
    return tc_span_eq(s, tc_span_str(text));
}

static void methods_change_as_the_status_says(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        enum tc_method from, to;
    } cases[] = {
        {301, TC_METHOD_GET, TC_METHOD_GET},       {301, TC_METHOD_HEAD, TC_METHOD_HEAD},
        {301, TC_METHOD_POST, TC_METHOD_GET},      {301, TC_METHOD_PUT, TC_METHOD_PUT},
        {301, TC_METHOD_DELETE, TC_METHOD_DELETE}, {302, TC_METHOD_GET, TC_METHOD_GET},
        {302, TC_METHOD_POST, TC_METHOD_GET},      {302, TC_METHOD_PATCH, TC_METHOD_PATCH},
        {303, TC_METHOD_GET, TC_METHOD_GET},       {303, TC_METHOD_HEAD, TC_METHOD_HEAD},
        {303, TC_METHOD_POST, TC_METHOD_GET},      {303, TC_METHOD_PUT, TC_METHOD_GET},
        {303, TC_METHOD_DELETE, TC_METHOD_GET},    {303, TC_METHOD_OPTIONS, TC_METHOD_GET},
        {307, TC_METHOD_POST, TC_METHOD_POST},     {307, TC_METHOD_GET, TC_METHOD_GET},
        {308, TC_METHOD_POST, TC_METHOD_POST},     {308, TC_METHOD_PUT, TC_METHOD_PUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_request r;
        tc_arena_init(&a, NULL, 0, ARENA);
        request_for(&r, &a, cases[i].from, "http://h/a");
        r.content = (tc_content){.kind = TC_CONTENT_BYTES, .bytes = TC_SPAN("x"), .fd = -1};
        with_field(&r, &a, "Content-Type", "text/plain");
        with_field(&r, &a, "Content-Language", "en");
        with_field(&r, &a, "Digest", "x");
        with_field(&r, &a, "X-Mine", "1");
        assert_int_equal(tc_redirect_apply(&a, &r, cases[i].status, TC_SPAN("/b")), TC_OK);
        const bool changed = cases[i].from != cases[i].to;
        assert_int_equal(r.method, cases[i].to);
        assert_true(tc_span_eq(r.method_name, tc_method_name(cases[i].to)));
        assert_int_equal(r.content.kind, changed ? TC_CONTENT_NONE : TC_CONTENT_BYTES);
        assert_int_equal(has_field(&r, "content-type"), !changed);
        assert_int_equal(has_field(&r, "content-language"), !changed);
        assert_int_equal(has_field(&r, "digest"), !changed);
        assert_true(has_field(&r, "x-mine"));
        assert_true(is(r.url.path, "/b"));
        tc_arena_fini(&a);
    }
}

static void only_five_statuses_are_followed(void **state)
{
    (void)state;
    for (unsigned status = 100; status < 600; status++) {
        const bool want =
            status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        assert_int_equal(tc_redirect_status(status), want);
    }
}

/* The URLs of the table, and which of them are of one origin. */
static const struct {
    const char *url;
    int origin;
} urls[] = {
    {"http://h/", 1},       {"http://h:80/x", 1},     {"http://H/y", 1},
    {"http://h:8080/", 2},  {"http://h:8080/z", 2},   {"http://other/", 3},
    {"http://sub.h/", 4},   {"http://h.evil/", 5},    {"https://h/", 6},
    {"https://h:443/x", 6}, {"https://h:80/", 7},     {"http://127.0.0.1/", 8},
    {"http://[::1]/", 9},   {"http://[::1]:80/a", 9}, {"http://h:443/", 10},
};
enum { URLS = sizeof urls / sizeof *urls };

static const struct {
    const char *name;
    bool crosses; /* may go to another origin */
} names[] = {
    {"authorization", false},
    {"cookie", false},
    {"proxy-authorization", false},
    {"x-api-key", false},
    {"x-auth-token", false},
    {"x-csrf-token", false},
    {"x-amz-security-token", false},
    {"apikey", false},
    {"private-token", false},
    {"x-session-id", false},
    {"x-password", false},
    {"my_secret", false},
    {"x-authtoken", false},
    {"origin", false},
    {"referer", false},
    {"accept", true},
    {"accept-language", true},
    {"user-agent", true},
    {"x-mine", true},
    {"author", true},
    {"idempotency-key", true},
    {"if-none-match", true},
    {"keyboard", true},
    {"x-monkey", true},
};
enum { NAMES = sizeof names / sizeof *names };

static void credentials_stay_with_their_origin(void **state)
{
    (void)state;
    for (int from = 0; from < URLS; from++)
        for (int to = 0; to < URLS; to++)
            for (unsigned status = 301; status <= 308; status++) {
                if (!tc_redirect_status(status)) continue;
                tc_arena a;
                tc_request r;
                tc_arena_init(&a, NULL, 0, ARENA);
                request_for(&r, &a, TC_METHOD_GET, urls[from].url);
                r.host = TC_SPAN("virtual.example");
                for (int i = 0; i < NAMES; i++)
                    with_field(&r, &a, names[i].name, "v");
                const tc_span location = tc_span_str(urls[to].url);
                assert_int_equal(tc_redirect_apply(&a, &r, status, location), TC_OK);
                const bool same = urls[from].origin == urls[to].origin;
                for (int i = 0; i < NAMES; i++)
                    if (has_field(&r, names[i].name) != (same || names[i].crosses))
                        fail_msg("%s from %s to %s", names[i].name, urls[from].url, urls[to].url);
                assert_int_equal(r.host.at != NULL, same);
                tc_arena_fini(&a);
            }
}

static void what_is_dropped_does_not_come_back(void **state)
{
    (void)state;
    tc_arena a;
    tc_request r;
    tc_arena_init(&a, NULL, 0, ARENA);
    request_for(&r, &a, TC_METHOD_GET, "http://h/");
    with_field(&r, &a, "Authorization", "Bearer x");
    assert_int_equal(tc_redirect_apply(&a, &r, 302, TC_SPAN("http://other/")), TC_OK);
    assert_int_equal(tc_redirect_apply(&a, &r, 302, TC_SPAN("http://h/")), TC_OK);
    assert_false(has_field(&r, "authorization"));
    tc_arena_fini(&a);
}

static void bad_locations_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *location;
        tc_err err;
    } cases[] = {{"file:///etc/passwd", TC_ERR_SCHEME}, {"javascript:alert(1)", TC_ERR_SCHEME},
                 {"ftp://h/", TC_ERR_SCHEME},           {"http://user:pass@h/", TC_ERR_URL_USER},
                 {"http://h:99999/", TC_ERR_URL_PORT},  {"http:///x", TC_ERR_URL_SYNTAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_request r;
        tc_arena_init(&a, NULL, 0, ARENA);
        request_for(&r, &a, TC_METHOD_POST, "http://h/a");
        with_field(&r, &a, "Authorization", "x");
        const tc_span location = tc_span_str(cases[i].location);
        assert_int_equal(tc_redirect_apply(&a, &r, 303, location), cases[i].err);
        assert_int_equal(r.method, TC_METHOD_POST);
        assert_true(has_field(&r, "authorization"));
        assert_true(is(r.url.path, "/a"));
        tc_arena_fini(&a);
    }
}

static void a_stream_cannot_be_sent_again(void **state)
{
    (void)state;
    tc_arena a;
    tc_request r;
    tc_arena_init(&a, NULL, 0, ARENA);
    request_for(&r, &a, TC_METHOD_PUT, "http://h/a");
    r.content.kind = TC_CONTENT_STREAM;
    assert_false(tc_request_repeatable(&r));
    assert_int_equal(tc_redirect_apply(&a, &r, 307, TC_SPAN("/b")), TC_ERR_READ_FILE);
    assert_int_equal(tc_redirect_apply(&a, &r, 303, TC_SPAN("/b")), TC_OK);
    r.content.kind = TC_CONTENT_FILE;
    r.method = TC_METHOD_PUT;
    assert_true(tc_request_repeatable(&r));
    r.method = TC_METHOD_POST;
    assert_false(tc_request_repeatable(&r));
    r.method = TC_METHOD_NONE; /* a method of somebody's own */
    assert_false(tc_request_repeatable(&r));
    tc_arena_fini(&a);
}

/* Equal exactly if every member is: whatever differs, there is no reuse. */
static void origins_are_equal_only_in_everything(void **state)
{
    (void)state;
    const tc_tls_client_config tls = {0};
    const tc_fields none = {0};
    static const enum tc_version versions[] = {TC_HTTP_0_9, TC_HTTP_1_0, TC_HTTP_1_1};
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA);
    for (int i = 0; i < URLS * 3; i++)
        for (int j = 0; j < URLS * 3; j++) {
            tc_url one, two;
            assert_int_equal(tc_url_parse(&a, tc_span_str(urls[i / 3].url), &one), TC_OK);
            assert_int_equal(tc_url_parse(&a, tc_span_str(urls[j / 3].url), &two), TC_OK);
            const tc_origin x = tc_origin_of(&one, NULL, versions[i % 3], &tls, &none);
            const tc_origin y = tc_origin_of(&two, NULL, versions[j % 3], &tls, &none);
            const bool same = urls[i / 3].origin == urls[j / 3].origin && i % 3 == j % 3;
            if (tc_origin_eq(&x, &y) != same || tc_origin_eq(&y, &x) != same)
                fail_msg("%s and %s", urls[i / 3].url, urls[j / 3].url);
        }
    tc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_change_as_the_status_says),
        cmocka_unit_test(only_five_statuses_are_followed),
        cmocka_unit_test(credentials_stay_with_their_origin),
        cmocka_unit_test(what_is_dropped_does_not_come_back),
        cmocka_unit_test(bad_locations_change_nothing),
        cmocka_unit_test(a_stream_cannot_be_sent_again),
        cmocka_unit_test(origins_are_equal_only_in_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
