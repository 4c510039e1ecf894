/* sites.c - which site a host's name finds, and which route a path: by examples and against a
 * search that looks at everything. */
// SPDX-License-Identifier: MIT
#include "site/sites.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"

static tc_site one, two, wild, deep, other;

static tc_sites named(void)
{
    tc_sites s = {.fallback = &other};
    tc_map_init(&s.by_name, 16, tc_hash_key_random());
    tc_map_init(&s.by_suffix, 16, tc_hash_key_random());
    assert_int_equal(tc_map_put(&s.by_name, TC_SPAN("one.example"), &one), TC_OK);
    assert_int_equal(tc_map_put(&s.by_name, TC_SPAN("x.wild.example"), &two), TC_OK);
    assert_int_equal(tc_map_put(&s.by_name, TC_SPAN("::1"), &two), TC_OK);
    assert_int_equal(tc_map_put(&s.by_suffix, TC_SPAN(".wild.example"), &wild), TC_OK);
    assert_int_equal(tc_map_put(&s.by_suffix, TC_SPAN(".deep.wild.example"), &deep), TC_OK);
    return s;
}

static void forget(tc_sites *s)
{
    tc_map_fini(&s->by_name);
    tc_map_fini(&s->by_suffix);
}

static void hosts_find_their_site(void **state)
{
    (void)state;
    static const struct {
        const char *authority;
        const tc_site *site;
    } cases[] = {
        {"one.example", &one},
        {"ONE.Example.", &one},
        {"one.example:8080", &one},
        {"one.example.:8080", &one},
        {"aone.example", &other},
        {"a.one.example", &other},
        {"x.wild.example", &two},
        {"a.x.wild.example", &wild},
        {"y.wild.example", &wild},
        {"deep.wild.example", &wild},
        {"a.deep.wild.example", &deep},
        {"a.b.DEEP.wild.example:1", &deep},
        {"wild.example", &other},
        {".wild.example", &other},
        {"notwild.example", &other},
        {"[::1]:80", &two},
        {"[::2]", &other},
        {"", &other},
        {".", &other},
        {":80", &other},
        {"one.example:x", &other},
        {"one.example:99999", &other},
        {"a@one.example", &other},
    };
    tc_sites s = named();
    tc_sites_memo memo = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span authority = check_edge(tc_span_str(cases[i].authority));
        check_case(tc_sites_find(&s, authority) == cases[i].site, cases[i].authority);
        for (int again = 0; again < 2; again++) /* found, then remembered */
            check_case(tc_sites_find_again(&s, authority, &memo) == cases[i].site,
                       cases[i].authority);
    }
    assert_ptr_equal(tc_sites_find_again(&s, (tc_span){0}, &memo),
                     &other); /* HTTP/1.0 without Host */
    assert_ptr_equal(tc_sites_find_again(&s, (tc_span){0}, &memo), &other);
    s.fallback = NULL;
    assert_null(tc_sites_find(&s, TC_SPAN("nobody.example")));
    memo = (tc_sites_memo){0};
    assert_null(tc_sites_find_again(&s, TC_SPAN("nobody.example"), &memo));
    assert_null(tc_sites_find_again(&s, TC_SPAN("nobody.example"), &memo));
    assert_ptr_equal(tc_sites_find_again(&s, TC_SPAN("one.example"), &memo), &one);
    forget(&s);
}

/* Longer than what is remembered, than any name, and than what was asked for before. */
static void long_hosts_are_strangers(void **state)
{
    (void)state;
    char text[600];
    tc_sites s = named();
    tc_sites_memo memo = {0};
    memset(text, 'a', sizeof text);
    memcpy(text + 250, ".wild.example", 13);
    for (size_t len = 240; len <= sizeof text; len++) {
        const tc_span authority = tc_span_of(text, len);
        const tc_site *found = tc_sites_find(&s, authority);
        assert_ptr_equal(tc_sites_find_again(&s, authority, &memo), found);
        assert_ptr_equal(found, &other);
    }
    assert_ptr_equal(tc_sites_find(&s, tc_span_of(text + 20, 243)), &wild);
    forget(&s);
}

/* --- routes ---------------------------------------------------------------------------------- */

enum { ROUTES = 12 };
static tc_route routes[ROUTES], whole;
static const tc_route *last; /* found for the path before */
static unsigned count;
static tc_site site;

static void add_route(tc_span prefix)
{
    unsigned segments = 0;
    if (tc_map_get(&site.by_prefix, prefix)) return;
    for (size_t i = 0; i < prefix.len; i++)
        segments += prefix.at[i] == '/';
    routes[count] = (tc_route){.site = &site, .prefix = prefix};
    assert_int_equal(tc_site_add(&site, &routes[count++], segments), TC_OK);
}

static void begin_routes(void)
{
    count = 0;
    last = NULL;
    whole = (tc_route){.site = &site};
    site = (tc_site){.whole = &whole};
    tc_map_init(&site.by_prefix, ROUTES, tc_hash_key_random());
}

