/* network.c - see network.h. */
// SPDX-License-Identifier: MIT
#include "base/network.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

static const tc_ip v4_first = {{[10] = 0xff, [11] = 0xff}};
static const tc_ip v4_last = {
    {[10] = 0xff, [11] = 0xff, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xff}};

static int order(const tc_ip *a, const tc_ip *b)
{
    return memcmp(a->at, b->at, sizeof a->at);
}

bool tc_ip_is_v4(const tc_ip *ip)
{
    return memcmp(ip->at, v4_first.at, 12) == 0;
}

tc_ip tc_ip_of(const void *bytes, size_t len)
{
    assert(len == 4 || len == 16);
    tc_ip ip = v4_first;
    memcpy(ip.at + 16 - len, bytes, len);
    return ip;
}

bool tc_ip_parse(tc_span text, tc_ip *ret_ip)
{
    char copy[TC_IP_TEXT];
    uint8_t bytes[16];
    if (text.len >= sizeof copy || tc_span_find(text, '\0') < text.len) return false;
    if (text.len) memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    const bool v6 = tc_span_find(text, ':') < text.len;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, copy, bytes) != 1) return false;
    *ret_ip = tc_ip_of(bytes, v6 ? 16 : 4);
    return true;
}

/* The numbers of an address: three digits (the last ones mean nothing if it has fewer), and how
 * many it has. */
#define FIRST_DIGIT(n) (n) / ((n) > 99 ? 100 : (n) > 9 ? 10 : 1)
#define SECOND_DIGIT(n) (n) / ((n) > 99 ? 10 : 1) % 10
// clang-format off
#define PART(n) {'0' + FIRST_DIGIT(n), '0' + SECOND_DIGIT(n), '0' + (n) % 10, 1 + ((n) > 9) + ((n) > 99)}
// clang-format on
#define FOUR(n) PART(n), PART(n + 1), PART(n + 2), PART(n + 3)
#define SIXTEEN(n) FOUR(n), FOUR(n + 4), FOUR(n + 8), FOUR(n + 12)
#define SIXTY_FOUR(n) SIXTEEN(n), SIXTEEN(n + 16), SIXTEEN(n + 32), SIXTEEN(n + 48)
static const char parts[256][4] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)};

tc_span tc_ip_text(const tc_ip *ip, char ret_text[TC_IP_TEXT])
{
    char *to = ret_text;
    if (!tc_ip_is_v4(ip)) {
        ret_text[0] = '\0';
        (void)inet_ntop(AF_INET6, ip->at, ret_text, TC_IP_TEXT);
        return tc_span_str(ret_text);
    }
    for (unsigned i = 12; i < 16; i++) { /* each line of a log has one: inet_ntop is slow */
        const char *part = parts[ip->at[i]];
        memcpy(to, part, 4);
        to += part[3];
        *to++ = '.';
    }
    to[-1] = '\0'; /* in place of the last point */
    return tc_span_of(ret_text, (size_t)(to - ret_text) - 1);
}

/* Sets all bits from number bits on. */
static tc_ip fill(tc_ip ip, unsigned bits, bool ones)
{
    for (unsigned i = bits / 8; i < 16; i++) {
        const uint8_t rest = (uint8_t)(i == bits / 8 ? 0xff >> bits % 8 : 0xff);
        ip.at[i] = (uint8_t)(ones ? ip.at[i] | rest : ip.at[i] & ~rest);
    }
    return ip;
}

tc_ip tc_ip_network(const tc_ip *ip, unsigned bits_v4, unsigned bits_v6)
{
    return fill(*ip, tc_ip_is_v4(ip) ? 96 + bits_v4 : bits_v6, false);
}

static tc_err put(tc_networks *n, tc_ip first, tc_ip last)
{
    n->sealed = false;
    if (n->count == n->size) {
        const size_t size = n->size ? n->size * 2 : 4;
        tc_ip_range *more = tc_realloc(n->ranges, size * sizeof *more);
        if (!more) return TC_ERR_NO_MEMORY;
        n->ranges = more;
        n->size = size;
    }
    n->ranges[n->count++] = (tc_ip_range){first, last};
    return TC_OK;
}

/* The address before or after. */
static tc_ip beside(tc_ip ip, bool after)
{
    const uint8_t end = after ? 0xff : 0;
    for (int i = 15; i >= 0; i--) {
        const bool carry = ip.at[i] == end;
        ip.at[i] = (uint8_t)(after ? ip.at[i] + 1 : ip.at[i] - 1);
        if (!carry) break;
    }
    return ip;
}

