/* Which cookies are kept and where they go: tables, and properties over every combination of a
 * small world, held against a second reading of the RFC. */
// SPDX-License-Identifier: MIT
#include "client/jar.h"

#include <stdio.h>

#include "base/alloc.h"
#include "support/check.h"

#define NOW INT64_C(1790000000)
enum { ARENA = 1 << 20 };

typedef struct world {
    tc_jar jar;
    tc_limits limits;
    tc_reached reached;
    tc_arena arena;
    const char *why; /* of the last one refused */
    unsigned refused;
} world;

static void refused(void *self, tc_span name, const char *why)
{
    world *w = self;
    (void)name;
    w->why = why;
    w->refused++;
}

static void begin(world *w)
{
    *w = (world){.limits = tc_limits_default};
    tc_jar_init(&w->jar, &w->limits, &w->reached);
    assert_non_null(w->jar.suffixes.list);
    w->jar.refused = refused;
    w->jar.self = w;
    tc_arena_init(&w->arena, NULL, 0, ARENA);
}

static void end(world *w)
{
    tc_jar_fini(&w->jar);
    tc_arena_fini(&w->arena);
}

static tc_url url_of(world *w, const char *text)
{
    tc_url url;
    assert_int_equal(tc_url_parse(&w->arena, tc_span_str(text), &url), TC_OK);
    return url;
}

static bool take(world *w, const char *url, const char *cookie)
{
    const tc_url from = url_of(w, url);
    return tc_jar_take(&w->jar, &from, check_edge(tc_span_str(cookie)), NOW);
}

static tc_span chosen_at(world *w, const char *text, bool led, bool safe, int64_t now_s)
{
    const tc_url url = url_of(w, text);
    const tc_jar_request request = {.url = &url, .led_by_others = led, .safe = safe};
    tc_span value;
    assert_int_equal(tc_jar_choose(&w->jar, &w->arena, &request, now_s, &value), TC_OK);
    return value;
}

static tc_span chosen(world *w, const char *url)
{
    return chosen_at(w, url, false, true, NOW);
}

/* --- one by one ---------------------------------------------------------------------------- */

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
        begin(&w);
        (void)snprintf(label, sizeof label, "%zu", i);
        (void)snprintf(text, sizeof text, "a=1%s", cases[i].attributes);
        check_case(take(&w, cases[i].from, text) == cases[i].kept, label);
        check_case(w.refused == !cases[i].kept, label);
        check_case((chosen(&w, cases[i].to).len > 0) == cases[i].goes, label);
        end(&w);
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
        begin(&w);
        check_case(take(&w, "http://site.com/", cases[i].cookie) == cases[i].http, cases[i].cookie);
        check_case(take(&w, "https://site.com/", cases[i].cookie) == cases[i].https,
                   cases[i].cookie);
        end(&w);
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
        begin(&w);
        assert_true(take(&w, "https://a.site.com/", "sid=good; Path=/p; Secure"));
        check_case(take(&w, cases[i].from, cases[i].cookie) == cases[i].kept, cases[i].cookie);
        if (!cases[i].kept) check_span(chosen(&w, "https://a.site.com/p"), "sid=good");
        end(&w);
    }
}

static void same_site_counts_after_redirects(void **state)
{
    (void)state;
    world w;
    begin(&w);
    assert_true(take(&w, "https://s.com/", "none=1; SameSite=None; Secure"));
    assert_true(take(&w, "https://s.com/", "lax=1; SameSite=Lax"));
    assert_true(take(&w, "https://s.com/", "plain=1"));
    assert_true(take(&w, "https://s.com/", "strict=1; SameSite=Strict"));
    check_span(chosen_at(&w, "https://s.com/", false, false, NOW),
               "lax=1; none=1; plain=1; strict=1");
    check_span(chosen_at(&w, "https://s.com/", true, true, NOW), "lax=1; none=1; plain=1");
    check_span(chosen_at(&w, "https://s.com/", true, false, NOW), "none=1");
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
        const tc_url a = url_of(&w, sites[i].a), b = url_of(&w, sites[i].b);
        check_case(tc_jar_same_site(&w.jar, &a, &b) == sites[i].same, sites[i].a);
        check_case(tc_jar_same_site(&w.jar, &b, &a) == sites[i].same, sites[i].b);
    }
    end(&w);
}