/* NULL: the path makes no sense. */
static const tc_route *route_of(tc_span path)
{
    const tc_route *found = NULL;
    tc_exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 65536);
    x->theirs.path = path;
    if (tc_site_route(&site, x, last, &found) != TC_OK) found = NULL;
    last = found;
    tc_exchange_fini(x);
    free(x);
    return found;
}

static void paths_find_their_route(void **state)
{
    (void)state;
    begin_routes();
    assert_ptr_equal(route_of(TC_SPAN("/a%2fb")), &whole); /* nobody looks */
    add_route(TC_SPAN("/a"));
    add_route(TC_SPAN("/a/b"));
    add_route(TC_SPAN("/a/b/c/d"));
    add_route(TC_SPAN("/\xc3\xbc"));
    static const struct {
        const char *path;
        int route; /* -1: the whole site's; -2: none */
    } cases[] = {
        {"/", -1},
        {"/a", 0},
        {"/a/", 0},
        {"/a?/b", 0},
        {"/ab", -1},
        {"/a/bc", 0},
        {"/a/b", 1},
        {"/a/b/c", 1},
        {"/a/b/c/", 1},
        {"/a/b/c/d/e/f", 2},
        {"/a/b/c/dd", 1},
        {"/%61/b", 1},
        {"//a//b", 1},
        {"/./a", 0},
        {"/x/../a", 0},
        {"/a/../x", -1},
        {"/a/b/../../x", -1},
        {"/a/b/..", 0},
        {"/%2e%2e/a", -2},
        {"/%C3%BC/x", 3},
        {"/a%2fb", -2},
        {"/a\\b", -2},
        {"/a%00", -2},
        {"/a%5cb", -2},
        {"*", -1},
        {"", -1},
        {"?a", -1},
        {"/A", -1},
        {"/a;x", -1},
        {"/?/a", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int r = cases[i].route;
        const tc_route *wanted = r >= 0 ? &routes[r] : r == -1 ? &whole : NULL;
        check_case(route_of(check_edge(tc_span_str(cases[i].path))) == wanted, cases[i].path);
    }
    tc_map_fini(&site.by_prefix);
}

/* The longest of all prefixes that end where a segment does. */
static const tc_route *slow(tc_span path)
{
    const tc_route *best = &whole;
    for (unsigned i = 0; i < count; i++) {
        const tc_span p = routes[i].prefix;
        if (tc_span_starts(path, p) && (path.len == p.len || path.at[p.len] == '/') &&
            p.len > best->prefix.len)
            best = &routes[i];
    }
    return best;
}

static size_t random_path(char text[64], unsigned most)
{
    static const char *const names[] = {"/a", "/b", "/aa", "/ab"};
    size_t n = 0;
    for (unsigned left = 1 + (unsigned)check_random_below(most); left; left--) {
        const char *name = names[check_random_below(4)];
        memcpy(text + n, name, strlen(name));
        n += strlen(name);
    }
    return n;
}

/* The same path with a character encoded, a segment of nothing, or a query behind it, wherever that
 * is. */
static void check_told_otherwise(tc_span path, const tc_route *wanted)
{
    static const char hex[] = "0123456789abcdef";
    char text[128];
    for (size_t at = 1; at < path.len; at++) {
        const uint8_t c = (uint8_t)path.at[at];
        const tc_span rest = tc_span_from(path, at);
        const char code[3] = {'%', hex[c >> 4], hex[c & 15]};
        const tc_span parts[] = {tc_span_of(code, 3), TC_SPAN("/./")};
        memcpy(text, path.at, at);
        const tc_span instead = c == '/' ? parts[1] : parts[0];
        memcpy(text + at, instead.at, instead.len);
        memcpy(text + at + instead.len, rest.at + 1, rest.len - 1);
        memcpy(text + path.len + instead.len - 1, "?/a%\\", 5);
        const tc_span told = tc_span_of(text, path.len + instead.len - 1 + 5 * (at % 2));
        assert_ptr_equal(route_of(told), wanted);
    }
}

static void as_a_slow_search_finds_it(void **state)
{
    (void)state;
    char prefixes[ROUTES][64], path[64];
    for (int turn = 0; turn < 300; turn++) {
        begin_routes();
        for (unsigned i = 0; i < ROUTES; i++)
            add_route(tc_span_of(prefixes[i], random_path(prefixes[i], 5)));
        for (int i = 0; i < 100; i++) {
            size_t len = random_path(path, 8);
            if (check_random_below(4) == 0) path[len++] = '/';
            const tc_route *wanted = slow(tc_span_of(path, len));
            assert_ptr_equal(route_of(tc_span_of(path, len)), wanted);
            check_told_otherwise(tc_span_of(path, len), wanted);
        }
        tc_map_fini(&site.by_prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_find_their_site),
        cmocka_unit_test(long_hosts_are_strangers),
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(as_a_slow_search_finds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
