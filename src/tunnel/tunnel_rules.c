/* tunnel_rules.c - see tunnel_rules.h. */
// SPDX-License-Identifier: MIT
#include "tunnel/tunnel_rules.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/ascii.h"

/* --- addresses that are refused ------------------------------------------------------------- */

static const struct special {
    tc_span network;
    const char *what;
} specials[] = {
#define TC_SPECIAL(network, what) {{network, sizeof network - 1}, what},
#include "special_network.def"
#undef TC_SPECIAL
};

static bool holds(tc_span text, const tc_ip *ip)
{
    const size_t slash = tc_span_find(text, '/');
    const bool v6 = tc_span_find(text, ':') < text.len;
    tc_ip first;
    uint64_t bits = 0;
    if (!tc_ip_parse(tc_span_first(text, slash), &first)) return false;
    if (!tc_span_number(tc_span_from(text, slash + 1), &bits)) return false;
    if (v6 == tc_ip_is_v4(ip)) return false;
    const tc_ip network = tc_ip_network(ip, v6 ? 0 : (unsigned)bits, v6 ? (unsigned)bits : 0);
    return tc_ip_eq(&network, &first);
}

static const char *special(const tc_ip *ip)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (holds(specials[i].network, ip)) return specials[i].what;
    return NULL;
}

/* The address of IPv4 that packets to this one come to: by NAT64 (RFC 6052) or 6to4 (RFC 3056). */
static bool carries_v4(const tc_ip *ip, tc_ip *ret_v4)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (memcmp(ip->at, nat64, sizeof nat64) == 0)
        *ret_v4 = tc_ip_of(ip->at + 12, 4);
    else if (ip->at[0] == 0x20 && ip->at[1] == 0x02)
        *ret_v4 = tc_ip_of(ip->at + 2, 4);
    else
        return false;
    return true;
}

static const char *why_not(const tc_ip *ip)
{
    tc_ip v4;
    return special(carries_v4(ip, &v4) ? &v4 : ip);
}

/* --- rules ---------------------------------------------------------------------------------- */

static tc_err say(char ret_why[TC_TUNNEL_WHY], tc_span text, const char *what)
{
    (void)snprintf(ret_why, TC_TUNNEL_WHY,
                   "\"%.*s\": %s; wanted is HOST:PORT, as in *.example.org:443, 10.0.0.0/8:* or "
                   "[2001:db8::1]:8000-8099",
                   (int)(text.len < 80 ? text.len : 80), text.at, what);
    return TC_ERR_USAGE;
}