static void replaced_removed_and_over(void **state)
{
    (void)state;
    world w;
    begin(&w);
    assert_true(take(&w, "http://s.com/", "b=1; Max-Age=10"));
    assert_true(take(&w, "http://s.com/", "a=1"));
    assert_true(take(&w, "http://s.com/x/y", "c=1"));
    check_span(chosen(&w, "http://s.com/x/z"), "c=1; a=1; b=1"); /* the longer path first */
    assert_true(take(&w, "http://s.com/", "b=2; Max-Age=20"));
    assert_int_equal(w.jar.count, 3);
    check_span(chosen(&w, "http://s.com/"), "a=1; b=2");
    check_span(chosen_at(&w, "http://s.com/", false, true, NOW + 19), "a=1; b=2");
    check_span(chosen_at(&w, "http://s.com/", false, true, NOW + 20), "a=1");
    assert_true(take(&w, "http://s.com/", "a=; Max-Age=0"));
    check_span(chosen(&w, "http://s.com/"), "b=2");
    assert_true(take(&w, "http://s.com/", "alone"));
    check_span(chosen(&w, "http://s.com/"), "alone; b=2");
    assert_int_equal(tc_jar_remove(&w.jar, TC_SPAN("S.com"), TC_SPAN("b"), true, NOW), 0);
    assert_int_equal(tc_jar_remove(&w.jar, TC_SPAN("S.com"), TC_SPAN("b"), false, NOW), 1);
    assert_int_equal(tc_jar_remove(&w.jar, (tc_span){0}, (tc_span){0}, true, NOW), 2);
    assert_int_equal(w.jar.count, 0);
    end(&w);
}

/* --- limits -------------------------------------------------------------------------------- */

static void a_cookie_has_a_length(void **state)
{
    (void)state;
    world w;
    char text[8192];
    begin(&w);
    memset(text, 'x', sizeof text);
    text[2000] = '=';
    text[4097] = 0; /* 4096 without the "=" */
    assert_true(take(&w, "http://s.com/", text));
    text[4097] = 'x';
    text[4098] = 0;
    assert_false(take(&w, "http://s.com/", text));
    text[2000] = 'x';
    (void)snprintf(text, sizeof text, "http://s.com/%1100d/", 7);
    for (char *at = text; *at; at++)
        if (*at == ' ') *at = '0';
    assert_false(take(&w, text, "a=1")); /* its path would be too long */
    assert_int_equal(w.jar.count, 1);
    end(&w);
}

static void a_site_has_a_share(void **state)
{
    (void)state;
    world w;
    char text[64], url[64];
    begin(&w);
    w.limits.cookies_site = 10;
    assert_true(take(&w, "http://other.com/", "mine=1"));
    assert_true(take(&w, "https://s.com/", "safe=1; Secure"));
    for (int i = 0; i < 500; i++) { /* from as many hosts as anybody can make */
        (void)snprintf(url, sizeof url, "http://h%d.s.com/", i);
        (void)snprintf(text, sizeof text, "n%d=1", i);
        assert_true(take(&w, url, text));
    }
    assert_int_equal(w.jar.count, 11);
    assert_int_equal(w.reached.cookies_site, 491);
    check_span(chosen(&w, "http://other.com/"), "mine=1");
    check_span(chosen(&w, "https://s.com/"), "safe=1");
    check_span(chosen(&w, "http://h499.s.com/"), "n499=1");
    check_span(chosen(&w, "http://h491.s.com/"), "n491=1");
    check_span(chosen(&w, "http://h490.s.com/"), "");
    end(&w);
}

static void a_jar_has_a_size(void **state)
{
    (void)state;
    world w;
    char text[64], url[64];
    begin(&w);
    w.limits.cookies = 20;
    for (int i = 0; i < 100; i++) {
        const tc_url from = (snprintf(url, sizeof url, "http://s%d.com/", i), url_of(&w, url));
        (void)snprintf(text, sizeof text, "n%d=1", i);
        assert_true(tc_jar_take(&w.jar, &from, tc_span_str(text), NOW + i));
    }
    assert_int_equal(w.jar.count, 20);
    assert_int_equal(w.reached.cookies, 80);
    check_span(chosen(&w, "http://s79.com/"), "");
    check_span(chosen(&w, "http://s80.com/"), "n80=1");
    end(&w);
}

static void a_request_carries_only_so_much(void **state)
{
    (void)state;
    world w;
    char text[4096];
    begin(&w);
    memset(text, 'x', sizeof text);
    text[3000] = 0;
    for (char name = 'a'; name < 'f'; name++) {
        text[0] = name;
        text[1] = '=';
        assert_true(take(&w, "http://s.com/", text));
    }
    assert_true(take(&w, "http://s.com/deep/", "first=1"));
    const tc_span value = chosen(&w, "http://s.com/deep/x");
    assert_true(value.len <= w.limits.cookies_sent && value.len > 6000);
    assert_true(tc_span_starts(value, TC_SPAN("first=1; a=")));
    assert_int_equal(w.reached.cookies_sent, 1);
    end(&w);
}

