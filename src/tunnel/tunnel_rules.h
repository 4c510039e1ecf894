/* tunnel_rules.h - where tunnels may lead (RFC 9110, 9.3.6): a list of hosts and ports, and which
 * addresses none may lead to.
 *
 * A rule is HOST or HOST:PORT. HOST is a name, "*.example.org" (all names below it), "*" (all
 * names), an address or a network, one of IPv6 in brackets where a port follows. PORT is a number,
 * a span of them ("8000-8099") or "*"; without one it is 443. What is asked for must be listed. A
 * name that is listed may still stand for any address, so each of these is judged, too: those of
 * tables/special_network.def are refused unless a rule lists them as addresses. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/network.h"

enum { TC_TUNNEL_PORT = 443, TC_TUNNEL_WHY = TC_NETWORK_WHY + 64 };

typedef struct tc_tunnel_rule {
    tc_span name;         /* empty: networks */
    bool below;           /* names below it; with an empty one: all */
    tc_networks networks; /* one of them */
    bool single;          /* which is one address, and the port is one */
    uint16_t first, last; /* ports */
} tc_tunnel_rule;

/* {0} is empty: no tunnel leads anywhere. */
typedef struct tc_tunnel_rules {
    tc_tunnel_rule *at;
    size_t count, size;
    const uint16_t *own_ports; /* where this server listens; borrowed */
    size_t own_count;
} tc_tunnel_rules;

/* Adds a rule; text lives as long as the rules. TC_ERR_USAGE: ret_why says what is wrong with it
 * and what is wanted. */
tc_err tc_tunnel_rules_add(tc_tunnel_rules *r, tc_span text,
                           char ret_why[TC_TUNNEL_WHY]) TC_MUST_USE;
void tc_tunnel_rules_fini(tc_tunnel_rules *r);

/* Whether a tunnel to that host (without brackets) may be asked for. */
bool tc_tunnel_rules_ask(const tc_tunnel_rules *r, tc_span host, uint16_t port);
/* Why no tunnel may lead to that address: "private", "this server's own"; NULL: it may. ours: it
 * is one of this machine. */
const char *tc_tunnel_rules_judge(const tc_tunnel_rules *r, const tc_ip *ip, uint16_t port,
                                  bool ours);
