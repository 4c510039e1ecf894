/* tunnel_rules.c - where tunnels may lead: rules and what is wrong with them, and that no special
 * address is reached in any of its forms. */
// SPDX-License-Identifier: MIT
#include "tunnel/tunnel_rules.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "support/check.h"

static tc_tunnel_rules rules;

static void with(const char *const *texts)
{
    char why[TC_TUNNEL_WHY];
    tc_tunnel_rules_fini(&rules);
    for (; *texts; texts++)
        assert_int_equal(tc_tunnel_rules_add(&rules, tc_span_str(*texts), why), TC_OK);
}
#define WITH(...) with((const char *const[]){__VA_ARGS__, NULL})

static bool ask(const char *host, unsigned port)
{
    return tc_tunnel_rules_ask(&rules, tc_span_str(host), (uint16_t)port);
}

static tc_ip ip_of(const char *text)
{
    tc_ip ip;
    assert_true(tc_ip_parse(tc_span_str(text), &ip));
    return ip;
}

static const char *judge(const char *address, unsigned port, bool ours)
{
    const tc_ip ip = ip_of(address);
    const char *why = tc_tunnel_rules_judge(&rules, &ip, (uint16_t)port, ours);
    return why ? why : "fine";
}

static void test_hosts(void **state)
{
    (void)state;
    assert_false(ask("a", 443)); /* without rules, nothing */
    WITH("example.org", "*.example.com:443", "h:8000-8001", "p.:*");
    assert_true(ask("example.org", 443));
    assert_true(ask("EXAMPLE.org.", 443));
    assert_false(ask("example.org", 80));
    assert_false(ask("an.example.org", 443));
    assert_false(ask("badexample.org", 443));
    assert_true(ask("a.example.com", 443));
    assert_true(ask("a.b.example.com", 443));
    assert_false(ask("example.com", 443));
    assert_false(ask(".example.com", 443));
    assert_false(ask("aexample.com", 443));
    assert_true(ask("h", 8000) && ask("h", 8001));
    assert_false(ask("h", 7999) || ask("h", 8002) || ask("h", 443));
    assert_true(ask("p", 1) && ask("p", 65535));
    assert_false(ask("10.0.0.1", 443));
    WITH("*:443");
    assert_true(ask("anything", 443) && ask("192.0.2.1", 443) && ask("2001:db8::1", 443));
    assert_false(ask("anything", 80));
}

static void test_networks(void **state)
{
    (void)state;
    WITH("10.0.0.5:8000", "[2001:db8::/32]:*", "192.168.0.0/16", "::1");
    assert_true(ask("10.0.0.5", 8000));
    assert_false(ask("10.0.0.5", 443) || ask("10.0.0.6", 8000));
    assert_true(ask("::ffff:10.0.0.5", 8000)); /* the same address */
    assert_true(ask("2001:db8:1::1", 22));
    assert_true(ask("192.168.255.1", 443) && ask("::1", 443));
    assert_false(ask("ten.example", 8000)); /* networks are no names */
    assert_string_equal(judge("10.0.0.5", 8000, false), "fine");
    assert_string_equal(judge("10.0.0.5", 8001, false), "private");
    assert_string_equal(judge("10.0.0.4", 8000, false), "private");
    assert_string_equal(judge("2001:db8::7", 1, false), "fine");
    assert_string_equal(judge("8.8.8.8", 25, false),
                        "fine"); /* a public one, if a name led there */
}

static void test_own_port(void **state)
{
    (void)state;
    static const uint16_t ports[] = {80, 8443};
    WITH("127.0.0.0/8:*", "*:*", "127.0.0.2:8443");
    rules.own_ports = ports;
    rules.own_count = 2;
    assert_string_equal(judge("127.0.0.1", 8080, true), "fine");
    assert_string_equal(judge("127.0.0.1", 8443, true), "this server's own");
    assert_string_equal(judge("8.8.8.8", 80, true), "this server's own");
    assert_string_equal(judge("8.8.8.8", 80, false), "fine");
    assert_string_equal(judge("127.0.0.2", 8443, true), "fine"); /* somebody wrote it down */
}

static void test_faults(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         ":443", "a:",   "a:0",   "a:65536",    "a:80-79",     "a:http", "[::1",
        "[::1]443", "a*b",  "*a",   "a b",   "10.0.0.1/8", "10.0.0.0/33", "a/24:1", "*.:1",
        "a:1:2/3",  "-:1-", "[]:1", "a..:x", "a..b",       "10.0.0.1."};
    char why[TC_TUNNEL_WHY];
    tc_tunnel_rules_fini(&rules);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why[0] = 0;
        if (tc_tunnel_rules_add(&rules, tc_span_str(bad[i]), why) != TC_ERR_USAGE)
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(why) > 10);
    }
    assert_int_equal(rules.count, 0);
}

