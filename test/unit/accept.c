/* accept.c - choosing by Accept (RFC 9110, 12.5.1). */
// SPDX-License-Identifier: MIT
#include "http/accept.h"

#include "support/check.h"

static void weights_follow_the_most_specific_range(void **state)
{
    (void)state;
    /* RFC 9110, 12.5.1 */
    static const char rfc[] = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed,"
                              "text/plain;format=fixed;q=0.4, */*;q=0.5";
    static const char browser[] = "text/html,application/xhtml+xml,application/xml;q=0.9,"
                                  "image/avif,image/webp,*/*;q=0.8";
    static const struct {
        const char *accept, *type;
        int q;
    } cases[] = {
        {rfc, "text/plain;format=flowed", 1000},
        {rfc, "text/plain", 700},
        {rfc, "text/html", 300},
        {rfc, "image/jpeg", 500},
        {rfc, "text/plain;format=fixed", 400},
        {rfc, "text/html;level=3", 300},
        {browser, "text/html", 1000},
        {browser, "text/html; charset=utf-8", 1000},
        {browser, "application/json", 800},
        {"", "text/html", 1000},
        {" ", "text/html", 1000},
        {",,", "text/html", 1000},
        {"*/*", "text/html", 1000},
        {"*/*;q=0", "text/html", 0},
        {"text/html;q=0, */*", "text/html", 0},
        {"*/*, text/html;q=0", "text/html", 0},
        {"text/*;q=0.001", "text/html", 1},
        {"TEXT/HTML;Q=0.5", "text/html", 500},
        {"text/html ; q=0.5", "text/html", 500},
        {"text/html;q=1.000", "text/html", 1000},
        {"text/html;q=0.", "text/html", 0},
        {"text/html;q=1.", "text/html", 1000},
        {"text/html;charset=\"utf-8\"", "text/html;charset=utf-8", 1000},
        {"text/html;charset=UTF-8;q=0.2,*/*;q=0.1", "text/html; charset=utf-8", 200},
        {"text/html;level=1", "text/html", 0},
        {"application/json", "text/html", 0},
        {"text/html;q=0.5;ext=1", "text/html", 500}, /* what follows q was never used */
        {"text/htm", "text/html", 0},
        {"text", "text/html", 0},
        {"textxx", "text/html", 0},
        {"text/*", "text", 0},
        {"*", "text/html", 0},
        {"*/html", "text/html", 0},
        {"text/", "text/html", 0},
        {"/html", "text/html", 0},
        /* malformed members say nothing */
        {"text/html;q=2", "text/html", 0},
        {"text/html;q=05", "text/html", 0},
        {"text/html;q=0,5", "text/html", 0},
        {"text/html;q=0.a", "text/html", 0},
        {"text/html;q=1.001", "text/html", 0},
        {"text/html;q=0.1234", "text/html", 0},
        {"text/html;q=-1", "text/html", 0},
        {"text/html;q=", "text/html", 0},
        {"text/html;q=x, */*;q=0.2", "text/html", 200},
        {"text/html;q=.5, */*;q=0.2", "text/html", 200},
        {"text/html;q=\"0.5", "text/html", 0},
        {"text/html;\"a,b\"", "text/html", 0},
        {"\"text/html\"", "text/html", 0},
        {"text/html;q=0.5, text/html;q=0.9", "text/html", 500}, /* the first of equals */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int q =
            tc_accept_q(check_edge(tc_span_str(cases[i].accept)), tc_span_str(cases[i].type));
        if (q != cases[i].q)
            fail_msg("\"%s\" for %s: %d, not %d", cases[i].accept, cases[i].type, q, cases[i].q);
    }
    assert_int_equal(tc_accept_q((tc_span){0}, TC_SPAN("a/b")), 1000);
    assert_int_equal(tc_accept_q(TC_SPAN("*/*"), (tc_span){0}), 1000);
}

static void the_kind_follows_the_request(void **state)
{
    (void)state;
    enum { HTML = TC_REPLY_HTML, JSON = TC_REPLY_JSON, TEXT = TC_REPLY_TEXT };
    static const struct {
        const char *fields;
        int kind_html, kind_text; /* where the usual kind is HTML, where it is TEXT */
    } cases[] = {
        {"", HTML, TEXT},
        {"Accept: */*", HTML, TEXT},
        {"Accept:", HTML, TEXT},
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML, HTML},
        {"Accept: application/json", JSON, JSON},
        {"Accept: application/problem+json", JSON, JSON},
        {"Accept: application/problem+json;q=0.9, text/html;q=0.5", JSON, JSON},
        {"Accept: application/json, text/plain, */*", JSON, JSON},
        {"Accept: text/plain", TEXT, TEXT},
        {"Accept: text/*", HTML, TEXT},
        {"Accept: text/*;q=0.5, application/json;q=0.4", HTML, TEXT},
        {"Accept: application/*", JSON, JSON},
        {"Accept: text/plain;q=0.5, application/json;q=0.6", JSON, JSON},
        {"Accept: image/png", HTML, TEXT},
        {"Accept: image/*, */*;q=0.1", HTML, TEXT},
        {"Accept: text/html;q=0, */*", JSON, TEXT},
        {"Accept: text/html;q=0, text/plain;q=0, */*", JSON, JSON},
        {"Accept: */*;q=0", HTML, TEXT},
        {"Accept: image/png\nAccept: application/json", JSON, JSON},
        {"Accept: text/plain\nAccept: application/json", TEXT, TEXT},
        {"Accept: nonsense", HTML, TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        const tc_message m = check_request(&a, TC_METHOD_GET, cases[i].fields);
        check_case((int)tc_accept_kind(&m, TC_REPLY_HTML) == cases[i].kind_html, cases[i].fields);
        check_case((int)tc_accept_kind(&m, TC_REPLY_TEXT) == cases[i].kind_text, cases[i].fields);
        tc_arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_follow_the_most_specific_range),
        cmocka_unit_test(the_kind_follows_the_request),
    };
    return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
