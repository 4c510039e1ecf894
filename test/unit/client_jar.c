/* client_jar.c - cookies of a client: which goes where, and how many there may be (RFC 6265). */
// SPDX-License-Identifier: MIT

#include <stdio.h>

#include "support/check.h"
#include "support/jar_case.h"

/* --- one by one ------------------------------------------------------------------------------ */

/* A response of one URL sets a cookie a=1, and a request goes to another. */
static void it_goes_where_it_belongs(void **state)
{
    (void)state;
    static const struct {
        const char *from, *attributes, *to;
        bool kept, goes;
    } cases[] = {
        {"http://h.example/", "", "http://h.example/x?y", true, true},
        {"http://h.example/", "", "http://h.example:8080/", true, true},
        {"http://h.example/", "", "https://h.example/", true, true},
        {"http://H.Example/", "", "http://h.EXAMPLE/", true, true},
        {"http://h.example/", "", "http://sub.h.example/", true, false},
        {"http://h.example/", "", "http://example/", true, false},
        {"http://h.example/", "", "http://h.example./", true, false},
        {"http://h.example./", "", "http://h.example/", true, false},
        {"http://h.example/", "", "http://xh.example/", true, false},
        /* domains */
        {"http://a.site.com/", "; Domain=site.com", "http://b.site.com/", true, true},
        {"http://a.site.com/", "; Domain=.SITE.com", "http://site.com/", true, true},
        {"http://a.site.com/", "; Domain=site.com", "http://xsite.com/", true, false},
        {"http://a.site.com/", "; Domain=site.com", "http://site.com.evil.net/", true, false},
        {"http://a.site.com/", "; Domain=a.site.com", "http://b.a.site.com/", true, true},
        {"http://a.site.com/", "; Domain=", "http://b.a.site.com/", true, false},
        {"http://a.site.com/", "; Domain=b.site.com", "http://b.site.com/", false, false},
        {"http://a.site.com/", "; Domain=x.a.site.com", "http://x.a.site.com/", false, false},
        {"http://a.site.com/", "; Domain=ite.com", "http://ite.com/", false, false},
        {"http://a.site.com/", "; Domain=site.com.", "http://a.site.com/", false, false},
        {"http://a.site.com./", "; Domain=site.com.", "http://a.site.com./", false, false},
        {"http://a.site.com./", "; Domain=a.site.com.", "http://b.a.site.com./", true, false},
        {"http://a.site.com/", "; Domain=..site.com", "http://a.site.com/", false, false},
        {"http://a.site.com/", "; Domain=a..site.com", "http://a.site.com/", false, false},
        {"http://a.site.com/", "; Domain=\xc3\xa4.com", "http://a.site.com/", false, false},
        {"http://a.site.com/", "; Domain=.", "http://a.site.com/", true, true},
        /* public suffixes */
        {"http://site.com/", "; Domain=com", "http://evil.com/", false, false},
        {"http://site.com/", "; Domain=COM", "http://evil.com/", false, false},
        {"http://site.com/", "; Domain=com.", "http://evil.com/", false, false},
        {"http://site.co.uk/", "; Domain=co.uk", "http://evil.co.uk/", false, false},
        {"http://site.co.uk/", "; Domain=.Co.uK", "http://evil.co.uk/", false, false},
        {"http://site.co.uk/", "; Domain=uk", "http://evil.co.uk/", false, false},
        {"http://me.github.io/", "; Domain=github.io", "http://you.github.io/", false, false},
        {"http://github.io/", "; Domain=github.io", "http://github.io/", true, true},
        {"http://github.io/", "; Domain=github.io", "http://you.github.io/", true, false},
        {"http://a.b.ck/", "; Domain=b.ck", "http://c.b.ck/", false, false},
        {"http://a.www.ck/", "; Domain=www.ck", "http://c.www.ck/", true, true},
        {"http://localhost/", "; Domain=localhost", "http://localhost/", true, true},
        {"http://localhost/", "; Domain=localhost", "http://x.localhost/", true, false},
        {"http://x.localhost/", "; Domain=localhost", "http://localhost/", false, false},
        /* addresses */
        {"http://127.0.0.1/", "", "http://127.0.0.1:81/", true, true},
        {"http://127.0.0.1/", "; Domain=127.0.0.1", "http://127.0.0.1/", true, true},
        {"http://127.0.0.1/", "; Domain=127.0.0.1", "http://1.127.0.0.1/", true, false},
        {"http://127.0.0.1/", "; Domain=0.0.1", "http://127.0.0.1/", false, false},
        {"http://127.0.0.1/", "; Domain=.1", "http://127.0.0.1/", false, false},
        {"http://a.0x7f.0x1/", "; Domain=0x7f.0x1", "http://b.0x7f.0x1/", false, false},
        {"http://[::1]/", "", "http://[::1]:81/", true, true},
        {"http://[::1]/", "; Domain=[::1]", "http://[::1]/", false, false},
        /* paths */
        {"http://h.example/a/b/c", "", "http://h.example/a/b", true, true},
        {"http://h.example/a/b/c", "", "http://h.example/a/b/d?e", true, true},
        {"http://h.example/a/b/c", "", "http://h.example/a/bc", true, false},
        {"http://h.example/a/b/c", "", "http://h.example/a", true, false},
        {"http://h.example/a/b/c", "", "http://h.example/A/b/x", true, false},
        {"http://h.example/a?/b/c", "", "http://h.example/x", true, true},
        {"http://h.example/a/", "", "http://h.example/a", true, true},
        {"http://h.example/", "; Path=/a/", "http://h.example/a", true, false},
        {"http://h.example/", "; Path=/a/", "http://h.example/a/b", true, true},
        {"http://h.example/", "; Path=/a", "http://h.example/a?x", true, true},
        {"http://h.example/", "; Path=/a", "http://h.example/ab", true, false},
        {"http://h.example/", "; Path=a", "http://h.example/x", true, true},
        {"http://h.example/x", "; Path=/elsewhere", "http://h.example/elsewhere", true, true},
        /* https */
        {"https://h.example/", "; Secure", "https://h.example:8443/", true, true},
        {"https://h.example/", "; Secure", "http://h.example/", true, false},
        {"https://h.example/", "", "http://h.example/", true, true},
        {"http://h.example/", "; Secure", "https://h.example/", false, false},
        {"http://localhost/", "; Secure", "http://localhost/", false, false},
        /* time */
        {"http://h.example/", "; Max-Age=1", "http://h.example/", true, true},
        {"http://h.example/", "; Max-Age=0", "http://h.example/", true, false},
        {"http://h.example/", "; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://h.example/", true,
         false},
        {"http://h.example/", "; Expires=Thu, 01 Jan 2037 00:00:00 GMT", "http://h.example/", true,
         true},
        {"http://h.example/", "\x01", "http://h.example/", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        char text[256], label[64];
        jar_begin(&w);
        (void)snprintf(label, sizeof label, "%zu", i);
        (void)snprintf(text, sizeof text, "a=1%s", cases[i].attributes);
        check_case(jar_take(&w, cases[i].from, text) == cases[i].kept, label);
        check_case(w.refused == !cases[i].kept, label);
        check_case((jar_chosen(&w, cases[i].to).len > 0) == cases[i].goes, label);
        jar_end(&w);
    }
}

static void names_keep_their_promises(void **state)
{
    (void)state;
    static const struct {
        const char *cookie;
        bool http, https;
    } cases[] = {
        {"__Secure-a=1; Secure", false, true},
        {"__Secure-a=1", false, false},
        {"__sEcUrE-a=1", false, false},
        {"__Host-a=1; Secure; Path=/", false, true},
        {"__Host-a=1; Secure", false, false},
        {"__Host-a=1; Secure; Path=/x", false, false},
        {"__Host-a=1; Path=/", false, false},
        {"__Host-a=1; Secure; Path=/; Domain=site.com", false, false},
        {"__host-a=1; Secure; Path=/; Domain=site.com", false, false},
        {"__Host-a=1; Secure; Path=/; Domain=", false, true},
        {"=__Host-a=1; Path=/", false, false},
        {"=__Secure-a=1; Secure", false, false},
        {"__Hosta=1", true, true},
        {"_Host-a=1", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        jar_begin(&w);
        check_case(jar_take(&w, "http://site.com/", cases[i].cookie) == cases[i].http,
                   cases[i].cookie);
        check_case(jar_take(&w, "https://site.com/", cases[i].cookie) == cases[i].https,
                   cases[i].cookie);
        jar_end(&w);
    }
}

/* What https set cannot be replaced, hidden or shadowed by clear text (attack 79). */
static void clear_text_does_not_overlay(void **state)
{
    (void)state;
    static const struct {
        const char *from, *cookie;
        bool kept;
    } cases[] = {
        {"http://a.site.com/", "sid=evil; Path=/p", false},
        {"http://a.site.com/", "sid=evil; Path=/p/q", false},
        {"http://a.site.com/", "sid=evil; Path=/p; Domain=site.com", false},
        {"http://x.a.site.com/", "sid=evil; Path=/p", false},
        {"http://site.com/", "sid=evil; Path=/p; Domain=site.com", false},
        {"http://a.site.com/", "sid=; Path=/p; Max-Age=0", false},
        {"http://a.site.com/", "sid=other; Path=/q", true},
        {"http://a.site.com/", "sid=other; Path=/", true},
        {"http://b.site.com/", "sid=other; Path=/p", true},
        {"http://a.site.com/", "sid2=other; Path=/p", true},
        {"https://a.site.com/", "sid=new; Path=/p", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        jar_begin(&w);
        assert_true(jar_take(&w, "https://a.site.com/", "sid=good; Path=/p; Secure"));
        check_case(jar_take(&w, cases[i].from, cases[i].cookie) == cases[i].kept, cases[i].cookie);
        if (!cases[i].kept) check_span(jar_chosen(&w, "https://a.site.com/p"), "sid=good");
        jar_end(&w);
    }
}

static void same_site_counts_after_redirects(void **state)
{
    (void)state;
    world w;
    jar_begin(&w);
    assert_true(jar_take(&w, "https://s.com/", "none=1; SameSite=None; Secure"));
    assert_true(jar_take(&w, "https://s.com/", "lax=1; SameSite=Lax"));
    assert_true(jar_take(&w, "https://s.com/", "plain=1"));
    assert_true(jar_take(&w, "https://s.com/", "strict=1; SameSite=Strict"));
    check_span(jar_chosen_at(&w, "https://s.com/", false, false, NOW),
               "lax=1; none=1; plain=1; strict=1");
    check_span(jar_chosen_at(&w, "https://s.com/", true, true, NOW), "lax=1; none=1; plain=1");
    check_span(jar_chosen_at(&w, "https://s.com/", true, false, NOW), "none=1");
    static const struct {
        const char *a, *b;
        bool same;
    } sites[] = {
        {"http://a.s.com/", "http://b.s.com:81/", true},
        {"http://s.com/", "https://s.com/", false},
        {"http://a.co.uk/", "http://b.co.uk/", false},
        {"http://1.2.3.4/", "http://5.6.3.4/", false},
        {"http://localhost/", "http://localhost/", true},
        {"http://s.com/", "http://s.com./", false},
        {"http://[::1]/", "http://[::1]/", true},
    };
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        const tc_url a = jar_url_of(&w, sites[i].a), b = jar_url_of(&w, sites[i].b);
        check_case(tc_jar_same_site(&w.jar, &a, &b) == sites[i].same, sites[i].a);
        check_case(tc_jar_same_site(&w.jar, &b, &a) == sites[i].same, sites[i].b);
    }
    jar_end(&w);
}

static void replaced_removed_and_over(void **state)
{
    (void)state;
    world w;
    jar_begin(&w);
    assert_true(jar_take(&w, "http://s.com/", "b=1; Max-Age=10"));
    assert_true(jar_take(&w, "http://s.com/", "a=1"));
    assert_true(jar_take(&w, "http://s.com/x/y", "c=1"));
    check_span(jar_chosen(&w, "http://s.com/x/z"), "c=1; a=1; b=1"); /* the longer path first */
    assert_true(jar_take(&w, "http://s.com/", "b=2; Max-Age=20"));
    assert_int_equal(w.jar.count, 3);
    check_span(jar_chosen(&w, "http://s.com/"), "a=1; b=2");
    check_span(jar_chosen_at(&w, "http://s.com/", false, true, NOW + 19), "a=1; b=2");
    check_span(jar_chosen_at(&w, "http://s.com/", false, true, NOW + 20), "a=1");
    assert_true(jar_take(&w, "http://s.com/", "a=; Max-Age=0"));
    check_span(jar_chosen(&w, "http://s.com/"), "b=2");
    assert_true(jar_take(&w, "http://s.com/", "alone"));
    check_span(jar_chosen(&w, "http://s.com/"), "alone; b=2");
    assert_int_equal(tc_jar_remove(&w.jar, TC_SPAN("S.com"), TC_SPAN("b"), true, NOW), 0);
    assert_int_equal(tc_jar_remove(&w.jar, TC_SPAN("S.com"), TC_SPAN("b"), false, NOW), 1);
    assert_int_equal(tc_jar_remove(&w.jar, (tc_span){0}, (tc_span){0}, true, NOW), 2);
    assert_int_equal(w.jar.count, 0);
    jar_end(&w);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void a_cookie_has_a_length(void **state)
{
    (void)state;
    world w;
    char text[8192];
    jar_begin(&w);
    memset(text, 'x', sizeof text);
    text[2000] = '=';
    text[4097] = 0; /* 4096 without the "=" */
    assert_true(jar_take(&w, "http://s.com/", text));
    text[4097] = 'x';
    text[4098] = 0;
    assert_false(jar_take(&w, "http://s.com/", text));
    text[2000] = 'x';
    (void)snprintf(text, sizeof text, "http://s.com/%1100d/", 7);
    for (char *at = text; *at; at++)
        if (*at == ' ') *at = '0';
    assert_false(jar_take(&w, text, "a=1")); /* its path would be too long */
    assert_int_equal(w.jar.count, 1);
    jar_end(&w);
}

static void a_site_has_a_share(void **state)
{
    (void)state;
    world w;
    char text[64], url[64];
    jar_begin(&w);
    w.limits.cookies_site = 10;
    assert_true(jar_take(&w, "http://other.com/", "mine=1"));
    assert_true(jar_take(&w, "https://s.com/", "safe=1; Secure"));
    for (int i = 0; i < 500; i++) { /* from as many hosts as anybody can make */
        (void)snprintf(url, sizeof url, "http://h%d.s.com/", i);
        (void)snprintf(text, sizeof text, "n%d=1", i);
        assert_true(jar_take(&w, url, text));
    }
    assert_int_equal(w.jar.count, 11);
    assert_int_equal(w.reached.cookies_site, 491);
    check_span(jar_chosen(&w, "http://other.com/"), "mine=1");
    check_span(jar_chosen(&w, "https://s.com/"), "safe=1");
    check_span(jar_chosen(&w, "http://h499.s.com/"), "n499=1");
    check_span(jar_chosen(&w, "http://h491.s.com/"), "n491=1");
    check_span(jar_chosen(&w, "http://h490.s.com/"), "");
    jar_end(&w);
}

static void a_jar_has_a_size(void **state)
{
    (void)state;
    world w;
    char text[64], url[64];
    jar_begin(&w);
    w.limits.cookies = 20;
    for (int i = 0; i < 100; i++) {
        const tc_url from = (snprintf(url, sizeof url, "http://s%d.com/", i), jar_url_of(&w, url));
        (void)snprintf(text, sizeof text, "n%d=1", i);
        assert_true(tc_jar_take(&w.jar, &from, tc_span_str(text), NOW + i));
    }
    assert_int_equal(w.jar.count, 20);
    assert_int_equal(w.reached.cookies, 80);
    check_span(jar_chosen(&w, "http://s79.com/"), "");
    check_span(jar_chosen(&w, "http://s80.com/"), "n80=1");
    jar_end(&w);
}

static void a_request_carries_only_so_much(void **state)
{
    (void)state;
    world w;
    char text[4096];
    jar_begin(&w);
    memset(text, 'x', sizeof text);
    text[3000] = 0;
    for (char name = 'a'; name < 'f'; name++) {
        text[0] = name;
        text[1] = '=';
        assert_true(jar_take(&w, "http://s.com/", text));
    }
    assert_true(jar_take(&w, "http://s.com/deep/", "first=1"));
    const tc_span value = jar_chosen(&w, "http://s.com/deep/x");
    assert_true(value.len <= w.limits.cookies_sent && value.len > 6000);
    assert_true(tc_span_starts(value, TC_SPAN("first=1; a=")));
    assert_int_equal(w.reached.cookies_sent, 1);
    jar_end(&w);
}

/* --- all of a small world -------------------------------------------------------------------- */

static const char *const hosts[] = {"s.com", "a.s.com", "b.a.s.com", "xs.com",    "s.co.uk",
                                    "co.uk", "1.2.3.4", "s.com.",    "localhost", "com"};

static const char *const domains[] = {"",    "s.com", "a.s.com", ".com",   "co.uk",    "s.co.uk",
                                      "3.4", "S.COM", "s.com.",  "xs.com", "localhost"};

static const char *const paths[] = {"/", "/p", "/p/", "/p/q", "/pq"};

enum {
    HOSTS = sizeof hosts / sizeof *hosts,
    DOMAINS = sizeof domains / sizeof *domains,
    PATHS = sizeof paths / sizeof *paths
};

/* Whether a name is below another or the same, byte by byte from the end. */
static bool below(const char *name, const char *above)
{
    const size_t n = strlen(name), m = strlen(above);
    if (n < m) return false;
    for (size_t i = 0; i < m; i++)
        if (name[n - m + i] != above[i]) return false;
    return n == m || name[n - m - 1] == '.';
}

/* What may come of a cookie that one host sets for a domain, for a request to another: said in
 * other words than the rules. */
static bool may_reach(const char *from, const char *domain, const char *to)
{
    static const char *const registered[] = {"s.com", "xs.com", "s.co.uk"};
    char lower[32] = "";
    for (size_t i = 0; domain[i]; i++)
        lower[i] = (char)(domain[i] | (domain[i] >= 'A' && domain[i] <= 'Z' ? 0x20 : 0));
    const char *d = lower[0] == '.' ? lower + 1 : lower;
    const bool itself = !*d || strcmp(d, from) == 0;
    for (size_t i = 0; i < 3; i++) /* within one registered name, all three of them */
        if (*d && below(d, registered[i])) return below(from, d) && below(to, d);
    return itself && strcmp(from, to) == 0;
}

static void nothing_reaches_a_wrong_origin(void **state)
{
    (void)state;
    unsigned sent = 0, held = 0;
    for (size_t i = 0; i < (size_t)HOSTS * DOMAINS * HOSTS; i++) {
        const char *from = hosts[i % HOSTS], *domain = domains[i / HOSTS % DOMAINS];
        const char *to = hosts[i / HOSTS / DOMAINS];
        for (unsigned bits = 0; bits < 16; bits++) {
            const bool from_https = bits & 1, to_https = bits & 2, secure = bits & 4;
            const char *path = paths[bits % PATHS], *asked = paths[(i + bits / PATHS) % PATHS];
            world w;
            char text[128], a[64], b[64];
            jar_begin(&w);
            (void)snprintf(a, sizeof a, "http%s://%s/", from_https ? "s" : "", from);
            (void)snprintf(b, sizeof b, "http%s://%s%s", to_https ? "s" : "", to, asked);
            (void)snprintf(text, sizeof text, "n=v; Domain=%s; Path=%s%s", domain, path,
                           secure ? "; Secure" : "");
            (void)jar_take(&w, a, text);
            const size_t len = strlen(path);
            const bool path_fits = strncmp(asked, path, len) == 0 &&
                                   (path[len - 1] == '/' || !asked[len] || asked[len] == '/');
            const bool wanted =
                may_reach(from, domain, to) && path_fits && (!secure || (from_https && to_https));
            const bool got = jar_chosen(&w, b).len > 0;
            if (got != wanted) fail_msg("%s sets \"%s\": %s", a, text, got ? b : "it did not come");
            sent += got;
            held += !got;
            jar_end(&w);
        }
    }
    assert_in_range(sent, 150, 20000);
    assert_in_range(held, 3000, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_where_it_belongs),
        cmocka_unit_test(names_keep_their_promises),
        cmocka_unit_test(clear_text_does_not_overlay),
        cmocka_unit_test(same_site_counts_after_redirects),
        cmocka_unit_test(replaced_removed_and_over),
        cmocka_unit_test(a_cookie_has_a_length),
        cmocka_unit_test(a_site_has_a_share),
        cmocka_unit_test(a_jar_has_a_size),
        cmocka_unit_test(a_request_carries_only_so_much),
        cmocka_unit_test(nothing_reaches_a_wrong_origin),
    };
    return cmocka_run_group_tests_name("client_jar", tests, NULL, NULL);
}
