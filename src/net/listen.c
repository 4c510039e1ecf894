/* listen.c - see listen.h. A port that another program has is found by the first bind, which is
 * without SO_REUSEPORT: with it, a second server of the same user would share the port unnoticed.
 */
// SPDX-License-Identifier: MIT
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/target.h"

enum { BACKLOG = 4096 };

static _Thread_local char detail[256];

static tc_err say(tc_err err, const char *text)
{
    (void)snprintf(detail, sizeof detail, "%s", text);
    return err;
}

static tc_err set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) ? tc_err_from_errno(errno) : TC_OK;
}

/* The first socket of an address takes the port for itself; only then it agrees to share. */
enum share { ALONE, FIRST, NEXT };

static tc_err open_one(const tc_address *at, enum share share, bool both, int *ret_fd)
{
    const int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return say(tc_err_from_errno(errno), strerror(errno));
    tc_err err = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!err && share == NEXT) err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err && at->any.sa_family == AF_INET6) err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    if (!err) err = set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* what it accepts inherits this */
    if (!err)
        err = set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1); /* a client speaks first: wakes us once */
    if (!err && bind(fd, &at->any, tc_address_length(at)))
        err = errno == EADDRNOTAVAIL ? say(TC_ERR_NOT_OUR_ADDRESS, strerror(errno))
              : errno == EADDRINUSE  ? TC_ERR_ADDRESS_IN_USE /* which is all there is to say */
                                     : say(tc_err_from_errno(errno), strerror(errno));
    if (!err && share == FIRST) err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err && listen(fd, BACKLOG)) err = say(tc_err_from_errno(errno), strerror(errno));
    if (err) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return TC_OK;
}

tc_err tc_listen(tc_address *at, const tc_listen_how *how, int fds[], const char **ret_detail)
{
    tc_err err = TC_OK;
    unsigned i = how->have;
    detail[0] = '\0';
    if (ret_detail) *ret_detail = detail;
    for (; i < how->count && !err; i += !err) {
        socklen_t len = sizeof *at;
        const enum share first = how->count > 1 || how->shares ? FIRST : ALONE;
        err = open_one(at, i || how->beside ? NEXT : first, how->both, &fds[i]);
        if (!err && i == 0)
            (void)getsockname(fds[0], &at->any, &len); /* port 0 is a real one now */
    }
    while (err && i > how->have)
        close(fds[--i]);
    return err;
}

static tc_err look_up(const char *host, int family, const char *port, struct addrinfo **ret_list)
{
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM, .ai_family = family};
    const int rc = getaddrinfo(host, port, &hints, ret_list);
    if (rc) return say(TC_ERR_RESOLVE, gai_strerror(rc));
    return TC_OK;
}

static bool no_such_family(int family)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const bool none = family == AF_INET6 && bind(fd, (struct sockaddr *)&a, sizeof a) != 0 &&
                      errno == EADDRNOTAVAIL;
    close(fd);
    return none;
}

/* "localhost" is both loopback addresses, whatever the hosts file says (RFC 6761, 6.3). */
static tc_err addresses_of(tc_span host, uint16_t port, struct addrinfo **ret_list, bool *ret_any)
{
    char name[256], number[8];
    if (host.len >= sizeof name) return say(TC_ERR_URL_SYNTAX, "the host name is too long");
    (void)snprintf(name, sizeof name, "%.*s", TC_FMT(host));
    (void)snprintf(number, sizeof number, "%u", (unsigned)port);
    *ret_any = tc_span_eq(host, TC_SPAN("*"));
    if (*ret_any)
        return look_up(NULL, no_such_family(AF_INET6) ? AF_INET : AF_INET6, number, ret_list);
    if (!tc_span_eq(host, TC_SPAN("localhost"))) return look_up(name, AF_UNSPEC, number, ret_list);
    tc_err err = look_up("127.0.0.1", AF_INET, number, ret_list);
    if (err) return err;
    return look_up("::1", AF_INET6, number, &(*ret_list)->ai_next);
}

