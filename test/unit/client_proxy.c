/* Which proxy a URL is asked for through, and which one is none: tables, and what the environment
 * says. */
// SPDX-License-Identifier: MIT
#include "client/proxy.h"

#include "client/origin.h"
#include "support/check.h"

static tc_arena arena;

static tc_url url_of(const char *text)
{
    tc_url url;
    assert_int_equal(tc_url_parse(&arena, tc_span_str(text), &url), TC_OK);
    return url;
}

/* --- a proxy's URL ------------------------------------------------------------------------- */

static void good_proxies(void **state)
{
    static const struct {
        const char *text, *host, *name, *credentials;
    } rows[] = {
        {"http://proxy.example:3128", "proxy.example", "proxy.example:3128", ""},
        {"http://proxy.example:3128/", "proxy.example", "proxy.example:3128", ""},
        {"HTTP://PROXY.example", "proxy.example", "proxy.example:80", ""},
        {"proxy.example", "proxy.example", "proxy.example:80", ""},
        {"proxy.example:8080", "proxy.example", "proxy.example:8080", ""},
        {"127.0.0.1:3128", "127.0.0.1", "127.0.0.1:3128", ""},
        {"http://[::1]:3128", "::1", "[::1]:3128", ""},
        {"[fd00::1]", "fd00::1", "[fd00::1]:80", ""},
        {"http://a:b@p:1", "p", "p:1", "Basic YTpi"},
        {"a:b@p:1", "p", "p:1", "Basic YTpi"},
        {"http://a@p", "p", "p:80", "Basic YTo="},
        {"http://a:@p", "p", "p:80", "Basic YTo="},
        {"http://@p", "p", "p:80", ""},
        {"http://us%40er:p%3A%2f%40s@p", "p", "p:80", "Basic dXNAZXI6cDovQHM="},
        {"http://a:b@c@p", "p", "p:80", "Basic YTpiQGM="},
        {"  http://p:81  ", "p", "p:81", ""},
        {"https://p", "p", "p:443", ""},
        {"HTTPS://a:b@p:80/", "p", "p:80", "Basic YTpi"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_proxy p;
        assert_int_equal(tc_proxy_parse(&arena, tc_span_str(rows[i].text), &p), TC_OK);
        if (p.wrong) fail_msg("%s: %s", rows[i].text, p.wrong);
        check_span(p.host, rows[i].host);
        check_span(p.name, rows[i].name);
        check_span(p.credentials, rows[i].credentials);
        assert_true(p.identity.len >= p.name.len);
        assert_int_equal(
            p.secure, tc_span_ieq(tc_span_first(tc_span_str(rows[i].text), 5), TC_SPAN("https")));
    }
    tc_proxy clear, secure;
    assert_int_equal(tc_proxy_parse(&arena, TC_SPAN("http://p:443"), &clear), TC_OK);
    assert_int_equal(tc_proxy_parse(&arena, TC_SPAN("https://p"), &secure), TC_OK);
    assert_false(tc_span_eq(clear.identity, secure.identity)); /* they share no connection */
}

static void wrong_proxies(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"https://p:0", "port"},
        {"socks5://p:1080", "SOCKS"},
        {"socks5h://u:secret@p", "SOCKS"},
        {"ftp://p", "http://"},
        {"http://", "names no host"},
        {"http://:3128", "names no host"},
        {":3128", "names no host"},
        {"http://u:secret@", "names no host"},
        {"http://p:0", "port"},
        {"http://p:65536", "port"},
        {"http://p:x", "URL"},
        {"http://p p", "URL"},
        {"http://[::1", "URL"},
        {"http://p/path", "path"},
        {"http://u:se%cret@p", "%25"},
        {"http://u:secret%0a@p", "control"},
        {"http://u%3Ax:secret@p", "colon"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_proxy p;
        assert_int_equal(tc_proxy_parse(&arena, tc_span_str(rows[i].text), &p), TC_OK);
        if (!p.wrong) fail_msg("%s is taken as %.*s", rows[i].text, TC_FMT(p.name));
        if (!strstr(p.wrong, rows[i].why)) fail_msg("%s: %s", rows[i].text, p.wrong);
        assert_null(strstr(p.wrong, "secret"));
        assert_true(p.host.len > 0); /* it is not as if there were none */
    }
}

/* Two proxies are one if nobody could tell them apart. */
static void identities(void **state)
{
    static const char *const texts[] = {"p:1", "p:2", "q:1", "a:b@p:1", "a:c@p:1", "b:b@p:1"};
    enum { COUNT = sizeof texts / sizeof *texts };
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++) {
            tc_proxy x, y;
            assert_int_equal(tc_proxy_parse(&arena, tc_span_str(texts[i]), &x), TC_OK);
            assert_int_equal(tc_proxy_parse(&arena, tc_span_str(texts[j]), &y), TC_OK);
            assert_int_equal(tc_span_eq(x.identity, y.identity), i == j);
        }
}

