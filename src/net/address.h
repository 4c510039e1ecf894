/* address.h - an IP address with a port: what a look-up gives and an attempt takes. */
// SPDX-License-Identifier: MIT
#pragma once
#include <netinet/in.h>
#include <stdbool.h>

#include "base/network.h"

enum { TC_ADDRESS_TEXT = 72 }; /* "[IPv6%zone]:port" and its NUL */

typedef union tc_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} tc_address;

static inline socklen_t tc_address_length(const tc_address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

static inline bool tc_address_is_any(const tc_address *a)
{
    if (a->any.sa_family == AF_INET) return a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

/* Without its port. */
static inline tc_ip tc_address_ip(const tc_address *a)
{
    const bool v6 = a->any.sa_family == AF_INET6;
    return tc_ip_of(v6 ? (const void *)&a->v6.sin6_addr : &a->v4.sin_addr, v6 ? 16 : 4);
}

/* Whether it is an address of this machine. */
bool tc_address_is_ours(const tc_address *a);

/* Whether packets between the two never leave this machine. */
bool tc_address_is_inside(const tc_address *local, const tc_address *remote);

bool tc_address_equal(const tc_address *a, const tc_address *b); /* the port, too */

/* "127.0.0.1:80", "[::1]:80"; NUL-terminated, and the span of it. */
tc_span tc_address_text(const tc_address *a, char ret_text[TC_ADDRESS_TEXT]);
