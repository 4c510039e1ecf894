/* caching.c - rules for Cache-Control: how they are written, and which one holds. */
// SPDX-License-Identifier: MIT
#include "files/caching.h"

#include "support/check.h"

static void rules_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern, *value; /* pattern NULL: it is none */
    } cases[] = {
        {"*.css=max-age=31536000, immutable", "*.css", "max-age=31536000, immutable"},
        {"/assets/* = public", "/assets/*", "public"},
        {"**/x=no-cache=\"set-cookie\", private", "**/x", "no-cache=\"set-cookie\", private"},
        {"*=no-store", "*", "no-store"},
        {"*.css", NULL, NULL},
        {"=no-store", NULL, NULL},
        {"*.css=", NULL, NULL},
        {"*.css= ", NULL, NULL},
        {"assets/*=no-store", NULL, NULL},
        {"*=max age", NULL, NULL},
        {"*=max-age=1\r\nX: y", NULL, NULL},
        {"*=max-age=\"1", NULL, NULL},
        {"*==1", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_caching_rule rule;
        const char *fault = tc_caching_read(check_edge(tc_span_str(cases[i].text)), &rule);
        check_case((fault == NULL) == (cases[i].pattern != NULL), cases[i].text);
        if (fault) continue;
        check_span(rule.pattern, cases[i].pattern);
        check_span(rule.value, cases[i].value);
    }
}

static void the_first_that_matches_holds(void **state)
{
    (void)state;
    const tc_caching_rule rules[] = {{TC_SPAN("/assets/**"), TC_SPAN("immutable")},
                                     {TC_SPAN("*.html"), TC_SPAN("no-cache")},
                                     {TC_SPAN("/**"), TC_SPAN("max-age=60")}};
    check_span(tc_caching_of(rules, 3, TC_SPAN("/assets/x/y.html")), "immutable");
    check_span(tc_caching_of(rules, 3, TC_SPAN("/x/y.html")), "no-cache");
    check_span(tc_caching_of(rules, 3, TC_SPAN("/x/y.png")), "max-age=60");
    check_span(tc_caching_of(rules, 2, TC_SPAN("/x/y.png")), "");
    check_span(tc_caching_of(NULL, 0, TC_SPAN("/")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(the_first_that_matches_holds),
    };
    return cmocka_run_group_tests_name("caching", tests, NULL, NULL);
}
