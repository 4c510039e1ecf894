/* glob.c - patterns of paths, by examples and against a matcher that tries everything. */
// SPDX-License-Identifier: MIT
#include "base/glob.h"

#include <stdio.h>

#include "support/check.h"

static void patterns_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*.css", "/a.css", true},
        {"*.css", "/deep/er/a.css", true},
        {"*.css", "/a.css/b", false},
        {"*.css", "/.css", true},
        {"*.css", "/a.CSS", false},
        {"a?c", "/abc", true},
        {"a?c", "/ac", false},
        {"/a?c", "/a/c", false},
        {"*", "/", true},
        {"*", "/any/thing", true},
        {"", "/", true},
        {"", "/a", false},
        {"/assets/*", "/assets/a.js", true},
        {"/assets/*", "/assets/", true},
        {"/assets/*", "/assets/a/b.js", false},
        {"/assets/*", "/x/assets/a.js", false},
        {"/assets/**", "/assets/a/b.js", true},
        {"/assets/**", "/assets/", true},
        {"/assets/**", "/assets", false},
        {"/**/*.js", "/a.js", true},
        {"/**/*.js", "/x/y/a.js", true},
        {"/**/*.js", "/x/y/a.jss", false},
        {"/a/**/b", "/a/b", true},
        {"/a/**/b", "/a/x/y/b", true},
        {"/a/**/b", "/a/xb", false},
        {"/a/**b", "/a/x/yb", true},
        {"**", "/a/b", true},
        {"/*/*", "/a/b", true},
        {"/*/*", "/a/b/c", false},
        {"/*.*.js", "/a.1f.js", true},
        {"/**a*b**c", "/xaxb/axb/zc", true},
        {"/**a*b/**c", "/a/b/aab/c", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(tc_glob(check_edge(tc_span_str(cases[i].pattern)), tc_span_str(cases[i].path)) ==
                       cases[i].matches,
                   cases[i].pattern);
}

/* What the header says, without regard to cost. */
static bool slow(const char *whole, const char *p, const char *s)
{
    if (!*p) return !*s;
    if (p[0] == '*' && p[1] == '*') {
        const bool folders = p > whole && p[-1] == '/' && p[2] == '/';
        for (const char *at = s;; at++) {
            if ((!folders || at == s || at[-1] == '/') && slow(whole, p + (folders ? 3 : 2), at))
                return true;
            if (!*at) return false;
        }
    }
    if (*p == '*') {
        for (const char *at = s;; at++) {
            if (slow(whole, p + 1, at)) return true;
            if (!*at || *at == '/') return false;
        }
    }
    return *s && (*p == *s || (*p == '?' && *s != '/')) && slow(whole, p + 1, s + 1);
}

static void random_patterns_agree_with_trying_everything(void **state)
{
    (void)state;
    static const char parts[] = "ab/**?";
    for (int round = 0; round < 200000; round++) {
        char pattern[10] = "/", path[10] = "/", text[40];
        const uint64_t m = 1 + check_random_below(8), n = 1 + check_random_below(8);
        for (uint64_t i = 1; i < m; i++)
            pattern[i] = parts[check_random_below(6)];
        for (uint64_t i = 1; i < n; i++)
            path[i] = parts[check_random_below(3)];
        (void)snprintf(text, sizeof text, "%s of %s", pattern, path);
        check_case(tc_glob(tc_span_str(pattern), tc_span_str(path)) == slow(pattern, pattern, path),
                   text);
    }
}

static void long_ones_end(void **state)
{
    (void)state;
    static char pattern[2000], path[8000];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    for (size_t i = 0; i < sizeof pattern; i += 4)
        memcpy(pattern + i, "**a*", 4);
    pattern[0] = '/';
    assert_false(tc_glob((tc_span){"/**a*a*a*a*a*a*a*a*b", 20}, (tc_span){path, sizeof path}));
    assert_false(tc_glob((tc_span){"/**a**a**a**a**a**b", 19}, (tc_span){path, sizeof path}));
    assert_true(tc_glob((tc_span){pattern, sizeof pattern}, (tc_span){path, sizeof path}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(random_patterns_agree_with_trying_everything),
        cmocka_unit_test(long_ones_end),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