/* --- who is excepted ----------------------------------------------------------------------- */

static void exceptions(void **state)
{
    static const struct {
        const char *list, *url;
        bool has;
    } rows[] = {
        {"", "http://a.example/", false},
        {"*", "http://a.example/", true},
        {"*", "http://[::1]/", true},
        {"a.example", "http://a.example/", true},
        {"a.example", "http://A.Example/", true},
        {"A.EXAMPLE", "https://a.example/", true},
        {"a.example.", "http://a.example/", true},
        {"a.example", "http://a.example./", true},
        {"a.example", "http://www.a.example/", true},
        {"a.example", "http://ba.example/", false},
        {"a.example", "http://a.example.org/", false},
        {".a.example", "http://www.a.example/", true},
        {".a.example", "http://a.example/", true},
        {"*.a.example", "http://www.a.example/", true},
        {"example", "http://a.example/", true},
        {".", "http://a.example/", false},
        {"b, a.example", "http://a.example/", true},
        {"b a.example", "http://a.example/", true},
        {" ,, ,a.example", "http://a.example/", true},
        {"b,c", "http://a.example/", false},
        {"a.example:80", "http://a.example/", true},
        {"a.example:80", "https://a.example/", false},
        {"a.example:443", "https://a.example/", true},
        {"a.example:8080", "http://a.example:8080/", true},
        {"a.example:8080", "http://a.example/", false},
        {"a.example:", "http://a.example/", false},
        {"a.example:x", "http://a.example/", false},
        {"*:8080", "http://a.example:8080/", true},
        {"*:8080", "http://a.example/", false},
        {"localhost", "http://localhost:8080/", true},
        {"localhost", "http://127.0.0.1:8080/", false}, /* nobody is asked what it means */
        {"127.0.0.1", "http://127.0.0.1:8080/", true},
        {"127.0.0.1:8080", "http://127.0.0.1:8080/", true},
        {"127.0.0.1:8081", "http://127.0.0.1:8080/", false},
        {"127.0.0.1", "http://127.0.0.2/", false},
        {"127.0.0.0/8", "http://127.1.2.3/", true},
        {"127.0.0.0/8", "http://128.1.2.3/", false},
        {"10.0.0.0/8,192.168.0.0/16", "http://192.168.3.4/", true},
        {"10.1.2.3/8", "http://10.9.9.9/", true},
        {"10.1.2.3/32", "http://10.1.2.3/", true},
        {"10.1.2.3/32", "http://10.1.2.2/", false},
        {"0.0.0.0/0", "http://10.1.2.2/", true},
        {"0.0.0.0/0", "http://[::1]/", false},
        {"10.0.0.0/33", "http://10.0.0.0/", false},
        {"10.0.0.0/", "http://10.0.0.0/", false},
        {"10.0.0.0/x", "http://10.0.0.0/", false},
        {"10.0.0.0/8", "http://a.10/", false},
        {"127.0.0.0/8:81", "http://127.0.0.1:81/", true},
        {"127.0.0.0/8:81", "http://127.0.0.1/", false},
        {"::1", "http://[::1]:8080/", true},
        {"[::1]", "http://[::1]:8080/", true},
        {"[::1]:8080", "http://[::1]:8080/", true},
        {"[::1]:8081", "http://[::1]:8080/", false},
        {"[::1", "http://[::1]:8080/", false},
        {"[::1]x", "http://[::1]:8080/", false},
        {"[", "http://[::1]:8080/", false},
        {"0:0:0:0:0:0:0:1", "http://[::1]/", true},
        {"fe80::1", "http://[fe80::1%eth0]/", true},
        {"fd00::/8", "http://[fd12::1]/", true},
        {"fd00::/8", "http://[fe12::1]/", false},
        {"::/0", "http://[fe12::1]/", true},
        {"::/0", "http://10.0.0.1/", false},
        {"::/129", "http://[::1]/", false},
        {"::ffff:10.0.0.1", "http://10.0.0.1/", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const tc_url url = url_of(rows[i].url);
        if (tc_proxy_list_has(tc_span_str(rows[i].list), &url) != rows[i].has)
            fail_msg("\"%s\" and %s", rows[i].list, rows[i].url);
    }
}

/* --- the environment ----------------------------------------------------------------------- */

static const char *const *environment; /* names and values */

static const char *get(const char *name)
{
    for (const char *const *at = environment; at && *at; at += 2)
        if (strcmp(*at, name) == 0) return at[1];
    return NULL;
}

static void who_says_which(void **state)
{
    static const struct {
        const char *option, *except, *variables[9], *http, *https; /* the port; NULL: none */
        const char *from;                                          /* https's */
    } rows[] = {
        {.http = NULL},
        {.variables = {"http_proxy", "p:1"}, .http = "p:1"},
        {.variables = {"HTTP_PROXY", "p:1"}}, /* anybody could have said that */
        {.variables = {"https_proxy", "p:1"}, .https = "p:1", .from = "https_proxy"},
        {.variables = {"HTTPS_PROXY", "p:1"}, .https = "p:1", .from = "HTTPS_PROXY"},
        {.variables = {"HTTPS_PROXY", "p:1", "https_proxy", "p:2"}, .https = "p:2"},
        {.variables = {"HTTPS_PROXY", "p:1", "https_proxy", ""}, .https = "p:1"},
        {.variables = {"all_proxy", "p:1"}, .http = "p:1", .https = "p:1", .from = "all_proxy"},
        {.variables = {"ALL_PROXY", "p:1"}, .http = "p:1", .https = "p:1"},
        {.variables = {"ALL_PROXY", "p:1", "http_proxy", "p:2"}, .http = "p:2", .https = "p:1"},
        {.variables = {"all_proxy", "p:1", "https_proxy", "p:2"}, .http = "p:1", .https = "p:2"},
        {.variables = {"http_proxy", "p:1"},
         .option = "q:2",
         .http = "q:2",
         .https = "q:2",
         .from = "--proxy"},
        {.variables = {"http_proxy", "p:1", "https_proxy", "p:1"}, .option = ""},
        {.variables = {"all_proxy", "p:1"}, .except = "*"},
        {.variables = {"all_proxy", "p:1", "no_proxy", "h.example"}},
        {.variables = {"all_proxy", "p:1", "NO_PROXY", "h.example"}},
        {.variables = {"all_proxy", "p:1", "NO_PROXY", "h.example", "no_proxy", "x"},
         .http = "p:1",
         .https = "p:1"},
        {.variables = {"all_proxy", "p:1", "NO_PROXY", "h.example"},
         .except = "x",
         .http = "p:1",
         .https = "p:1"},
        {.variables = {"all_proxy", "p:1", "NO_PROXY", "h.example"},
         .except = "",
         .http = "p:1",
         .https = "p:1"},
        {.variables = {"NO_PROXY", "h.example"}, .option = "p:1"}, /* as with curl */
        {.option = "p:1", .except = "other", .http = "p:1", .https = "p:1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_proxies p;
        environment = rows[i].variables;
        assert_int_equal(tc_proxies_init(&p, rows[i].option, rows[i].except, get), TC_OK);
        const tc_url urls[] = {url_of("http://h.example/"), url_of("https://h.example/")};
        for (int secure = 0; secure < 2; secure++) {
            const tc_proxy *found = tc_proxies_find(&p, &urls[secure]);
            const char *want = secure ? rows[i].https : rows[i].http;
            if ((found != NULL) != (want != NULL)) fail_msg("row %zu, %d", i, secure);
            if (!found) continue;
            assert_null(found->wrong);
            check_span(found->name, want);
            if (secure && rows[i].from) assert_string_equal(found->from, rows[i].from);
        }
        tc_proxies_fini(&p);
    }
}

/* What is wrong stays a proxy: who wants one must not go without. */
static void a_wrong_one_is_no_none(void **state)
{
    static const char *const variables[] = {"all_proxy", "socks5://u:secret@p", NULL};
    (void)state;
    tc_proxies p;
    const tc_url url = url_of("http://h/");
    environment = variables;
    assert_int_equal(tc_proxies_init(&p, NULL, NULL, get), TC_OK);
    const tc_proxy *found = tc_proxies_find(&p, &url);
    assert_non_null(found);
    assert_non_null(found->wrong);
    assert_string_equal(found->from, "all_proxy");
    tc_proxies_fini(&p);
    assert_int_equal(tc_proxies_init(&p, NULL, NULL, NULL), TC_OK); /* no environment */
    assert_null(tc_proxies_find(&p, &url));
    tc_proxies_fini(&p);
}

static int begin(void **state)
{
    (void)state;
    tc_arena_init(&arena, NULL, 0, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_proxies, begin, end),
        cmocka_unit_test_setup_teardown(wrong_proxies, begin, end),
        cmocka_unit_test_setup_teardown(identities, begin, end),
        cmocka_unit_test_setup_teardown(exceptions, begin, end),
        cmocka_unit_test_setup_teardown(who_says_which, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_one_is_no_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