static const struct {
    const char *address, *what;
} special[] = {
    {"127.0.0.1", "loopback"},
    {"127.255.255.254", "loopback"},
    {"::1", "loopback"},
    {"0.0.0.0", "unspecified"},
    {"::", "unspecified"},
    {"10.255.0.1", "private"},
    {"172.16.0.1", "private"},
    {"172.31.255.255", "private"},
    {"192.168.1.1", "private"},
    {"fd12::1", "private"},
    {"fec0::1", "private"},
    {"100.64.0.1", "shared by a provider's customers"},
    {"169.254.1.1", "link-local"},
    {"fe80::1", "link-local"},
    {"169.254.169.254", "of a cloud's metadata"},
    {"fd00:ec2::254", "of a cloud's metadata"},
    {"100.100.100.200", "of a cloud's metadata"},
    {"168.63.129.16", "of a cloud's metadata"},
    {"192.0.0.192", "of a cloud's metadata"},
    {"224.0.0.1", "multicast"},
    {"239.255.255.250", "multicast"},
    {"ff02::1", "multicast"},
    {"255.255.255.255", "broadcast"},
    {"240.0.0.1", "reserved"},
    {"192.0.2.7", "for documentation"},
    {"2001:db8::1", "for documentation"},
    {"198.18.0.1", "for benchmarks"},
    {"2001::1", "reserved"},
    {"100::1", "reserved"},
    {"::7f00:1", "reserved"}, /* "::127.0.0.1" */
    {"::ffff:0:7f00:1", "reserved"},
    {"64:ff9b:1::1", "reserved"},
    {"4000::1", "reserved"},
    {"f000::1", "reserved"},
};

static void test_special(void **state)
{
    (void)state;
    WITH("*:*");
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        assert_string_equal(judge(special[i].address, 443, false), special[i].what);
        const tc_ip ip = ip_of(special[i].address);
        if (!tc_ip_is_v4(&ip)) continue;
        char other[64];
        const uint8_t *b = ip.at + 12;
        (void)snprintf(other, sizeof other, "::ffff:%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
        assert_string_equal(judge(other, 443, false), special[i].what);
        (void)snprintf(other, sizeof other, "64:ff9b::%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
        assert_string_equal(judge(other, 443, false), special[i].what);
        (void)snprintf(other, sizeof other, "2002:%02x%02x:%02x%02x::1", b[0], b[1], b[2], b[3]);
        assert_string_equal(judge(other, 443, false), special[i].what);
    }
    static const char *const fine[] = {"8.8.8.8",         "1.1.1.1",        "172.32.0.1",
                                       "100.128.0.1",     "169.253.0.1",    "2606:4700::1111",
                                       "2a00::1",         "11.0.0.1",       "64:ff9b::808:808",
                                       "2002:808:808::1", "223.255.255.255"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_string_equal(judge(fine[i], 443, false), "fine");
}

/* By another road: what inet_pton and plain arithmetic say of an address of IPv4. */
static bool is_special(uint32_t a)
{
    static const struct {
        uint32_t first, last;
    } refused[] = {{0x00000000, 0x00ffffff}, {0x0a000000, 0x0affffff}, {0x64400000, 0x647fffff},
                   {0x7f000000, 0x7fffffff}, {0xa83f8110, 0xa83f8110}, {0xa9fe0000, 0xa9feffff},
                   {0xac100000, 0xac1fffff}, {0xc0000000, 0xc00000ff}, {0xc0000200, 0xc00002ff},
                   {0xc0586300, 0xc05863ff}, {0xc0a80000, 0xc0a8ffff}, {0xc6120000, 0xc613ffff},
                   {0xc6336400, 0xc63364ff}, {0xcb007100, 0xcb0071ff}, {0xe0000000, 0xffffffff}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (a >= refused[i].first && a <= refused[i].last) return true;
    return false;
}

static void test_any_address(void **state)
{
    (void)state;
    WITH("*:*");
    static const uint32_t edges[] = {0x00ffffff, 0x01000000, 0x09ffffff, 0x0a000000, 0x0b000000,
                                     0x643fffff, 0x64400000, 0x64800000, 0x7effffff, 0x80000000,
                                     0xa9fdffff, 0xa9ff0000, 0xac0fffff, 0xac200000, 0xc0a7ffff,
                                     0xc0a90000, 0xdfffffff, 0xe0000000, 0xc0000100, 0xa83f8111};
    for (unsigned i = 0; i < 20000; i++) {
        const size_t edge_count = sizeof edges / sizeof *edges;
        const uint32_t a =
            i < edge_count ? edges[i] : (uint32_t)check_random_below(UINT64_C(1) << 32);
        const uint32_t wire = htonl(a);
        tc_ip v4 = tc_ip_of(&wire, 4), nat64 = {{0, 0x64, 0xff, 0x9b}}, six = {{0x20, 0x02}};
        memcpy(nat64.at + 12, &wire, 4);
        memcpy(six.at + 2, &wire, 4);
        const bool wanted = is_special(a);
        const tc_ip *forms[] = {&v4, &nat64, &six};
        for (int f = 0; f < 3; f++)
            if ((tc_tunnel_rules_judge(&rules, forms[f], 443, false) != NULL) != wanted)
                fail_msg("%08x in form %d", (unsigned)a, f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),    cmocka_unit_test(test_networks),
        cmocka_unit_test(test_own_port), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_special),  cmocka_unit_test(test_any_address),
    };
    const int failed = cmocka_run_group_tests_name("tunnel_rules", tests, NULL, NULL);
    tc_tunnel_rules_fini(&rules);
    return failed;
}
