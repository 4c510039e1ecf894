/* fixed.c - redirections by patterns: what they become, and that no request makes one lead to a
 * host that the pattern does not name; answers that are set. */
// SPDX-License-Identifier: MIT
#include "site/fixed.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"

static void patterns_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned status; /* 0: refused */
    } cases[] = {
        {"/new{rest}", 308},
        {"301 /new{rest}", 301},
        {"302 https://example.org{uri}", 302},
        {"https://{host}{uri}", 308},
        {"https://www.{host}{path}", 308},
        {"{rest}", 308},
        {"/a:b://{rest}", 308},
        {"", 0},
        {"301", 0},
        {"301 ", 0},
        {"200 /a", 0},
        {"304 /a", 0},
        {"99999999999999999999 /a", 0},
        {"//evil.example", 0},
        {"example.org/", 0},
        {"https://", 0},
        {"https:{uri}", 0},
        {"https:/{uri}", 0},
        {"https://{uri}", 0},
        {"https://{rest}", 0},
        {"https:///x", 0},
        {"https://?x", 0},
        {"{host}{uri}", 0},
        {"/{what}", 0},
        {"/{uri", 0},
        {"/a b", 0},
        {"/\xc3\xbc", 0},
        {"/a\nb", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_fixed f;
        const char *fault =
            tc_fixed_redirect(check_edge(tc_span_str(cases[i].text)), (tc_span){0}, &f);
        check_case(!fault == (cases[i].status != 0), cases[i].text);
        check_case(fault || f.status == cases[i].status, cases[i].text);
    }
}

static void answers_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *content;
        unsigned status;
    } cases[] = {{"404", "", 404},      {"200 all is well", "all is well", 200},
                 {"204", "", 204},      {"599 ", "", 599},
                 {"204 text", NULL, 0}, {"304 text", NULL, 0},
                 {"100", NULL, 0},      {"600", NULL, 0},
                 {"", NULL, 0},         {"fine", NULL, 0},
                 {"-1", NULL, 0},       {"18446744073709551616", NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_fixed f;
        const char *fault = tc_fixed_answer(check_edge(tc_span_str(cases[i].text)), &f);
        check_case(!fault == (cases[i].status != 0), cases[i].text);
        if (fault) continue;
        check_case(f.status == cases[i].status, cases[i].text);
        check_span(f.text, cases[i].content);
    }
}

/* Into text: the Location of the answer to a request. */
static void redirected(const char *pattern, const char *prefix, const char *host, tc_span path,
                       char text[512])
{
    tc_fixed f;
    tc_exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    assert_null(tc_fixed_redirect(tc_span_str(pattern), tc_span_str(prefix), &f));
    tc_exchange_init(x, 1, 65536);
    x->theirs.method = TC_METHOD_GET;
    x->theirs.version = TC_HTTP_1_1;
    x->theirs.path = path;
    x->theirs.authority = tc_span_str(host);
    assert_int_equal(tc_fixed_handler.on_head(&f, x), TC_OK);
    assert_true(x->ended);
    assert_int_equal(x->ours.status, f.status);
    tc_span to = {0};
    for (uint32_t i = 0; i < x->ours.fields.count; i++)
        if (x->ours.fields.at[i].id == TC_FIELD_LOCATION) to = x->ours.fields.at[i].value;
    assert_in_range(snprintf(text, 512, "%.*s", TC_FMT(to)), 1, 511);
    tc_exchange_fini(x);
    free(x);
}

static void requests_are_sent_on(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *prefix, *host, *path, *to;
    } cases[] = {
        {"https://example.org{uri}", "", "h", "/a?b", "https://example.org/a?b"},
        {"https://example.org{path}", "", "h", "/a?b", "https://example.org/a"},
        {"/new{rest}", "/old", "h", "/old/x?y", "/new/x?y"},
        {"/new{rest}", "/old", "h", "/old", "/new"},
        {"/new{rest}", "/old", "h", "/old?y", "/new?y"},
        {"/new{rest}", "/old", "h", "/%6fld/x", "/new/%6fld/x"},
        {"{rest}", "/old", "h", "/old", "/"},
        {"{rest}", "/old", "h", "/old?y", "/?y"},
        {"https://{host}{uri}", "", "h:80", "/a", "https://h/a"},
        {"https://{host}{uri}", "", "[::1]:80", "/a", "https://[::1]/a"},
        {"https://{host}:8443{uri}", "", "[::1]", "/a", "https://[::1]:8443/a"},
        {"https://example.org{uri}", "", "h", "*", "https://example.org/"},
        {"/x?from={host}", "", "h", "/", "/x?from=h"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redirected(cases[i].pattern, cases[i].prefix, cases[i].host, tc_span_str(cases[i].path),
                   text);
        assert_string_equal(text, cases[i].to);
    }
}

/* Browsers read "\" as "/", and what stands behind the host's name as a part of it. */
static void no_request_names_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *prefix, *path, *to;
    } cases[] = {
        {"{rest}", "/a", "/a//evil.example", "/evil.example"},
        {"{rest}", "/a", "/a////evil.example/x", "/evil.example/x"},
        {"{rest}", "/a", "/a/\\evil.example", "/evil.example"},
        {"{uri}", "", "/\\/evil.example", "/evil.example"},
        {"{uri}", "", "/\\\\//\\evil.example", "/evil.example"},
        {"/{rest}", "/a", "/a/evil.example", "/evil.example"},
        {"/{path}", "", "/evil.example?x", "/evil.example"},
        {"https://example.org{rest}", "/a", "/a.evil.example/../a/x",
         "https://example.org/a.evil.example/../a/x"},
        {"https://example.org{rest}", "/a", "/a@evil.example/../a/x",
         "https://example.org/a@evil.example/../a/x"},
        {"https://example.org{rest}", "/a", "/a:1@evil.example/../a/x",
         "https://example.org/a:1@evil.example/../a/x"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redirected(cases[i].pattern, cases[i].prefix, "h", tc_span_str(cases[i].path), text);
        assert_string_equal(text, cases[i].to);
    }
}

static void nor_any_that_is_random(void **state)
{
    (void)state;
    static const char bytes[] = "/\\/\\a.@:?*", *const patterns[] = {"{rest}", "/{rest}", "{uri}",
                                                                     "/{path}",
                                                                     "https://example.org{rest}"};
    for (int turn = 0; turn < 20000; turn++) {
        char path[12] = "/", text[512];
        const size_t len = 1 + check_random_below(sizeof path - 1);
        for (size_t i = 1; i < len; i++)
            path[i] = bytes[check_random_below(sizeof bytes - 1)];
        redirected(patterns[check_random_below(5)], check_random_below(2) ? "/a" : "", "h",
                   tc_span_of(path, len), text);
        const tc_span to = tc_span_str(text), host = TC_SPAN("https://example.org");
        if (to.at[0] == '/')
            assert_true(text[1] != '/' && text[1] != '\\');
        else
            assert_true(tc_span_starts(to, host) &&
                        (!text[host.len] || strchr("/?", text[host.len])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_judged),    cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(requests_are_sent_on),   cmocka_unit_test(no_request_names_the_host),
        cmocka_unit_test(nor_any_that_is_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
