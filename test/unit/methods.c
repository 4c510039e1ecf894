/* methods.c - OPTIONS of all, TRACE, and what pages of other origins are told: asked directly. */
// SPDX-License-Identifier: MIT
#include "gate/methods.h"

#include <stdio.h>
#include <stdlib.h>

#include "gate/cors.h"
#include "support/check.h"

static tc_exchange *x;

static void done(void)
{
    if (!x) return;
    tc_exchange_fini(x);
    free(x);
    x = NULL;
}

static int end(void **state)
{
    (void)state;
    done();
    return 0;
}

static void request(enum tc_method method, const char *path, const char *field_lines)
{
    done();
    x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, method, field_lines);
    x->theirs.method_name = tc_method_name(method);
    x->theirs.version = TC_HTTP_1_1;
    x->theirs.path = tc_span_str(path);
    x->theirs.authority = TC_SPAN("h:80");
}

static unsigned answer(void)
{
    assert_int_equal(x->handler->on_head(x->self, x), TC_OK);
    assert_true(x->ended);
    return x->ours.status;
}

/* All lines of a field, joined by "|". */
static const char *field(const char *name)
{
    static char text[512];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < x->ours.fields.count; i++) {
        const tc_field *f = &x->ours.fields.at[i];
        if (!tc_span_eq(f->name, tc_span_str(name))) continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n ? "|" : "", TC_FMT(f->value));
    }
    return text;
}