/* --- all of a small world ------------------------------------------------------------------ */

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
            begin(&w);
            (void)snprintf(a, sizeof a, "http%s://%s/", from_https ? "s" : "", from);
            (void)snprintf(b, sizeof b, "http%s://%s%s", to_https ? "s" : "", to, asked);
            (void)snprintf(text, sizeof text, "n=v; Domain=%s; Path=%s%s", domain, path,
                           secure ? "; Secure" : "");
            (void)take(&w, a, text);
            const size_t len = strlen(path);
            const bool path_fits = strncmp(asked, path, len) == 0 &&
                                   (path[len - 1] == '/' || !asked[len] || asked[len] == '/');
            const bool wanted =
                may_reach(from, domain, to) && path_fits && (!secure || (from_https && to_https));
            const bool got = chosen(&w, b).len > 0;
            if (got != wanted) fail_msg("%s sets \"%s\": %s", a, text, got ? b : "it did not come");
            sent += got;
            held += !got;
            end(&w);
        }
    }
    assert_in_range(sent, 150, 20000);
    assert_in_range(held, 3000, 20000);
}

/* --- as text ------------------------------------------------------------------------------- */

static void fill(world *w)
{
    assert_true(take(w, "https://s.com/x/", "a=1; Secure; HttpOnly; SameSite=Strict; Max-Age=99"));
    assert_true(take(w, "https://s.com/", "tab=x\ty\\z; Domain=s.com; Path=/\tp\\"));
    assert_true(take(w, "http://[::1]/", "alone"));
    assert_true(take(w, "http://1.2.3.4/", "empty="));
}

static void a_file_is_read_as_it_was_written(void **state)
{
    (void)state;
    world w, again;
    tc_buf one, two;
    unsigned line = 0;
    begin(&w);
    begin(&again);
    fill(&w);
    tc_buf_init(&one, ARENA);
    tc_buf_init(&two, ARENA);
    assert_int_equal(tc_jar_write(&w.jar, NOW, &one), TC_OK);
    assert_int_equal(tc_jar_read(&again.jar, check_edge(tc_buf_span(&one)), NOW, &line), TC_OK);
    assert_int_equal(again.jar.count, 4);
    assert_false(again.jar.changed);
    assert_int_equal(tc_jar_write(&again.jar, NOW, &two), TC_OK);
    assert_true(tc_span_eq(tc_buf_span(&one), tc_buf_span(&two)));
    check_span(chosen(&again, "https://s.com/x/"), "a=1");
    check_span(chosen(&again, "http://sub.s.com/%09p%5C"), "");
    check_span(chosen(&again, "http://[::1]/"), "alone");
    tc_buf_fini(&one);
    tc_buf_fini(&two);
    end(&w);
    end(&again);
}

