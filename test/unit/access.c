/* access.c - who is believed and who is let in, over whole requests. */
// SPDX-License-Identifier: MIT
#include "gate/access.h"

#include <stdio.h>

#include "site/echo.h"
#include "support/served.h"

static served w;
static tc_access access_rules;

static void route(tc_session_env *env, tc_exchange *x)
{
    (void)env;
    if (tc_access_see(&access_rules, x, &w.reached)) return;
    if (tc_access_gate(&access_rules, x, &w.reached)) return;
    x->handler = &tc_echo_handler;
}

static int begin(void **state)
{
    (void)state;
    served_init(&w, &tc_echo_handler);
    w.env.route = route;
    access_rules = (tc_access){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    served_fini(&w);
    tc_access_fini(&access_rules);
    return 0;
}

static void add(enum tc_access_list list, const char *network)
{
    char why[TC_NETWORK_WHY];
    assert_int_equal(tc_access_add(&access_rules, list, tc_span_str(network), why), TC_OK);
}

/* What a request from there, with those lines, is answered. */
static served_peer *ask(const char *from, const char *lines)
{
    char text[1024];
    if (w.peers[0].served) {
        served_fini(&w);
        const tc_access kept = access_rules;
        (void)begin(NULL);
        access_rules = kept;
    }
    tc_access_seal(&access_rules, &w.limits);
    served_peer *p = served_connect(&w, 0, NULL, 65536);
    assert_true(tc_ip_parse(tc_span_str(from), &p->near.from));
    (void)snprintf(text, sizeof text, "GET /x HTTP/1.1\r\nHost: h\r\n%sConnection: close\r\n\r\n",
                   lines);
    served_say(p, tc_span_str(text));
    served_until_over(p);
    return p;
}

static void check_says(const served_peer *p, const char *text)
{
    if (!served_has(p, text)) fail_msg("no \"%s\" in: %.*s", text, TC_FMT(tc_buf_span(&p->heard)));
}

#define FORGED "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"

static void nobody_is_trusted_unless_named(void **state)
{
    (void)state;
    served_peer *p = ask("10.0.0.1", FORGED);
    check_says(p, "Client     10.0.0.1\n");
    check_says(p, "Scheme     http\n");
    assert_false(served_has(p, "Proxy "));
}

static void a_trusted_proxy_is_believed(void **state)
{
    (void)state;
    add(TC_ACCESS_TRUST, "10.0.0.0/8");
    served_peer *p = ask("::ffff:10.0.0.1", FORGED "X_Forwarded_For: 192.0.2.9\r\n");
    check_says(p, "Client     192.0.2.1\n");
    check_says(p, "Proxy      10.0.0.1\n");
    check_says(p, "Scheme     https\n");
    assert_false(served_has(p, "192.0.2.9"));
    p = ask("10.0.0.1", "Forwarded: for=unknown\r\n");
    check_says(p, "Client     unknown\n");
}

static void others_are_not_and_what_they_forged_is_gone(void **state)
{
    (void)state;
    add(TC_ACCESS_TRUST, "10.0.0.0/8");
    served_peer *p = ask("192.0.2.77", FORGED "Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
                                              "X_Forwarded_For: 192.0.2.1\r\nAccept: */*\r\n");
    check_says(p, "Client     192.0.2.77\n");
    check_says(p, "Scheme     http\n");
    check_says(p, "Accept: */*\n");
    assert_false(served_has(p, "192.0.2.1\n") || served_has(p, "orwarded") || served_has(p, "eal"));
}

static void wrong_words_of_a_trusted_proxy(void **state)
{
    (void)state;
    add(TC_ACCESS_TRUST, "10.0.0.1");
    check_says(ask("10.0.0.1", "Forwarded: for=\"\r\n"), "HTTP/1.1 400");
    assert_int_equal(w.reached.forwarded_hops, 0);
    check_says(ask("10.0.0.1", FORGED "Forwarded: for=192.0.2.2\r\n"), "HTTP/1.1 400");
}

static void proxies_are_counted(void **state)
{
    (void)state;
    add(TC_ACCESS_TRUST, "10.0.0.0/8");
    w.limits.forwarded_hops = 2;
    check_says(ask("10.0.0.1", "X-Forwarded-For: 192.0.2.1, 10.0.0.2, 10.0.0.3\r\n"),
               "HTTP/1.1 400");
    assert_int_equal(w.reached.forwarded_hops, 1);
}

static void allowed_and_denied(void **state)
{
    (void)state;
    check_says(ask("192.0.2.1", ""), "HTTP/1.1 200");
    add(TC_ACCESS_DENY, "192.0.2.128/25");
    check_says(ask("192.0.2.1", ""), "HTTP/1.1 200");
    check_says(ask("192.0.2.129", ""), "HTTP/1.1 403");
    add(TC_ACCESS_ALLOW, "192.0.2.0/24");
    check_says(ask("192.0.2.1", ""), "HTTP/1.1 200");
    check_says(ask("::ffff:192.0.2.1", ""), "HTTP/1.1 200");
    check_says(ask("192.0.2.129", ""), "HTTP/1.1 403");
    check_says(ask("198.51.100.1", ""), "HTTP/1.1 403");
    check_says(ask("2001:db8::1", ""), "HTTP/1.1 403");
}

static void lists_see_through_proxies(void **state)
{
    (void)state;
    add(TC_ACCESS_TRUST, "10.0.0.0/8");
    add(TC_ACCESS_ALLOW, "10.0.0.0/8");
    check_says(ask("10.0.0.1", ""), "HTTP/1.1 200");
    check_says(ask("10.0.0.1", FORGED), "HTTP/1.1 403");
    check_says(ask("10.0.0.1", "X-Forwarded-For: 10.9.9.9\r\n"), "HTTP/1.1 200");
    check_says(ask("10.0.0.1", "X-Forwarded-For: unknown\r\n"), "HTTP/1.1 403");
    check_says(ask("192.0.2.1", "X-Forwarded-For: 10.9.9.9\r\n"), "HTTP/1.1 403");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_trusted_unless_named, begin, end),
        cmocka_unit_test_setup_teardown(a_trusted_proxy_is_believed, begin, end),
        cmocka_unit_test_setup_teardown(others_are_not_and_what_they_forged_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(wrong_words_of_a_trusted_proxy, begin, end),
        cmocka_unit_test_setup_teardown(proxies_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(allowed_and_denied, begin, end),
        cmocka_unit_test_setup_teardown(lists_see_through_proxies, begin, end),
    };
    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