static void all_of_the_server(void **state)
{
    (void)state;
    request(TC_METHOD_OPTIONS, "*", "");
    assert_true(tc_asterisk_gate(x));
    assert_int_equal(answer(), 204);
    assert_string_equal(field("allow"), "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    assert_int_equal(tc_trace_answer(false, x), TC_OK);
    assert_string_equal(field("allow"), "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    assert_int_equal(tc_trace_answer(true, x), TC_OK);
    assert_string_equal(field("allow"), "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE");
    request(TC_METHOD_OPTIONS, "/*", "");
    assert_false(tc_asterisk_gate(x));
    request(TC_METHOD_GET, "*", "");
    assert_false(tc_asterisk_gate(x));
}

static void a_trace_shows_what_came(void **state)
{
    (void)state;
    request(TC_METHOD_TRACE, "/a?b", "max-forwards: 0\nx-two: 1\nx-two: 2\n");
    assert_true(tc_trace_gate(true, x));
    assert_int_equal(answer(), 200);
    assert_string_equal(field("content-type"), "message/http");
    check_span(
        tc_span_of(x->runs[0].at, x->runs[0].len),
        "TRACE /a?b HTTP/1.1\r\nHost: h:80\r\nMax-Forwards: 0\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n");
}

static void a_trace_shows_no_secrets(void **state)
{
    (void)state;
    request(TC_METHOD_TRACE, "/",
            "cookie: a=b\nauthorization: Basic x\nproxy-authorization: y\nx-api-key: k\n"
            "x-auth-token: t\nforwarded: for=1.2.3.4\nx-forwarded-for: 1.2.3.4\nx-real-ip: 1\n"
            "x-tercet-a: b\nvia: 1.1 inner\naccept: x\n");
    assert_true(tc_trace_gate(true, x));
    assert_int_equal(answer(), 200);
    check_span(tc_span_of(x->runs[0].at, x->runs[0].len),
               "TRACE / HTTP/1.1\r\nHost: h:80\r\nAccept: x\r\n\r\n");
}

static void a_trace_has_no_content_and_is_off(void **state)
{
    (void)state;
    request(TC_METHOD_TRACE, "/", "");
    x->theirs.length = 3;
    assert_true(tc_trace_gate(true, x));
    assert_int_equal(answer(), 400);
    request(TC_METHOD_TRACE, "/", "");
    assert_false(tc_trace_gate(false, x));
    request(TC_METHOD_GET, "/", "");
    assert_false(tc_trace_gate(true, x));
}

/* --- CORS ------------------------------------------------------------------------------------ */

static tc_span origins[4];

static tc_cors cors(const char *a, const char *b)
{
    origins[0] = tc_span_str(a);
    origins[1] = tc_span_str(b ? b : "");
    return (tc_cors){.origins = origins,
                     .origin_count = b ? 2 : 1,
                     .methods = TC_SPAN("GET, PUT"),
                     .headers = TC_SPAN("X-A, X-B"),
                     .expose = TC_SPAN("ETag"),
                     .max_age = TC_SPAN("600")};
}

static void settings_are_checked(void **state)
{
    static const struct {
        const char *origin, *other, *fault;
    } rows[] = {
        {"*", NULL, NULL},
        {"https://a.example", "http://b.example:8080", NULL},
        {"https://*.a.example", "https://[::1]:8443", NULL},
        {"*", "https://a.example", "* goes with"},
        {"null", NULL, "null is"},
        {"a.example", NULL, "as browsers write it"},
        {"ftp://a.example", NULL, "as browsers write it"},
        {"https://", NULL, "as browsers write it"},
        {"https://a.example/", NULL, "ends before the path"},
        {"https://A.example", NULL, "lower case"},
        {"https://a.*.example", NULL, "at the front"},
        {"https://a.example:443", NULL, "usual port"},
        {"http://a.example:80", NULL, "usual port"},
    };
    const char *setting;
    tc_span value;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_cors c = cors(rows[i].origin, rows[i].other);
        const char *fault = tc_cors_check(&c, &setting, &value);
        check_case(!fault == !rows[i].fault, rows[i].origin);
        check_case(!fault || strstr(fault, rows[i].fault), rows[i].origin);
        check_case(!fault || strcmp(setting, "cors-origins") == 0, rows[i].origin);
    }
    tc_cors c = cors("*", NULL);
    c.credentials = true;
    assert_non_null(tc_cors_check(&c, &setting, &value));
    assert_string_equal(setting, "cors-credentials");
    c = cors("https://a.example", NULL);
    c.credentials = true;
    assert_null(tc_cors_check(&c, &setting, &value));
    c.expose = TC_SPAN("*");
    assert_non_null(tc_cors_check(&c, &setting, &value));
    assert_string_equal(setting, "cors-expose");
    c = cors("*", NULL);
    c.methods = TC_SPAN("GET PUT");
    assert_non_null(tc_cors_check(&c, &setting, &value));
    assert_string_equal(setting, "cors-methods");
    c = cors("*", NULL);
    c.headers = TC_SPAN("X-A, *");
    assert_non_null(tc_cors_check(&c, &setting, &value));
    assert_string_equal(setting, "cors-headers");
}

#define PREFLIGHT "access-control-request-method: PUT\naccess-control-request-headers: x-a, x-c\n"

static void check(tc_cors *c)
{
    const char *setting;
    tc_span value;
    assert_null(tc_cors_check(c, &setting, &value));
}

static void a_preflight_is_answered(void **state)
{
    (void)state;
    tc_cors c = cors("https://a.example", "https://*.b.example");
    check(&c);
    request(TC_METHOD_OPTIONS, "/x", "origin: https://a.example\n" PREFLIGHT);
    assert_true(tc_cors_gate(&c, x));
    assert_int_equal(answer(), 204);
    assert_int_equal(tc_cors_answer(&c, x), TC_OK); /* nothing more */
    assert_string_equal(field("access-control-allow-origin"), "https://a.example");
    assert_string_equal(field("access-control-allow-methods"), "GET, PUT");
    assert_string_equal(field("access-control-allow-headers"), "X-A, X-B");
    assert_string_equal(field("access-control-max-age"), "600");
    assert_string_equal(field("access-control-allow-credentials"), "");
    assert_string_equal(field("vary"),
                        "Access-Control-Request-Method, Access-Control-Request-Headers|Origin");
    request(TC_METHOD_OPTIONS, "/x", "origin: https://evil.example\n" PREFLIGHT);
    assert_true(tc_cors_gate(&c, x));
    assert_int_equal(answer(), 204);
    assert_string_equal(field("access-control-allow-origin"), "");
    assert_string_equal(field("access-control-allow-methods"), "");
    request(TC_METHOD_OPTIONS, "/x", "origin: https://a.example\n");
    assert_false(tc_cors_gate(&c, x)); /* somebody asks what is allowed */
    request(TC_METHOD_GET, "/x", "origin: https://a.example\n" PREFLIGHT);
    assert_false(tc_cors_gate(&c, x));
    assert_false(tc_cors_gate(NULL, x));
}

static void any_field_may_be_sent(void **state)
{
    (void)state;
    tc_cors c = cors("https://a.example", NULL);
    c.headers = TC_SPAN("*");
    c.credentials = true;
    check(&c);
    request(TC_METHOD_OPTIONS, "/x", "origin: https://a.example\n" PREFLIGHT);
    assert_true(tc_cors_gate(&c, x));
    assert_int_equal(answer(), 204);
    assert_string_equal(field("access-control-allow-headers"), "x-a, x-c");
    assert_string_equal(field("access-control-allow-credentials"), "true");
}

static void origins_match_exactly(void **state)
{
    static const struct {
        const char *origin;
        bool allowed;
    } rows[] = {{"https://a.example", true},       {"http://a.example", false},
                {"https://a.example:8443", false}, {"https://a.example.evil", false},
                {"https://xa.example", false},     {"https://x.b.example", true},
                {"https://y.x.b.example", true},   {"https://.b.example", false},
                {"https://b.example", false},      {"https://x.b.example.evil", false},
                {"https://xb.example", false},     {"null", false}};
    char line[100];
    (void)state;
    tc_cors c = cors("https://a.example", "https://*.b.example");
    check(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(line, sizeof line, "origin: %s\n", rows[i].origin);
        request(TC_METHOD_GET, "/", line);
        assert_int_equal(tc_cors_answer(&c, x), TC_OK);
        const char *wanted = rows[i].allowed ? rows[i].origin : "";
        check_case(strcmp(field("access-control-allow-origin"), wanted) == 0, rows[i].origin);
        assert_string_equal(field("vary"), "Origin");
        check_case(strcmp(field("access-control-expose-headers"), rows[i].allowed ? "ETag" : "") ==
                       0,
                   rows[i].origin);
    }
    request(TC_METHOD_GET, "/", "origin: https://a.example\norigin: https://a.example\n");
    assert_int_equal(tc_cors_answer(&c, x), TC_OK);
    assert_string_equal(field("access-control-allow-origin"), "");
}

static void for_all_the_same_is_said(void **state)
{
    (void)state;
    tc_cors c = cors("*", NULL);
    check(&c);
    request(TC_METHOD_GET, "/", "origin: https://a.example\n");
    assert_int_equal(tc_cors_answer(&c, x), TC_OK);
    assert_string_equal(field("access-control-allow-origin"), "*");
    assert_string_equal(field("vary"), "");
    request(TC_METHOD_GET, "/", "");
    assert_int_equal(tc_cors_answer(&c, x), TC_OK);
    assert_string_equal(field("access-control-allow-origin"), "");
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_the_server),        TEST(a_trace_shows_what_came),
        TEST(a_trace_shows_no_secrets), TEST(a_trace_has_no_content_and_is_off),
        TEST(settings_are_checked),     TEST(a_preflight_is_answered),
        TEST(any_field_may_be_sent),    TEST(origins_match_exactly),
        TEST(for_all_the_same_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
