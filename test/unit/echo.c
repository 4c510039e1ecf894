/* echo.c - the handler that tells how a request was understood. */
// SPDX-License-Identifier: MIT
#include "site/echo.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "support/check.h"

static tc_exchange *request(enum tc_method method, const char *field_lines)
{
    tc_exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, method, field_lines);
    x->theirs.path = TC_SPAN("/a/b?c=<d>&e=%20");
    x->handler = &tc_echo_handler;
    x->self = (void *)1; /* whatever the route left there */
    return x;
}

static tc_err play(tc_exchange *x, const char *const *runs)
{
    const tc_handler *h = x->handler;
    tc_err err = h->on_head(x->self, x);
    for (; !err && runs && *runs; runs++)
        err = h->on_data(x->self, x, tc_span_str(*runs));
    return err ? err : h->on_end(x->self, x);
}

static void done(tc_exchange *x)
{
    x->handler->on_close(x->self, x, TC_OK);
    tc_exchange_fini(x);
    free(x);
}

static const char *body(const tc_exchange *x)
{
    static char text[1 << 20];
    assert_true(x->run_count == 1 && x->runs[0].len < sizeof text);
    memcpy(text, x->runs[0].at, x->runs[0].len);
    text[x->runs[0].len] = '\0';
    assert_int_equal(x->ours.length, x->runs[0].len);
    return text;
}

static const char *field(const tc_exchange *x, enum tc_field_id id)
{
    static char text[256];
    tc_span value;
    if (!tc_fields_get(&x->ours.fields, id, &value)) return "";
    (void)snprintf(text, sizeof text, "%.*s", TC_FMT(value));
    return text;
}

static void curl_gets_text(void **state)
{
    (void)state;
    static const char *const runs[] = {"he", "llo", NULL};
    tc_exchange *x = request(TC_METHOD_POST, "Accept: */*\nCookie: a=secret\nx-odd: 1");
    check_add_fields(&x->theirs.trailers, &x->arena, "X-Sum: 7\nAuthorization: secret");
    assert_int_equal(play(x, runs), TC_OK);
    assert_int_equal(x->ours.status, 200);
    assert_string_equal(field(x, TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_string_equal(field(x, TC_FIELD_CACHE_CONTROL), "no-store");
    assert_string_equal(
        body(x), "Method     POST\n"
                 "Target     /a/b?c=<d>&e=%20\n"
                 "Scheme     http\n"
                 "Authority  localhost\n"
                 "Path       /a/b\n"
                 "Query      c=<d>&e=%20\n"
                 "Version    HTTP/1.1\n"
                 "\nFields\n"
                 "  Accept: */*\n"
                 "  Cookie: \u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022\n"
                 "  X-Odd: 1\n"
                 "\nContent    5 bytes\n"
                 "SHA-256    2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"
                 "Digest     sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:\n"
                 "\nTrailers\n"
                 "  X-Sum: 7\n"
                 "  Authorization: \u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022\n");
    done(x);
}

static void programs_get_json(void **state)
{
    (void)state;
    tc_exchange *x = request(TC_METHOD_GET, "Accept: application/json\nX-A: \"\\\xff\nX-A: 2");
    assert_int_equal(play(x, NULL), TC_OK);
    assert_string_equal(field(x, TC_FIELD_CONTENT_TYPE), "application/json");
    json_t *root = json_loads(body(x), 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "method")), "GET");
    assert_string_equal(json_string_value(json_object_get(root, "path")), "/a/b");
    assert_string_equal(json_string_value(json_object_get(root, "query")), "c=<d>&e=%20");
    assert_string_equal(json_string_value(json_object_get(root, "version")), "HTTP/1.1");
    json_t *fields = json_object_get(root, "fields");
    assert_int_equal(json_array_size(fields), 3);
    json_t *second = json_array_get(fields, 1);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "X-A");
    assert_string_equal(json_string_value(json_object_get(second, "value")), "\"\\\xef\xbf\xbd");
    json_t *content = json_object_get(root, "content");
    assert_int_equal(json_integer_value(json_object_get(content, "length")), 0);
    assert_string_equal(json_string_value(json_object_get(content, "sha256")),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(json_array_size(json_object_get(root, "trailers")), 0);
    json_decref(root);
    done(x);

    x = request(TC_METHOD_GET, "Accept: application/json");
    x->theirs.path = TC_SPAN("*");
    assert_int_equal(play(x, NULL), TC_OK);
    root = json_loads(body(x), 0, NULL);
    assert_non_null(root);
    assert_true(json_is_null(json_object_get(root, "query")));
    json_decref(root);
    done(x);
}

