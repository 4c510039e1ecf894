/* target.c - request targets, authorities, plain paths and URLs. */
// SPDX-License-Identifier: MIT
#include "http/target.h"

#include "base/alloc.h"
#include "support/check.h"

enum { ARENA_MAX = 1 << 20 };

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        enum tc_method method;
        const char *text;
        enum tc_target_form form;
        const char *scheme, *authority, *path; /* path NULL: an error */
    } cases[] = {
        {TC_METHOD_GET, "/", TC_ORIGIN_FORM, "", "", "/"},
        {TC_METHOD_GET, "/a/b;c=d?e=f&g", TC_ORIGIN_FORM, "", "", "/a/b;c=d?e=f&g"},
        {TC_METHOD_GET, "//x//y", TC_ORIGIN_FORM, "", "", "//x//y"},
        {TC_METHOD_GET, "/%41%ff", TC_ORIGIN_FORM, "", "", "/%41%ff"},
        {TC_METHOD_GET, "/-._~!$&'()*+,;=:@?/?", TC_ORIGIN_FORM, "", "", "/-._~!$&'()*+,;=:@?/?"},
        {TC_METHOD_GET, "/?a[]=b|c^{d}`", TC_ORIGIN_FORM, "", "", "/?a[]=b|c^{d}`"},
        {TC_METHOD_GET, "http://a", TC_ABSOLUTE_FORM, "http", "a", "/"},
        {TC_METHOD_GET, "HTTPS://a:1/b?c", TC_ABSOLUTE_FORM, "HTTPS", "a:1", "/b?c"},
        {TC_METHOD_GET, "http://[::1]:80?c", TC_ABSOLUTE_FORM, "http", "[::1]:80", "?c"},
        {TC_METHOD_OPTIONS, "*", TC_ASTERISK_FORM, "", "", "*"},
        {TC_METHOD_OPTIONS, "/x", TC_ORIGIN_FORM, "", "", "/x"},
        {TC_METHOD_OPTIONS, "http://a", TC_ABSOLUTE_FORM, "http", "a", "/"},
        {TC_METHOD_CONNECT, "a:443", TC_AUTHORITY_FORM, "", "a:443", ""},
        {TC_METHOD_CONNECT, "[::1]:443", TC_AUTHORITY_FORM, "", "[::1]:443", ""},
        {TC_METHOD_CONNECT, "a", 0, "", "", NULL},
        {TC_METHOD_CONNECT, "a:", 0, "", "", NULL},
        {TC_METHOD_CONNECT, ":1", 0, "", "", NULL},
        {TC_METHOD_CONNECT, "/", 0, "", "", NULL},
        {TC_METHOD_CONNECT, "http://a:1", 0, "", "", NULL},
        {TC_METHOD_GET, "*", 0, "", "", NULL},
        {TC_METHOD_OPTIONS, "**", 0, "", "", NULL},
        {TC_METHOD_GET, "", 0, "", "", NULL},
        {TC_METHOD_GET, "a", 0, "", "", NULL},
        {TC_METHOD_GET, "a/b", 0, "", "", NULL},
        {TC_METHOD_GET, "?a", 0, "", "", NULL},
        {TC_METHOD_GET, "/a b", 0, "", "", NULL},
        {TC_METHOD_GET, "/a#b", 0, "", "", NULL},
        {TC_METHOD_GET, "/%", 0, "", "", NULL},
        {TC_METHOD_GET, "/%a", 0, "", "", NULL},
        {TC_METHOD_GET, "/%ag", 0, "", "", NULL},
        {TC_METHOD_GET, "/%00", 0, "", "", NULL},
        {TC_METHOD_GET, "/?%00", 0, "", "", NULL},
        {TC_METHOD_GET, "/\\", 0, "", "", NULL},
        {TC_METHOD_GET, "/?\\", 0, "", "", NULL},
        {TC_METHOD_GET, "/a[b]", 0, "", "", NULL},
        {TC_METHOD_GET, "/<", 0, "", "", NULL},
        {TC_METHOD_GET, "/\xc3\xa4", 0, "", "", NULL},
        {TC_METHOD_GET, "/\x7f", 0, "", "", NULL},
        {TC_METHOD_GET, "http:/a", 0, "", "", NULL},
        {TC_METHOD_GET, "http://", 0, "", "", NULL},
        {TC_METHOD_GET, "http:///", 0, "", "", NULL},
        {TC_METHOD_GET, "http://a@b/", 0, "", "", NULL},
        {TC_METHOD_GET, "http://a:b/", 0, "", "", NULL},
        {TC_METHOD_GET, "http://a#b", 0, "", "", NULL},
        {TC_METHOD_GET, "1http://a/", 0, "", "", NULL},
        {TC_METHOD_GET, "://a/", 0, "", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span text = check_edge(tc_span_str(cases[i].text));
        tc_target t = {0};
        const tc_err err = tc_target_parse(cases[i].method, text, &t);
        check_case(err == (cases[i].path ? TC_OK : TC_ERR_TARGET), cases[i].text);
        if (err) continue;
        check_case(t.form == cases[i].form, cases[i].text);
        check_span(t.scheme, cases[i].scheme);
        check_span(t.authority, cases[i].authority);
        check_span(t.path, cases[i].path);
    }
}