static void another_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line; /* 0: fine */
        unsigned count;
    } cases[] = {
        {"", 0, 0},
        {"# tercet cookies 1\n", 0, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 0, 1},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\t5\ta\t1\n", 0, 0}, /* over */
        {"# tercet cookies 1\ncom\tall\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 0, 0},
        {"# tercet cookies 1\ns.com\tall\t/\t--\t-\t1\t1\t1\tsession\t__Host-a\t1\n", 0, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\tx;y\n", 0, 0},
        {"# tercet cookies 1", 1, 0}, /* cut off */
        {"# tercet cookies 2\n", 1, 0},
        {"# Netscape HTTP Cookie File\n", 1, 0},
        {"\n", 1, 0},
        {"# tercet cookies 1\n\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1", 1, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1\t2\n", 2, 0},
        {"# tercet cookies 1\ns.com\tboth\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\txx\t-\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\tsoft\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t-1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsoon\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t\\x\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t\\\n", 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        unsigned line = 0;
        begin(&w);
        const tc_err err = tc_jar_read(&w.jar, check_edge(tc_span_str(cases[i].text)), NOW, &line);
        check_case(err == (cases[i].line ? TC_ERR_JAR_FILE : TC_OK), cases[i].text);
        check_case(line == cases[i].line, cases[i].text);
        check_case(cases[i].line || w.jar.count == cases[i].count, cases[i].text);
        end(&w);
    }
}

static void two_who_change_it_both_count(void **state)
{
    (void)state;
    world one, two;
    tc_buf text;
    unsigned line;
    begin(&one);
    begin(&two);
    tc_buf_init(&text, ARENA);
    fill(&one);
    assert_int_equal(tc_jar_write(&one.jar, NOW, &text), TC_OK);
    end(&one);
    begin(&one);
    assert_int_equal(tc_jar_read(&one.jar, tc_buf_span(&text), NOW, &line), TC_OK);
    assert_int_equal(tc_jar_read(&two.jar, tc_buf_span(&text), NOW, &line), TC_OK);
    assert_true(take(&one, "http://1.2.3.4/", "empty=; Max-Age=0"));
    assert_true(take(&one, "http://new.com/", "n=1"));
    assert_true(take(&two, "http://[::1]/", "second=1")); /* two is what is in the file by now */
    assert_int_equal(tc_jar_merge(&one.jar, &two.jar, NOW), TC_OK);
    check_span(chosen(&two, "http://1.2.3.4/"), "");
    check_span(chosen(&two, "http://new.com/"), "n=1");
    check_span(chosen(&two, "http://[::1]/"), "alone; second=1");
    check_span(chosen(&two, "https://s.com/x/"), "a=1");
    /* the later one counts */
    const tc_url url = url_of(&one, "http://new.com/");
    assert_true(tc_jar_take(&two.jar, &url, TC_SPAN("n=3"), NOW + 3));
    assert_true(tc_jar_take(&one.jar, &url, TC_SPAN("n=2"), NOW + 2));
    assert_int_equal(tc_jar_merge(&one.jar, &two.jar, NOW), TC_OK);
    check_span(chosen(&two, "http://new.com/"), "n=3");
    tc_buf_fini(&text);
    end(&one);
    end(&two);
}

static void cookies_txt_in_and_out(void **state)
{
    (void)state;
    static const char text[] = "# Netscape HTTP Cookie File\n"
                               "\n"
                               ".s.com\tTRUE\t/\tFALSE\t0\ta\t1\r\n"
                               "#HttpOnly_S.com\tFALSE\t/x\tTRUE\t1790000100\tb\t2\n"
                               "com\tTRUE\t/\tFALSE\t0\tevil\t1\n" /* line 5 */
                               "s.com\tFALSE\t/\tFALSE\t5\tover\t1\n"
                               "s.com\tFALSE\t/\tFALSE\tsoon\tno\t1\n"
                               "s.com\tFALSE\t/\n"
                               "s.com\tFALSE\t/\tFALSE\t0\ttoo\tmany\tparts\n"
                               "1.2.3.4\tFALSE\t/\tFALSE\t0\tempty";
    world w;
    tc_buf out;
    unsigned line = 0;
    uint64_t left = 9;
    begin(&w);
    tc_buf_init(&out, ARENA);
    assert_int_equal(tc_jar_import(&w.jar, check_edge(tc_span_str(text)), NOW, &line), 3);
    assert_int_equal(line, 5);
    check_span(chosen(&w, "http://sub.s.com/"), "a=1");
    check_span(chosen(&w, "https://s.com/x"), "b=2; a=1");
    check_span(chosen(&w, "http://1.2.3.4/"), "empty=");
    assert_true(take(&w, "http://s.com/", "nameless"));
    assert_int_equal(tc_jar_export(&w.jar, NOW, &out, &left), TC_OK);
    assert_int_equal(left, 1);
    check_span(tc_buf_span(&out), "# Netscape HTTP Cookie File\n"
                                  "1.2.3.4\tFALSE\t/\tFALSE\t0\tempty\t\n"
                                  "#HttpOnly_s.com\tFALSE\t/x\tTRUE\t1790000100\tb\t2\n"
                                  ".s.com\tTRUE\t/\tFALSE\t0\ta\t1\n");
    tc_buf_fini(&out);
    end(&w);
}

static void without_memory_nothing_breaks(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 12; n++) {
        world w;
        tc_buf text;
        begin(&w);
        tc_buf_init(&text, ARENA);
        const tc_url url = url_of(&w, "http://s.com/");
        const tc_jar_request request = {.url = &url, .safe = true};
        tc_span value;
        assert_true(tc_jar_take(&w.jar, &url, TC_SPAN("a=1"), NOW));
        tc_alloc_fail_after(n);
        const bool kept = tc_jar_take(&w.jar, &url, TC_SPAN("b=2"), NOW);
        const tc_err err = tc_jar_choose(&w.jar, &w.arena, &request, NOW, &value);
        const tc_err written = tc_jar_write(&w.jar, NOW, &text);
        tc_alloc_fail_after(-1);
        assert_true(!err || err == TC_ERR_NO_MEMORY);
        assert_true(!written || written == TC_ERR_NO_MEMORY);
        check_span(chosen(&w, "http://s.com/"), kept ? "a=1; b=2" : "a=1");
        tc_buf_fini(&text);
        end(&w);
    }
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
        cmocka_unit_test(a_file_is_read_as_it_was_written),
        cmocka_unit_test(another_file_is_refused),
        cmocka_unit_test(two_who_change_it_both_count),
        cmocka_unit_test(cookies_txt_in_and_out),
        cmocka_unit_test(without_memory_nothing_breaks),
    };
    return cmocka_run_group_tests_name("client_jar", tests, NULL, NULL);
}
