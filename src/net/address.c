/* address.c - see address.h. */
// SPDX-License-Identifier: MIT
#include "net/address.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Its bytes, those of IPv4 as IPv6 has them (RFC 4291, 2.5.5.2). */
static struct in6_addr bytes_of(const tc_address *a)
{
    struct in6_addr all = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    if (a->any.sa_family == AF_INET6) return a->v6.sin6_addr;
    memcpy(&all.s6_addr[12], &a->v4.sin_addr, sizeof a->v4.sin_addr);
    return all;
}

static bool is_loopback(const struct in6_addr *a)
{
    return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == IN_LOOPBACKNET);
}

bool tc_address_is_inside(const tc_address *local, const tc_address *remote)
{
    const struct in6_addr mine = bytes_of(local), theirs = bytes_of(remote);
    return is_loopback(&mine) || is_loopback(&theirs) || IN6_ARE_ADDR_EQUAL(&mine, &theirs);
}

bool tc_address_equal(const tc_address *a, const tc_address *b)
{
    return a->any.sa_family == b->any.sa_family && a->v4.sin_port == b->v4.sin_port &&
           (a->any.sa_family == AF_INET ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
                                        : IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
                                              a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

tc_span tc_address_text(const tc_address *a, char ret_text[TC_ADDRESS_TEXT])
{
    char host[TC_ADDRESS_TEXT - 10], port[8]; /* brackets, colon, five digits, NUL */
    if (getnameinfo(&a->any, tc_address_length(a), host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        (void)snprintf(host, sizeof host, "?"), (void)snprintf(port, sizeof port, "0");
    const char *form = a->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
    (void)snprintf(ret_text, TC_ADDRESS_TEXT, form, host, port);
    return tc_span_str(ret_text);
}

bool tc_address_is_ours(const tc_address *a)
{
    tc_address at = *a;
    const int fd = socket(at.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return true; /* it cannot be told: then better not */
    if (at.any.sa_family == AF_INET6)
        at.v6.sin6_port = 0;
    else
        at.v4.sin_port = 0;
    const bool ours = bind(fd, &at.any, tc_address_length(&at)) == 0;
    close(fd);
    return ours;
}
