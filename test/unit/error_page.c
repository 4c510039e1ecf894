/* error_page.c - pages for errors and redirections, in three forms. */
// SPDX-License-Identifier: MIT
#include "page/error_page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "support/check.h"

static tc_exchange *request(const char *field_lines)
{
    tc_exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, TC_METHOD_GET, field_lines);
    return x;
}

static void done(tc_exchange *x)
{
    tc_exchange_fini(x);
    free(x);
}

static const char *body(const tc_exchange *x)
{
    static char text[65536];
    size_t n = 0;
    for (int i = 0; i < x->run_count; i++) {
        assert_true(n + x->runs[i].len < sizeof text);
        memcpy(text + n, x->runs[i].at, x->runs[i].len);
        n += x->runs[i].len;
    }
    text[n] = '\0';
    assert_int_equal(x->ours.length, n);
    return text;
}

static const char *field(const tc_exchange *x, const char *name)
{
    static char text[256];
    tc_span value;
    if (!tc_fields_find(&x->ours.fields, tc_span_str(name), &value)) return "";
    (void)snprintf(text, sizeof text, "%.*s", TC_FMT(value));
    return text;
}

static void has(const tc_exchange *x, const char *text)
{
    if (!strstr(body(x), text)) fail_msg("\"%s\" is not in\n%s", text, body(x));
}

static void lacks(const tc_exchange *x, const char *text)
{
    if (strstr(body(x), text)) fail_msg("\"%s\" is in\n%s", text, body(x));
}

static void not_found_is_a_page_for_people(void **state)
{
    (void)state;
    tc_exchange *x = request("");
    assert_int_equal(tc_error_page(x, 404, (tc_span){0}), TC_OK);
    assert_int_equal(x->ours.status, 404);
    assert_int_equal(x->want, TC_WANT_HEAD | TC_WANT_BODY | TC_WANT_END);
    assert_string_equal(field(x, "content-type"), "text/html; charset=utf-8");
    assert_string_equal(field(x, "content-language"), "en");
    assert_string_equal(field(x, "cache-control"), "no-store");
    assert_string_equal(field(x, "x-content-type-options"), "nosniff");
    assert_true(tc_span_starts(tc_span_str(field(x, "content-security-policy")),
                               TC_SPAN("default-src 'none'; style-src 'unsafe-inline'")));
    has(x, "anywhere}</style>"); /* all of it */
    has(x, "<title>Page Not Found</title>");
    has(x, "<h1>Page Not Found</h1>");
    has(x, "The page you are looking for cannot be found.");
    has(x, ">404<");
    has(x, "<!doctype html>");
    has(x, "prefers-color-scheme:dark");
    has(x, "</html>\n");
    lacks(x, "http://");
    lacks(x, "class=\"detail\"");
    assert_int_equal(tc_error_page(x, 500, (tc_span){0}), TC_ERR_HEAD_TWICE);
    assert_int_equal(x->ours.status, 404);
    done(x);
}

static void details_are_escaped_and_cut(void **state)
{
    (void)state;
    static const char nasty[] =
        "<script>alert('1')</script> & \"x\"\r\nX: y \x1b[31m \xff \xc2\x9b";
    tc_exchange *x = request("");
    assert_int_equal(tc_error_page(x, 400, (tc_span){nasty, sizeof nasty - 1}), TC_OK);
    has(x, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
    lacks(x, "<script");
    lacks(x, "\x1b");
    lacks(x, "\xff");
    lacks(x, "\xc2\x9b");
    done(x);

    x = request("Accept: text/plain");
    assert_int_equal(tc_error_page(x, 400, (tc_span){nasty, sizeof nasty - 1}), TC_OK);
    assert_string_equal(field(x, "content-type"), "text/plain; charset=utf-8");
    has(x, "400 Bad Request\n");
    has(x, "<script>alert('1')</script> & \"x\"\\x0d\\x0aX: y \\x1b[31m \\xff \\xc2\\x9b\n");
    done(x);

    x = request("Accept: application/json");
    assert_int_equal(tc_error_page(x, 400, (tc_span){nasty, sizeof nasty - 1}), TC_OK);
    json_t *root = json_loads(body(x), 0, NULL);
    assert_non_null(root);
    assert_non_null(strstr(json_string_value(json_object_get(root, "detail")), "\"x\"\r\nX: y"));
    json_decref(root);
    done(x);

    static const char fills[] = {'&', '"', '\'', '\x01', '\xff', 'a', '<'};
    static char long_detail[4096], location[1024];
    static const char *const kinds[] = {"", "Accept: application/json", "Accept: text/plain"};
    for (size_t i = 0; i < sizeof fills; i++)
        for (size_t j = 0; j < 3; j++) {
            memset(long_detail, fills[i], sizeof long_detail);
            memset(location, fills[i] == '&' ? '&' : '"', sizeof location);
            location[0] = '/';
            x = request(kinds[j]);
            assert_int_equal(tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION,
                                           (tc_span){location, sizeof location}),
                             TC_OK);
            assert_int_equal(tc_error_page(x, 301, (tc_span){long_detail, sizeof long_detail}),
                             TC_OK);
            assert_true(x->ours.length > 512 && x->ours.length < 20000);
            if (j == 0) has(x, "</html>\n");
            done(x);
        }
}