static bool port_of(tc_span text, uint16_t *ret_port)
{
    uint64_t port;
    if (text.len > 5 || !tc_span_number(text, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool ports_of(tc_span text, tc_tunnel_rule *rule)
{
    const size_t dash = tc_span_find(text, '-');
    rule->first = 1;
    rule->last = UINT16_MAX;
    if (tc_span_eq(text, TC_SPAN("*"))) return true;
    if (!port_of(tc_span_first(text, dash), &rule->first)) return false;
    rule->last = rule->first;
    if (dash == text.len) return true;
    return port_of(tc_span_from(text, dash + 1), &rule->last) && rule->first <= rule->last;
}

/* Cuts "host" and "port" apart; without a port *ret_port.at is NULL. */
static bool cut(tc_span text, tc_span *ret_host, tc_span *ret_port)
{
    tc_span rest;
    *ret_port = (tc_span){0};
    if (tc_span_starts(text, TC_SPAN("["))) {
        const size_t end = tc_span_find(text, ']');
        if (end == text.len) return false;
        *ret_host = tc_span_of(text.at + 1, end - 1);
        rest = tc_span_from(text, end + 1);
    } else {
        size_t colon = tc_span_find(text, ':');
        const tc_span behind = tc_span_from(text, colon + 1);
        if (tc_span_find(behind, ':') < behind.len) colon = text.len; /* IPv6, and no port */
        *ret_host = tc_span_first(text, colon);
        rest = tc_span_from(text, colon);
    }
    if (rest.len == 0) return true;
    *ret_port = tc_span_from(rest, 1);
    return rest.at[0] == ':';
}

static bool is_name(tc_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        const bool dot = c == '.';
        if (!tc_ascii_alpha(c) && !tc_ascii_digit(c) && c != '-' && !dot && c != '_') return false;
        if (dot && (i + 1 == name.len || name.at[i + 1] == '.')) return false;
    }
    return name.len > 0 && name.at[0] != '.';
}

static tc_span without_dot(tc_span name)
{
    if (name.len > 1 && name.at[name.len - 1] == '.') name.len--;
    return name;
}

static tc_err put_host(tc_tunnel_rule *rule, tc_span host, tc_span text,
                       char ret_why[TC_TUNNEL_WHY])
{
    tc_ip ip;
    if (tc_ip_parse(host, &ip) || tc_span_find(host, '/') < host.len) {
        rule->single = tc_ip_parse(host, &ip) && rule->first == rule->last;
        const tc_err err = tc_networks_add(&rule->networks, host, ret_why);
        if (!err) tc_networks_seal(&rule->networks);
        return err;
    }
    if (tc_span_starts(host, TC_SPAN("*"))) {
        rule->below = true;
        if (host.len == 1) return TC_OK;
        if (host.at[1] != '.') return say(ret_why, text, "a star stands alone or before a dot");
        host = tc_span_from(host, 2);
    }
    host = without_dot(host);
    if (!is_name(host) || tc_ip_parse(host, &ip)) return say(ret_why, text, "that is no host");
    rule->name = host;
    return TC_OK;
}

tc_err tc_tunnel_rules_add(tc_tunnel_rules *r, tc_span text, char ret_why[TC_TUNNEL_WHY])
{
    tc_tunnel_rule rule = {.first = TC_TUNNEL_PORT, .last = TC_TUNNEL_PORT};
    tc_span host, port;
    if (!cut(text, &host, &port)) return say(ret_why, text, "that is no host with a port");
    if (port.at && !ports_of(port, &rule)) return say(ret_why, text, "that is no port");
    if (r->count == r->size) {
        const size_t size = r->size ? r->size * 2 : 8;
        tc_tunnel_rule *more = tc_realloc(r->at, size * sizeof *more);
        if (!more) return TC_ERR_NO_MEMORY;
        r->at = more;
        r->size = size;
    }
    const tc_err err = put_host(&rule, host, text, ret_why);
    if (err)
        tc_networks_fini(&rule.networks);
    else
        r->at[r->count++] = rule;
    return err;
}

void tc_tunnel_rules_fini(tc_tunnel_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        tc_networks_fini(&r->at[i].networks);
    tc_free(r->at);
    *r = (tc_tunnel_rules){0};
}

/* --- questions ------------------------------------------------------------------------------ */

static bool is_below(tc_span host, tc_span name)
{
    if (host.len <= name.len + 1) return false;
    const size_t before = host.len - name.len;
    return host.at[before - 1] == '.' && tc_span_ieq(tc_span_from(host, before), name);
}

static bool names(const tc_tunnel_rule *rule, tc_span host)
{
    if (rule->networks.count) return false;
    if (rule->below) return rule->name.len == 0 || is_below(host, rule->name);
    return tc_span_ieq(rule->name, host);
}

bool tc_tunnel_rules_ask(const tc_tunnel_rules *r, tc_span host, uint16_t port)
{
    tc_ip ip;
    const bool literal = tc_ip_parse(host, &ip);
    host = without_dot(host);
    for (size_t i = 0; i < r->count; i++) {
        const tc_tunnel_rule *rule = &r->at[i];
        if (port < rule->first || port > rule->last) continue;
        if (literal ? tc_networks_have(&rule->networks, &ip) || (rule->below && !rule->name.len)
                    : names(rule, host))
            return true;
    }
    return false;
}

const char *tc_tunnel_rules_judge(const tc_tunnel_rules *r, const tc_ip *ip, uint16_t port,
                                  bool ours)
{
    bool listed = false, single = false;
    for (size_t i = 0; i < r->count; i++) {
        const tc_tunnel_rule *rule = &r->at[i];
        if (port < rule->first || port > rule->last || !tc_networks_have(&rule->networks, ip))
            continue;
        listed = true;
        single |= rule->single;
    }
    for (size_t i = 0; ours && !single && i < r->own_count; i++)
        if (r->own_ports[i] == port) return "this server's own";
    return listed ? NULL : why_not(ip);
}