/* Without the addresses of IPv4 that lie in the middle of it, unless it is of IPv4. */
static tc_err put_network(tc_networks *n, const tc_ip *ip, unsigned bits)
{
    const tc_ip first = fill(*ip, bits, false), last = fill(*ip, bits, true);
    if (bits >= 96 || order(&last, &v4_first) < 0 || order(&first, &v4_last) > 0)
        return put(n, first, last);
    const tc_err err = put(n, first, beside(v4_first, false));
    if (err || tc_ip_eq(&last, &v4_last)) return err; /* ::/80 ends with them */
    return put(n, beside(v4_last, true), last);
}

static tc_err put_texts(tc_networks *n, const char *const texts[])
{
    tc_err err = TC_OK;
    char why[TC_NETWORK_WHY];
    for (; *texts && !err; texts++)
        err = tc_networks_add(n, tc_span_str(*texts), why);
    return err;
}

static tc_err say(char ret_why[TC_NETWORK_WHY], const char *form, tc_span text, const char *more)
{
    (void)snprintf(ret_why, TC_NETWORK_WHY, form, (int)(text.len < 60 ? text.len : 60), text.at,
                   more);
    return TC_ERR_USAGE;
}

static const char *const all[] = {"0.0.0.0/0", "::/0", NULL};
static const char *const loopback[] = {"127.0.0.0/8", "::1", NULL};
static const char *const private[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
                                      NULL};

tc_err tc_networks_add(tc_networks *n, tc_span text, char ret_why[TC_NETWORK_WHY])
{
    if (tc_span_eq(text, TC_SPAN("all"))) return put_texts(n, all);
    if (tc_span_eq(text, TC_SPAN("loopback"))) return put_texts(n, loopback);
    if (tc_span_eq(text, TC_SPAN("private"))) return put_texts(n, private);
    const size_t slash = tc_span_find(text, '/');
    const tc_span host = tc_span_first(text, slash), rest = tc_span_from(text, slash + 1);
    tc_ip ip;
    if (!tc_ip_parse(host, &ip))
        return say(ret_why,
                   "\"%.*s\" is no network: wanted is an address, ADDRESS/BITS as in 10.0.0.0/8 or "
                   "2001:db8::/32%s, or all, loopback, private",
                   text, "");
    const bool v4 = tc_span_find(host, ':') == host.len;
    const unsigned most = v4 ? 32 : 128;
    uint64_t bits = most;
    if (slash < text.len && (!tc_span_number(rest, &bits) || bits > most))
        return say(ret_why, "\"%.*s\": after the slash stand the bits of the network, 0 to %s",
                   text, v4 ? "32" : "128");
    if (v4) bits += 96;
    const tc_ip first = fill(ip, (unsigned)bits, false);
    if (!tc_ip_eq(&first, &ip)) {
        char meant[TC_IP_TEXT + 8], at[TC_IP_TEXT];
        (void)tc_ip_text(&first, at);
        (void)snprintf(meant, sizeof meant, "%s/%u", at, (unsigned)(v4 ? bits - 96 : bits));
        return say(ret_why, "\"%.*s\" is an address in a network: is %s meant?", text, meant);
    }
    return put_network(n, &ip, (unsigned)bits);
}

static int by_first(const void *a, const void *b)
{
    return order(&((const tc_ip_range *)a)->first, &((const tc_ip_range *)b)->first);
}

void tc_networks_seal(tc_networks *n)
{
    size_t kept = 0;
    if (n->count) qsort(n->ranges, n->count, sizeof *n->ranges, by_first);
    for (size_t i = 0; i < n->count; i++) {
        tc_ip_range *last = kept ? &n->ranges[kept - 1] : NULL;
        if (last && order(&n->ranges[i].first, &last->last) <= 0) {
            if (order(&n->ranges[i].last, &last->last) > 0) last->last = n->ranges[i].last;
        } else {
            n->ranges[kept++] = n->ranges[i];
        }
    }
    n->count = kept;
    n->sealed = true;
}

void tc_networks_fini(tc_networks *n)
{
    tc_free(n->ranges);
    *n = (tc_networks){0};
}

bool tc_networks_have(const tc_networks *n, const tc_ip *ip)
{
    assert(n->sealed || !n->count);
    size_t low = 0, high = n->count;
    while (low < high) { /* the last range that begins at ip or before */
        const size_t middle = low + (high - low) / 2;
        if (order(&n->ranges[middle].first, ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && order(ip, &n->ranges[low - 1].last) <= 0;
}
