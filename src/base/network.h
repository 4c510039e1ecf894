/* network.h - addresses of IPv4 and IPv6 as sixteen bytes, and sets of networks.
 *
 * An IPv4 address is the IPv6 one that stands for it (::ffff:a.b.c.d, RFC 4291, 2.5.5.2), so it is
 * one and the same however it came. A network of IPv6 never holds addresses of IPv4, though: "::/0"
 * is all of IPv6, "0.0.0.0/0" all of IPv4, "all" is both. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

typedef struct tc_ip {
    uint8_t at[16];
} tc_ip;

enum { TC_IP_TEXT = 46, TC_NETWORK_WHY = 200 };

/* An address and nothing else: no brackets, port or zone. */
bool tc_ip_parse(tc_span text, tc_ip *ret_ip);
/* "10.0.0.1", "2001:db8::1"; NUL-terminated, and the span of it. What is behind means nothing. */
tc_span tc_ip_text(const tc_ip *ip, char ret_text[TC_IP_TEXT]);
bool tc_ip_is_v4(const tc_ip *ip);
/* Of four or sixteen bytes in the order of the wire. */
tc_ip tc_ip_of(const void *bytes, size_t len);
/* The first address of its network of so many bits (of 32 with IPv4, of 128 with IPv6). */
tc_ip tc_ip_network(const tc_ip *ip, unsigned bits_v4, unsigned bits_v6);

static inline bool tc_ip_eq(const tc_ip *a, const tc_ip *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* False: all zeros, the address that nobody has. */
static inline bool tc_ip_is_known(const tc_ip *ip)
{
    return !tc_ip_eq(ip, &(tc_ip){0});
}

/* From the first to the last address, both inclusive. */
typedef struct tc_ip_range {
    tc_ip first, last;
} tc_ip_range;

/* A set: ranges in order that do not touch. {0} is empty and needs no fini. */
typedef struct tc_networks {
    tc_ip_range *ranges;
    size_t count, size;
    bool sealed;
} tc_networks;

/* Adds "10.0.0.0/8", "2001:db8::/32", one address, or a word: "all", "loopback", "private" (those
 * of RFC 1918 and 4193). TC_ERR_USAGE: ret_why says what is wrong with it and what is wanted. */
tc_err tc_networks_add(tc_networks *n, tc_span text, char ret_why[TC_NETWORK_WHY]) TC_MUST_USE;
void tc_networks_seal(tc_networks *n); /* after the last one was added, before the first question */
void tc_networks_fini(tc_networks *n);
/* A binary search; an empty set holds nothing. */
bool tc_networks_have(const tc_networks *n, const tc_ip *ip);