static void programs_get_a_problem(void **state)
{
    (void)state;
    tc_exchange *x = request("Accept: application/problem+json");
    assert_int_equal(tc_error_page(x, 404, TC_SPAN("no \"x\" here")), TC_OK);
    assert_string_equal(field(x, "content-type"), "application/problem+json");
    assert_string_equal(field(x, "content-security-policy"), "");
    assert_string_equal(
        body(x), "{\"status\":404,\"title\":\"Not Found\",\"detail\":\"no \\\"x\\\" here\"}\n");
    done(x);
    x = request("Accept: application/json, text/plain, */*");
    assert_int_equal(tc_error_page(x, 503, (tc_span){0}), TC_OK);
    json_t *root = json_loads(body(x), 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "status")), 503);
    assert_string_equal(json_string_value(json_object_get(root, "title")), "Service Unavailable");
    assert_true(json_string_length(json_object_get(root, "detail")) > 10);
    json_decref(root);
    done(x);
}

static void redirections_link_to_their_location(void **state)
{
    (void)state;
    static const struct {
        const char *location;
        bool linked;
    } cases[] = {
        {"/dir/?a=1&b=2", true},
        {"https://example.com/", true},
        {"../x", true},
        {"?q", true},
        {"javascript:alert(1)", false},
        {"data:text/html,x", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_exchange *x = request("");
        assert_int_equal(tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION,
                                       tc_span_str(cases[i].location)),
                         TC_OK);
        assert_int_equal(tc_error_page(x, 301, (tc_span){0}), TC_OK);
        assert_string_equal(field(x, "location"), cases[i].location);
        assert_string_equal(field(x, "cache-control"), "");
        assert_string_equal(field(x, "vary"), "Accept");
        check_case((strstr(body(x), "<a href=") != NULL) == cases[i].linked, cases[i].location);
        if (i == 0) has(x, "<a href=\"/dir/?a=1&amp;b=2\">/dir/?a=1&amp;b=2</a>");
        lacks(x, "javascript:");
        done(x);
    }
    tc_exchange *x = request("Accept: application/json");
    assert_int_equal(tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION, TC_SPAN("/a")),
                     TC_OK);
    assert_int_equal(tc_error_page(x, 308, (tc_span){0}), TC_OK);
    has(x, "\"location\":\"/a\"");
    done(x);
}

static void every_registered_status_has_words(void **state)
{
    (void)state;
    for (unsigned status = 300; status < 1000; status++) {
        tc_exchange *x = request("Accept: text/plain");
        assert_int_equal(tc_error_page(x, status, (tc_span){0}), TC_OK);
        assert_int_equal(x->ours.status, status);
        if (status == 304) {
            assert_int_equal(x->ours.length, 0);
            assert_int_equal(x->ours.fields.count, 0);
            done(x);
            continue;
        }
        assert_true(x->ours.length > 40);
        assert_string_equal(field(x, "cache-control"), status < 400 ? "" : "no-store");
        if (!tc_status_line(status).len)
            has(x, status < 400   ? "somewhere else.\n"
                   : status < 500 ? "The server cannot answer this request.\n"
                                  : "The server failed to answer this request.\n");
        const bool generic =
            strstr(body(x), "this request.\n") != NULL && status != 400 && status != 500;
        if (status >= 400 && status != 305 && tc_status_line(status).len) assert_false(generic);
        done(x);
    }
}

static void other_fields_are_kept_and_those_of_content_are_not(void **state)
{
    (void)state;
    tc_exchange *x = request("");
    check_add_fields(&x->ours.fields, &x->arena,
                     "Allow: GET\nETag: \"a\"\nContent-Type: image/png\nContent-Encoding: gzip\n"
                     "Last-Modified: x\nContent-Range: bytes */5\nCache-Control: max-age=60\n"
                     "Retry-After: 5");
    tc_block block = {0}, server = {0};
    check_add_fields(&block.fields, &x->arena, "Content-Type: text/css\nAccept-Ranges: bytes");
    check_add_fields(&server.fields, &x->arena, "Server: x");
    x->ours.blocks[0] = &server;
    x->ours.blocks[1] = &block;
    assert_int_equal(tc_error_page(x, 416, (tc_span){0}), TC_OK);
    assert_ptr_equal(x->ours.blocks[0], &server);
    assert_null(x->ours.blocks[1]);
    assert_string_equal(field(x, "allow"), "GET");
    assert_string_equal(field(x, "content-range"), "bytes */5");
    assert_string_equal(field(x, "retry-after"), "5");
    assert_string_equal(field(x, "etag"), "");
    assert_string_equal(field(x, "last-modified"), "");
    assert_string_equal(field(x, "content-encoding"), "");
    assert_string_equal(field(x, "cache-control"), "max-age=60");
    assert_string_equal(field(x, "vary"), "Accept");
    assert_int_equal(tc_fields_times(&x->ours.fields, TC_FIELD_CONTENT_TYPE), 1);
    done(x);
}

static void without_memory_the_answer_is_bare(void **state)
{
    (void)state;
    for (int n = 0; n < 6; n++) {
        tc_exchange *x = request("");
        tc_alloc_fail_after(n);
        const tc_err err = tc_error_page(x, 404, TC_SPAN("detail"));
        tc_alloc_fail_after(-1);
        assert_int_equal(err, TC_OK);
        assert_int_equal(x->ours.status, 404);
        if (n == 0) assert_int_equal(x->ours.length, 0);
        done(x);
    }
    tc_exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 0); /* a ceiling of nothing */
    assert_int_equal(tc_error_page(x, 431, (tc_span){0}), TC_OK);
    assert_int_equal(x->ours.length, 0);
    done(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_found_is_a_page_for_people),
        cmocka_unit_test(details_are_escaped_and_cut),
        cmocka_unit_test(programs_get_a_problem),
        cmocka_unit_test(redirections_link_to_their_location),
        cmocka_unit_test(every_registered_status_has_words),
        cmocka_unit_test(other_fields_are_kept_and_those_of_content_are_not),
        cmocka_unit_test(without_memory_the_answer_is_bare),
    };
    return cmocka_run_group_tests_name("error_page", tests, NULL, NULL);
}
