/* network.c - addresses, networks, and sets of them against a list that is walked. */
// SPDX-License-Identifier: MIT
#include "base/network.h"

#include <stdio.h>

#include "support/check.h"

static tc_ip ip_of(const char *text)
{
    tc_ip ip;
    check_case(tc_ip_parse(check_edge(tc_span_str(text)), &ip), text);
    return ip;
}

static void addresses_are_strict(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"10.0.0.1", "10.0.0.1"},
                                          {"0.0.0.0", "0.0.0.0"},
                                          {"255.255.255.255", "255.255.255.255"},
                                          {"::", "::"},
                                          {"::1", "::1"},
                                          {"2001:DB8:0:0::1", "2001:db8::1"},
                                          {"::ffff:192.0.2.7", "192.0.2.7"},
                                          {"::ffff:c000:207", "192.0.2.7"},
                                          {"::192.0.2.7", "::192.0.2.7"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[TC_IP_TEXT];
        const tc_ip ip = ip_of(good[i][0]);
        check_span(tc_ip_text(&ip, text), good[i][1]);
    }
    static const char *const bad[] = {
        "",
        " ",
        "10.0.0",
        "10.0.0.1.",
        "10.0.0.256",
        "010.0.0.1",
        "10.0.0.1 ",
        "0x0a.1.1.1",
        "1",
        "[::1]",
        "::1%lo",
        "::1%1",
        "1:2:3:4:5:6:7",
        ":::",
        "12345::",
        "::g",
        "10.0.0.1/8",
        "localhost",
        "10.0.0.-1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tc_ip ip;
        check_case(!tc_ip_parse(check_edge(tc_span_str(bad[i])), &ip), bad[i]);
    }
    tc_ip ip;
    assert_false(tc_ip_parse(tc_span_of("10.0.0.1\0", 9), &ip));
    assert_false(tc_ip_parse(tc_span_of("::1\0.1", 6), &ip));
}

static void every_part_is_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        char text[TC_IP_TEXT], wanted[TC_IP_TEXT];
        const tc_ip ip = tc_ip_of((uint8_t[]){(uint8_t)i, 9, 10, (uint8_t)(255 - i)}, 4);
        (void)snprintf(wanted, sizeof wanted, "%u.9.10.%u", i, 255 - i);
        check_span(tc_ip_text(&ip, text), wanted);
        assert_string_equal(text, wanted);
    }
}

static void one_address_of_both_forms(void **state)
{
    (void)state;
    const tc_ip a = ip_of("192.0.2.7"), b = ip_of("::ffff:192.0.2.7"), c = ip_of("::192.0.2.7");
    assert_true(tc_ip_eq(&a, &b) && tc_ip_is_v4(&b));
    assert_false(tc_ip_eq(&a, &c) || tc_ip_is_v4(&c));
    const tc_ip net = tc_ip_network(&a, 24, 64), d = ip_of("192.0.2.0");
    assert_true(tc_ip_eq(&net, &d));
    const tc_ip six = ip_of("2001:db8:1:2:3:4:5:6"), at = tc_ip_network(&six, 32, 64),
                e = ip_of("2001:db8:1:2::");
    assert_true(tc_ip_eq(&at, &e));
    const tc_ip whole = tc_ip_network(&six, 32, 128), none = tc_ip_network(&a, 0, 0),
                zero = ip_of("0.0.0.0");
    assert_true(tc_ip_eq(&whole, &six) && tc_ip_eq(&none, &zero));
}

static bool have(const char *networks, const char *address)
{
    tc_networks n = {0};
    char why[TC_NETWORK_WHY];
    tc_span rest = tc_span_str(networks);
    while (rest.len) {
        const tc_span one = tc_span_take(&rest, tc_span_find(rest, ' '));
        if (tc_networks_add(&n, check_edge(one), why)) fail_msg("%s", why);
        rest = tc_span_from(rest, 1);
    }
    tc_networks_seal(&n);
    const tc_ip ip = ip_of(address);
    const bool in = tc_networks_have(&n, &ip);
    tc_networks_fini(&n);
    return in;
}