static const char url_form[] =
    "a listening URL is http://HOST:PORT or https://HOST:PORT, HOST a name, an address, [an IPv6 "
    "address] or *";

static tc_err parse(tc_span url, tc_span *ret_host, uint16_t *ret_port, bool *ret_secure)
{
    const bool secure = tc_span_starts(url, TC_SPAN("https://"));
    const tc_span scheme = secure ? TC_SPAN("https://") : TC_SPAN("http://");
    const uint16_t usual = secure ? 443 : 80;
    *ret_secure = secure;
    if (!tc_span_starts(url, scheme)) {
        const bool other = tc_span_ends(tc_span_first(url, tc_span_find(url, '/')), TC_SPAN(":"));
        return other ? say(TC_ERR_SCHEME, "only http:// and https:// can be listened on")
                     : say(TC_ERR_URL_SYNTAX, url_form);
    }
    tc_span authority = tc_span_from(url, scheme.len);
    if (tc_span_ends(authority, TC_SPAN("/"))) authority.len--;
    if (tc_span_starts(authority, TC_SPAN("*"))) { /* no host of RFC 3986, but ours */
        uint64_t port = usual;
        const tc_span rest = tc_span_from(authority, 1);
        if (rest.len && (rest.at[0] != ':' || !tc_span_number(tc_span_from(rest, 1), &port) ||
                         port > UINT16_MAX))
            return say(TC_ERR_URL_SYNTAX,
                       "after \"*\" only a port may follow, as in http://*:8080");
        *ret_host = tc_span_first(authority, 1);
        *ret_port = (uint16_t)port;
        return TC_OK;
    }
    if (tc_authority_check(authority) || tc_authority_split(authority, usual, ret_host, ret_port))
        return say(TC_ERR_URL_SYNTAX, url_form);
    return TC_OK;
}

/* A machine without IPv6 serves "localhost" all the same. */
static void take_addresses(const struct addrinfo *list, tc_listen_url *to)
{
    for (const struct addrinfo *a = list; a && to->count < TC_LISTEN_URL; a = a->ai_next) {
        if (a->ai_addrlen > sizeof(tc_address) ||
            (no_such_family(a->ai_family) && (a->ai_next || to->count)))
            continue;
        memset(&to->at[to->count], 0, sizeof(tc_address));
        memcpy(&to->at[to->count++], a->ai_addr, a->ai_addrlen);
    }
}

tc_err tc_listen_parse(tc_span url, tc_listen_url *ret, const char **ret_detail)
{
    tc_listen_url u = {.count = 0};
    tc_span host;
    uint16_t port;
    struct addrinfo *list = NULL;
    detail[0] = '\0';
    if (ret_detail) *ret_detail = detail;
    tc_err err = parse(url, &host, &port, &u.secure);
    if (!err) err = addresses_of(host, port, &list, &u.both);
    if (!err) take_addresses(list, &u);
    if (list) freeaddrinfo(list);
    if (err) return err;
    u.any_port = port == 0;
    *ret = u;
    return TC_OK;
}

tc_err tc_accept(int listener, int *ret_fd, struct sockaddr_storage *ret_peer)
{
    socklen_t len = sizeof *ret_peer;
    const int fd =
        accept4(listener, (struct sockaddr *)ret_peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno == EAGAIN ? TC_ERR_NOTHING : tc_err_from_errno(errno);
    *ret_fd = fd;
    return TC_OK;
}

void tc_accept_refuse(int fd, tc_span words)
{
    (void)!send(fd, words.at, words.len, MSG_DONTWAIT | MSG_NOSIGNAL); /* it is new: it fits */
    (void)shutdown(fd, SHUT_WR);
}

bool tc_accept_drain(int fd, char *room, size_t size, uint64_t *drained)
{
    const ssize_t n = recv(fd, room, size, MSG_DONTWAIT);
    if (n > 0) *drained += (uint64_t)n;
    return n != 0;
}