static void test_authorities(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* host NULL: an error */
        uint16_t port;
    } cases[] = {
        {"a", "a", 7},
        {"a.example:80", "a.example", 80},
        {"a:", "a", 7},
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::]", "::", 7},
        {"[::1]:65535", "::1", 65535},
        {"[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8", 7},
        {"[1::8]:1", "1::8", 1},
        {"[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7::", 7},
        {"[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 7},
        {"[1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:1.2.3.4", 7},
        {"a_b-c~!$&'()*+,;=%41", "a_b-c~!$&'()*+,;=%41", 7},
        {"", NULL, 0},
        {":80", NULL, 0},
        {"a:65536", NULL, 0},
        {"a:000080", NULL, 0},
        {"a:-1", NULL, 0},
        {"a:8 0", NULL, 0},
        {"a:80:81", NULL, 0},
        {"a b", NULL, 0},
        {"a/b", NULL, 0},
        {"a@b", NULL, 0},
        {"a%", NULL, 0},
        {"a%4", NULL, 0},
        {"a%00", NULL, 0},
        {"a\xff", NULL, 0},
        {"[", NULL, 0},
        {"[]", NULL, 0},
        {"[:]", NULL, 0},
        {"[:::]", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"[1::2::3]", NULL, 0},
        {"[1:2:3:4:5:6:7]", NULL, 0},
        {"[1:2:3:4:5:6:7:8:9]", NULL, 0},
        {"[1:2:3:4:5:6:7:8::]", NULL, 0},
        {"[12345::]", NULL, 0},
        {"[::1.2.3]", NULL, 0},
        {"[::1.2.3.256]", NULL, 0},
        {"[::01.2.3.4]", NULL, 0},
        {"[::1.2.3.4:5]", NULL, 0},
        {"[::1%25eth0]", NULL, 0},
        {"[1:2]", NULL, 0},
        {"[1:]", NULL, 0},
        {"[:1]", NULL, 0},
        {"::1", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span text = check_edge(tc_span_str(cases[i].text));
        tc_span host;
        uint16_t port;
        const tc_err err = tc_authority_split(text, 7, &host, &port);
        check_case(err == (cases[i].host ? TC_OK : TC_ERR_HOST), cases[i].text);
        check_case(err == tc_authority_check(text), cases[i].text);
        if (err) continue;
        check_span(host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

static void test_plain_paths(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *query; /* path NULL: an error */
    } cases[] = {
        {"/", "/", ""},
        {"/a/b?c?d", "/a/b", "c?d"},
        {"/?", "/", ""},
        {"?x", "/", "x"},
        {"/%61%2D", "/a-", ""},
        {"/a%20b?%20", "/a b", "%20"},
        {"/%c3%a4", "/\xc3\xa4", ""},
        {"/a/./b", "/a/b", ""},
        {"/a/../b", "/b", ""},
        {"/a/b/..", "/a/", ""},
        {"/a/b/.", "/a/b/", ""},
        {"/a/..", "/", ""},
        {"/.", "/", ""},
        {"/./.", "/", ""},
        {"//", "/", ""},
        {"//a///b//", "/a/b/", ""},
        {"/a//../b", "/b", ""},
        {"/a/%2e%2E/b", "/b", ""},
        {"/%2e/a", "/a", ""},
        {"/...", "/...", ""},
        {"/.a/..b/c.", "/.a/..b/c.", ""},
        {"/%252e%252e/", "/%2e%2e/", ""},
        {"/a;b=c", "/a;b=c", ""},
        {"/..", NULL, ""},
        {"/a/../..", NULL, ""},
        {"/a/../../b", NULL, ""},
        {"//..", NULL, ""},
        {"/%2e%2e/etc", NULL, ""},
        {"/a%2fb", NULL, ""},
        {"/a%2Fb", NULL, ""},
        {"/a%5cb", NULL, ""},
        {"/a\\b", NULL, ""},
        {"/a%00", NULL, ""},
        {"/a%0a", NULL, ""},
        {"/a%7f", NULL, ""},
        {"/a%", NULL, ""},
        {"/a%g1", NULL, ""},
        {"", NULL, ""},
        {"*", NULL, ""},
        {"a", NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, ARENA_MAX);
        tc_span path, query;
        const tc_span text = check_edge(tc_span_str(cases[i].text));
        const tc_err err = tc_target_normal_path(&a, text, &path, &query);
        check_case(err == (cases[i].path ? TC_OK : TC_ERR_TARGET), cases[i].text);
        if (!err) {
            check_span(path, cases[i].path);
            check_span(query, cases[i].query);
        }
        tc_arena_fini(&a);
    }
    tc_arena none = {0};
    tc_span path, query;
    assert_int_equal(tc_target_normal_path(&none, TC_SPAN("/plain.html?x"), &path, &query), TC_OK);
    assert_int_equal(tc_target_normal_path(&none, TC_SPAN("/%41"), &path, &query),
                     TC_ERR_NO_MEMORY);
}

/* What comes out of it has no dots to climb with, whatever went in. */
static void test_random_paths(void **state)
{
    (void)state;
    static const char *const pieces[] = {"/",    "..", ".",   "a", "%2e",
                                         "%2E.", "//", "%41", "?", "b/"};
    for (int round = 0; round < 100000; round++) {
        char room[256], text[64];
        size_t n = 1;
        text[0] = '/';
        for (uint64_t k = check_random_below(12); k > 0; k--) {
            const char *piece = pieces[check_random_below(sizeof pieces / sizeof *pieces)];
            for (; *piece; piece++)
                text[n++] = *piece;
        }
        tc_arena a;
        tc_arena_init(&a, room, sizeof room, 0);
        tc_span path, query;
        if (tc_target_normal_path(&a, tc_span_of(text, n), &path, &query) == TC_OK) {
            assert_true(path.len > 0 && path.at[0] == '/');
            for (size_t i = 0; i < path.len; i++) {
                const tc_span rest = tc_span_from(path, i);
                assert_false(tc_span_starts(rest, TC_SPAN("//")));
                assert_false(tc_span_starts(rest, TC_SPAN("/./")) ||
                             tc_span_eq(rest, TC_SPAN("/.")));
                assert_false(tc_span_starts(rest, TC_SPAN("/../")) ||
                             tc_span_eq(rest, TC_SPAN("/..")));
            }
        }
        tc_arena_fini(&a);
    }
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *host, *authority, *path;
        uint16_t port;
        tc_err err;
    } cases[] = {
        {"http://a", "http", "a", "a", "/", 80, TC_OK},
        {"HTTP://A.Example:80/B?C#d", "http", "a.example", "a.example", "/B?C", 80, TC_OK},
        {"https://a:8443/x", "https", "a", "a:8443", "/x", 8443, TC_OK},
        {"https://a:443", "https", "a", "a", "/", 443, TC_OK},
        {"http://a:443/", "http", "a", "a:443", "/", 443, TC_OK},
        {"host/path", "http", "host", "host", "/path", 80, TC_OK},
        {"host:81", "http", "host", "host:81", "/", 81, TC_OK},
        {":8080/x", "http", "localhost", "localhost:8080", "/x", 8080, TC_OK},
        {"/x", "http", "localhost", "localhost", "/x", 80, TC_OK},
        {"?q", "http", "localhost", "localhost", "/?q", 80, TC_OK},
        {"[::1]:80", "http", "::1", "[::1]", "/", 80, TC_OK},
        {"http://[FE80::1%25eth0]:81/", "http", "fe80::1%25eth0", "[fe80::1]:81", "/", 81, TC_OK},
        {"http://a?q=1", "http", "a", "a", "/?q=1", 80, TC_OK},
        {"http://a#f", "http", "a", "a", "/", 80, TC_OK},
        {"http://a/a b\"<>|\\^{}", "http", "a", "a", "/a%20b%22%3C%3E%7C%5C%5E%7B%7D", 80, TC_OK},
        {"http://a/\xc3\xa4?\xff[1]", "http", "a", "a", "/%C3%A4?%FF%5B1%5D", 80, TC_OK},
        {"http://a/100%/%41", "http", "a", "a", "/100%25/%41", 80, TC_OK},
        {"http://a/\r\nX: y", "http", "a", "a", "/%0D%0AX:%20y", 80, TC_OK},
        {"http://a/b/../c/./d/..", "http", "a", "a", "/c/", 80, TC_OK},
        {"http://a/../../b", "http", "a", "a", "/b", 80, TC_OK},
        {"http://a/b//c?../d", "http", "a", "a", "/b//c?../d", 80, TC_OK},
        {"  http://a/ ", "http", "a", "a", "/", 80, TC_OK},
        {"ftp://a/", "", "", "", "", 0, TC_ERR_SCHEME},
        {"file:///etc/passwd", "", "", "", "", 0, TC_ERR_SCHEME},
        {"http://", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http:///x", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://:80/", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://u:p@a/", "", "", "", "", 0, TC_ERR_URL_USER},
        {"u@a", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://a:99999/", "", "", "", "", 0, TC_ERR_URL_PORT},
        {"http://a:0/", "", "", "", "", 0, TC_ERR_URL_PORT},
        {"http://a b/", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://a\r\nX: y/", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://[::1/", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://[::1%]/", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"http://a/%00", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"mailto:a@b", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
        {"", "", "", "", "", 0, TC_ERR_URL_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, ARENA_MAX);
        tc_url u;
        const tc_err err = tc_url_parse(&a, check_edge(tc_span_str(cases[i].text)), &u);
        check_case(err == cases[i].err, cases[i].text);
        if (!err) {
            check_span(u.scheme, cases[i].scheme);
            check_span(u.host, cases[i].host);
            check_span(u.authority, cases[i].authority);
            check_span(u.path, cases[i].path);
            assert_int_equal(u.port, cases[i].port);
            tc_target t; /* what we would send, we would read */
            assert_int_equal(tc_target_parse(TC_METHOD_GET, u.path, &t), TC_OK);
            assert_int_equal(tc_authority_check(u.authority), TC_OK);
        }
        tc_arena_fini(&a);
    }
}

/* RFC 3986, 5.4, as far as it is about http, and what a Location may hold besides. */
static void test_references(void **state)
{
    (void)state;
    static const struct {
        const char *reference, *url; /* NULL: an error */
    } cases[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {";x", "http://a/b/c/;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"https://B:444/x", "https://b:444/x"},
        {" /g ", "http://a/g"},
        {"//g:81/x?y", "http://g:81/x?y"},
        {"g:h", NULL},
        {"http:g", NULL},
        {"file:///etc/passwd", NULL},
        {"javascript:alert(1)", NULL},
        {"http://u@b/", NULL},
        {"//", NULL},
    };
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_url base, u;
    assert_int_equal(tc_url_parse(&a, TC_SPAN("http://a/b/c/d;p?q"), &base), TC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_err err =
            tc_url_resolve(&a, &base, check_edge(tc_span_str(cases[i].reference)), &u);
        check_case((err == TC_OK) == (cases[i].url != NULL), cases[i].reference);
        if (!err) check_span(tc_url_text(&a, &u), cases[i].url);
    }
    tc_arena_fini(&a);
}

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"http://h/x", "http://h:80/y", true},      {"http://h/", "http://H/", true},
        {"https://h/", "https://h:443/", true},     {"http://h/", "http://h:8080/", false},
        {"http://h/", "https://h/", false},         {"http://h/", "http://h.example/", false},
        {"http://[::1]/", "http://[::1]:80", true}, {"http://h:443/", "https://h/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, ARENA_MAX);
        tc_url u, v;
        assert_int_equal(tc_url_parse(&a, tc_span_str(cases[i].a), &u), TC_OK);
        assert_int_equal(tc_url_parse(&a, tc_span_str(cases[i].b), &v), TC_OK);
        check_case(tc_url_same_origin(&u, &v) == cases[i].same, cases[i].b);
        tc_arena_fini(&a);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int64_t n = 0;; n++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, ARENA_MAX);
        tc_url u, v;
        tc_alloc_fail_after(n);
        tc_err err = tc_url_parse(&a, TC_SPAN("http://host.example:81/a b/%41/../c"), &u);
        if (!err) err = tc_url_resolve(&a, &u, TC_SPAN("../d?e"), &v);
        const bool text = !err && tc_url_text(&a, &v).at;
        tc_alloc_fail_after(-1);
        tc_arena_fini(&a);
        if (text) break;
        assert_true(!err || err == TC_ERR_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_plain_paths), cmocka_unit_test(test_random_paths),
        cmocka_unit_test(test_urls),        cmocka_unit_test(test_references),
        cmocka_unit_test(test_origins),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