static void what_networks_hold(void **state)
{
    (void)state;
    static const struct {
        const char *networks, *address;
        bool in;
    } cases[] = {{"", "10.0.0.1", false},
                 {"10.0.0.0/8", "10.0.0.0", true},
                 {"10.0.0.0/8", "10.255.255.255", true},
                 {"10.0.0.0/8", "11.0.0.0", false},
                 {"10.0.0.0/8", "9.255.255.255", false},
                 {"10.0.0.0/8", "::ffff:10.1.2.3", true},
                 {"10.0.0.0/8", "::10.1.2.3", false},
                 {"::ffff:10.0.0.0/104", "10.1.2.3", true},
                 {"10.0.0.1", "10.0.0.1", true},
                 {"10.0.0.1", "10.0.0.2", false},
                 {"192.0.2.128/25", "192.0.2.127", false},
                 {"192.0.2.128/25", "192.0.2.128", true},
                 {"192.0.2.6/31", "192.0.2.7", true},
                 {"0.0.0.0/0", "255.255.255.255", true},
                 {"0.0.0.0/0", "::1", false},
                 {"::/0", "::1", true},
                 {"::/0", "::", true},
                 {"::/0", "ffff::", true},
                 {"::/0", "::fffe:ffff:ffff", true},
                 {"::/0", "::1:0:0:0", true},
                 {"::/0", "10.0.0.1", false},
                 {"::/0", "0.0.0.0", false},
                 {"::/64", "10.0.0.1", false},
                 {"::ffff:0:0/96", "10.0.0.1", true},
                 {"all", "10.0.0.1", true},
                 {"all", "2001:db8::1", true},
                 {"loopback", "127.1.2.3", true},
                 {"loopback", "::1", true},
                 {"loopback", "::2", false},
                 {"private", "172.31.255.255", true},
                 {"private", "172.32.0.0", false},
                 {"private", "fd12::1", true},
                 {"private", "127.0.0.1", false},
                 {"2001:db8::/32 10.0.0.0/8 2001:db8::/48", "2001:db8:ffff::1", true},
                 {"2001:db8::/32 10.0.0.0/8", "2001:db9::", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(have(cases[i].networks, cases[i].address) == cases[i].in, cases[i].address);
}

/* The addresses of IPv4 are the last of ::/80: nothing is left behind them. */
static void one_that_ends_with_those_of_ipv4(void **state)
{
    (void)state;
    tc_networks n = {0};
    char why[TC_NETWORK_WHY];
    assert_int_equal(tc_networks_add(&n, TC_SPAN("::/80"), why), TC_OK);
    assert_int_equal(n.count, 1);
    tc_networks_fini(&n);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"10.0.0", "\"10.0.0\" is no network: wanted is an address, ADDRESS/BITS as in 10.0.0.0/8 "
                   "or 2001:db8::/32, or all, loopback, private"},
        {"", "\"\" is no network"},
        {"/8", "\"/8\" is no network"},
        {"*", "\"*\" is no network"},
        {"10.0.0.0/", "\"10.0.0.0/\": after the slash stand the bits of the network, 0 to 32"},
        {"10.0.0.0/33", "\"10.0.0.0/33\": after the slash stand the bits of the network, 0 to 32"},
        {"10.0.0.0/255.0.0.0", "\"10.0.0.0/255.0.0.0\": after the slash"},
        {"::/129", "\"::/129\": after the slash stand the bits of the network, 0 to 128"},
        {"10.0.0.1/8", "\"10.0.0.1/8\" is an address in a network: is 10.0.0.0/8 meant?"},
        {"2001:db8::1/32",
         "\"2001:db8::1/32\" is an address in a network: is 2001:db8::/32 meant?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_networks n = {0};
        char why[TC_NETWORK_WHY] = "";
        const tc_span text = check_edge(tc_span_str(cases[i][0]));
        check_case(tc_networks_add(&n, text, why) == TC_ERR_USAGE, cases[i][0]);
        check_case(tc_span_starts(tc_span_str(why), tc_span_str(cases[i][1])), why);
        assert_int_equal(n.count, 0);
    }
}

/* One that often lies near others: few different bytes. */
static tc_ip any_ip(void)
{
    tc_ip ip = {{0}};
    const bool v4 = check_random_below(2);
    if (v4) ip.at[10] = ip.at[11] = 0xff;
    for (unsigned i = v4 ? 12 : 8; i < 16; i++)
        ip.at[i] = (uint8_t)(check_random_below(3) * 127 + check_random_below(2));
    return ip;
}

enum { NETWORKS = 24, TRIES = 200 };

static void sets_are_what_their_networks_are(void **state)
{
    (void)state;
    for (int round = 0; round < TRIES; round++) {
        tc_networks n = {0};
        tc_ip bases[NETWORKS];
        unsigned bits[NETWORKS];
        const unsigned count = (unsigned)check_random_below(NETWORKS);
        for (unsigned i = 0; i < count; i++) {
            char host[TC_IP_TEXT], text[TC_IP_TEXT + 8], why[TC_NETWORK_WHY];
            const tc_ip ip = any_ip();
            const bool v4 = tc_ip_is_v4(&ip);
            bits[i] = (unsigned)check_random_below(v4 ? 33 : 129);
            bases[i] = tc_ip_network(&ip, bits[i], bits[i]);
            if (tc_ip_is_v4(&bases[i]) && !v4) bases[i].at[10] = 0;
            (void)tc_ip_text(&bases[i], host);
            (void)snprintf(text, sizeof text, "%s/%u", host, bits[i]);
            if (tc_networks_add(&n, tc_span_str(text), why)) fail_msg("%s", why);
        }
        tc_networks_seal(&n);
        for (size_t i = 1; i < n.count; i++)
            assert_true(memcmp(&n.ranges[i - 1].last, &n.ranges[i].first, 16) < 0);
        for (int i = 0; i < TRIES; i++) {
            const tc_ip ip = any_ip();
            bool in = false;
            for (unsigned j = 0; j < count; j++) {
                const tc_ip at = tc_ip_network(&ip, bits[j] > 32 ? 32 : bits[j], bits[j]);
                in |= tc_ip_is_v4(&ip) == tc_ip_is_v4(&bases[j]) && tc_ip_eq(&at, &bases[j]);
            }
            assert_int_equal(tc_networks_have(&n, &ip), in);
        }
        tc_networks_fini(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_strict),
        cmocka_unit_test(every_part_is_written),
        cmocka_unit_test(one_address_of_both_forms),
        cmocka_unit_test(what_networks_hold),
        cmocka_unit_test(one_that_ends_with_those_of_ipv4),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(sets_are_what_their_networks_are),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
