/* connecting.c - see connecting.h. */
// SPDX-License-Identifier: MIT
#include "support/connecting.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>

#include "support/check.h"

tc_loop *connecting_loop;

void connecting_is_over(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    struct result *r = (struct result *)c;
    assert_false(r->over);
    r->over = true;
    r->err = err;
    r->fd = fd;
    if (peer) (void)tc_address_text(peer, r->peer);
}

static void see(tc_watch *w, const tc_seen *what)
{
    struct result *r = (struct result *)((char *)w - offsetof(struct result, watch));
    const size_t at = strlen(r->log);
    static const char *const names[] = {
        [TC_SEEN_RESOLVE] = "resolve",   [TC_SEEN_RESOLVED] = "resolved",
        [TC_SEEN_CONNECT] = "try",       [TC_SEEN_CONNECTED] = "connected",
        [TC_SEEN_PROXY] = "proxy",       [TC_SEEN_TUNNEL] = "tunnel",
        [TC_SEEN_TUNNELED] = "tunneled", [TC_SEEN_NOTE] = "line"};
    (void)snprintf(r->log + at, sizeof r->log - at, "%s:%s ", names[what->kind],
                   what->err ? tc_err_name(what->err) : "ok");
}

int connecting_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

int listen_on(const char *address, bool full, uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    at.sin_port = htons(*ret_port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
    assert_int_equal(listen(fd, full ? 0 : 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

void fill(const char *address, uint16_t port, int *fds, int count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fds[i], (struct sockaddr *)&at, sizeof at);
    }
}

void connecting_begin(struct result *r, tc_lookup *lookup, const char *host, uint16_t port)
{
    *r = (struct result){.fd = -1};
    r->watch = (tc_watch){.mask = ~0u, .see = see};
    r->connect.loop = connecting_loop;
    r->connect.watch = &r->watch;
    r->connect.lookup = lookup;
    r->connect.host = tc_span_str(host);
    r->connect.port = port;
    r->connect.limit_ns = LIMIT_MS * TC_MS;
    r->connect.done = connecting_is_over;
    tc_connect_begin(&r->connect);
    assert_false(r->over);
}

void connecting_finish(struct result *r)
{
    for (int i = 0; !r->over && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_S), TC_OK);
    assert_true(r->over);
}

void connecting_run(struct result *r, tc_lookup *lookup, const char *host, uint16_t port)
{
    connecting_begin(r, lookup, host, port);
    connecting_finish(r);
}

sem_t connecting_six;

sem_t connecting_record;

const char *connecting_unknown(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host, (void)family, (void)ret;
    return "Name or service not known";
}

int connecting_set_up(void **state)
{
    (void)state;
    return sem_init(&connecting_six, 0, 0) || sem_init(&connecting_record, 0, 0) ||
                   tc_loop_new(&connecting_loop)
               ? -1
               : 0;
}

int connecting_tear_down(void **state)
{
    (void)state;
    tc_loop_free(connecting_loop);
    return 0;
}