static void browsers_get_html(void **state)
{
    (void)state;
    tc_exchange *x = request(TC_METHOD_GET, "Accept: text/html,*/*;q=0.8");

    assert_int_equal(tc_fields_push(&x->theirs.fields, &x->arena,
                                    (tc_field){TC_SPAN("x"), TC_SPAN("<script>&\x1b"), 0}),
                     TC_OK);
    assert_int_equal(play(x, NULL), TC_OK);
    assert_string_equal(field(x, TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
    assert_non_null(strstr(body(x), "<td>&lt;script&gt;&amp; </td>"));
    assert_non_null(strstr(body(x), "c=&lt;d&gt;&amp;e=%20"));
    assert_null(strstr(body(x), "<script"));
    assert_null(strstr(body(x), "Trailers"));
    done(x);
}

static void other_methods_are_refused(void **state)
{
    (void)state;
    for (int method = TC_METHOD_NONE; method < TC_METHOD_COUNT; method++) {
        tc_exchange *x = request((enum tc_method)method, "");
        static const char *const runs[] = {"x", NULL};
        assert_int_equal(play(x, runs), TC_OK);
        const bool answered = method == TC_METHOD_GET || method == TC_METHOD_HEAD ||
                              method == TC_METHOD_POST || method == TC_METHOD_PUT ||
                              method == TC_METHOD_PATCH || method == TC_METHOD_DELETE;
        assert_int_equal(x->ours.status, answered ? 200 : method == TC_METHOD_OPTIONS ? 204 : 405);
        if (!answered)
            assert_string_equal(field(x, TC_FIELD_ALLOW),
                                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        if (method == TC_METHOD_OPTIONS) assert_int_equal(x->ours.length, 0);
        done(x);
    }
}

static void memory_that_fails_leaks_nothing(void **state)
{
    (void)state;
    bool answered = false;
    for (int n = 0; n < 40 && !answered; n++) {
        tc_exchange *x = request(TC_METHOD_POST, "Accept: text/html");
        static const char *const runs[] = {"hello", NULL};
        tc_alloc_fail_after(n);
        const tc_err err = play(x, runs);
        tc_alloc_fail_after(-1);
        assert_true(err == TC_OK || err == TC_ERR_NO_MEMORY);
        answered = err == TC_OK;
        done(x);
    }
    assert_true(answered);
}

static void what_is_too_large_to_show_is_said_so(void **state)
{
    (void)state;
    tc_exchange *x = request(TC_METHOD_GET, "Accept: text/html");
    static char large[250000];
    memset(large, '"', sizeof large);
    assert_int_equal(tc_fields_push(&x->theirs.fields, &x->arena,
                                    (tc_field){TC_SPAN("x"), {large, sizeof large}, 0}),
                     TC_OK);
    assert_int_equal(play(x, NULL), TC_OK);
    assert_int_equal(x->ours.status, 500);
    done(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_gets_text),
        cmocka_unit_test(programs_get_json),
        cmocka_unit_test(browsers_get_html),
        cmocka_unit_test(other_methods_are_refused),
        cmocka_unit_test(memory_that_fails_leaks_nothing),
        cmocka_unit_test(what_is_too_large_to_show_is_said_so),
    };
    return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
