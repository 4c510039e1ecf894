/* listeners.c - see listeners.h. */
// SPDX-License-Identifier: MIT
#include "net/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "net/udp.h"

static const char udp_taken[] = "the port is free for TCP, and not for UDP (QUIC)";

static void close_from(int fds[], unsigned from, unsigned count)
{
    for (unsigned i = from; i < count; i++)
        if (fds[i] >= 0) close(fds[i]);
}

static void drop(tc_listening *g)
{
    close_from(g->tcp, 0, g->tcp_count);
    close_from(g->udp, 0, g->udp_count);
    tc_free(g->tcp);
    tc_free(g->udp);
    *g = (tc_listening){.used = false};
}

void tc_listeners_fini(tc_listeners *l)
{
    for (size_t i = 0; i < l->count; i++)
        drop(&l->at[i]);
    l->count = 0;
}

/* --- who is who ---------------------------------------------------------------------------- */

static bool same_host(const tc_address *a, tc_address b)
{
    b.v4.sin_port = a->v4.sin_port;
    return tc_address_equal(a, &b);
}

/* Both families keep the port at the same place. */
static in_port_t *port_at(tc_address *a)
{
    return &a->v4.sin_port;
}

static bool same(const tc_listening *g, const tc_address *at, bool both)
{
    return tc_address_equal(&g->at, at) && g->both == both;
}

/* A port 0 is that of an earlier URL that said 0, too. */
static tc_listening *find(tc_listeners *l, const tc_address *at, const tc_listen_url *u)
{
    for (size_t i = 0; i < l->count; i++) {
        tc_listening *g = &l->at[i];
        if (g->used) continue;
        if (same(g, at, u->both) ||
            (!at->v4.sin_port && g->any_port && g->both == u->both && same_host(&g->at, *at)))
            return g;
    }
    return NULL;
}

/* Sockets of ours that are to be closed may hold the port, on an address that contains this one. */
static bool is_beside_ours(const tc_listeners *l, const tc_address *at)
{
    for (size_t i = 0; i < l->count; i++)
        if (!l->at[i].used && at->v4.sin_port && l->at[i].at.v4.sin_port == at->v4.sin_port &&
            !same_host(&l->at[i].at, *at))
            return true;
    return false;
}

static tc_err grow(int **fds, unsigned have, unsigned count)
{
    int *more = count > have ? tc_alloc(count * sizeof *more) : *fds;
    if (!more) return count ? TC_ERR_NO_MEMORY : TC_OK;
    if (more == *fds) return TC_OK;
    for (unsigned i = 0; i < count; i++)
        more[i] = i < have ? (*fds)[i] : -1;
    tc_free(*fds);
    *fds = more;
    return TC_OK;
}

/* --- handed in ----------------------------------------------------------------------------- */

typedef struct handed {
    int fd;
    tc_address at;
    bool any_port, udp, both;
} handed;

static tc_err put(tc_listeners *l, const handed *h)
{
    size_t i = 0;
    while (i < l->count && !same(&l->at[i], &h->at, h->both))
        i++;
    if (i == TC_LISTENERS_MAX) return TC_ERR_FULL;
    if (i == l->count) l->at[l->count++] = (tc_listening){.at = h->at, .both = h->both};
    tc_listening *g = &l->at[i];
    g->any_port |= h->any_port;
    int **fds = h->udp ? &g->udp : &g->tcp;
    unsigned *count = h->udp ? &g->udp_count : &g->tcp_count;
    const tc_err err = grow(fds, *count, *count + 1);
    if (err) return err;
    (*fds)[(*count)++] = h->fd;
    return TC_OK;
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

tc_err tc_listeners_offer(tc_listeners *l, int fd, bool any_port)
{
    handed h = {.fd = fd, .at = {.v6 = {.sin6_family = 0}}, .any_port = any_port};
    socklen_t len = sizeof h.at;
    const int type = option(fd, SOL_SOCKET, SO_TYPE);
    if (getsockname(fd, &h.at.any, &len) ||
        (h.at.any.sa_family != AF_INET && h.at.any.sa_family != AF_INET6) ||
        (type == SOCK_STREAM && option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) ||
        (type != SOCK_STREAM && type != SOCK_DGRAM))
        return TC_ERR_NOT_SUPPORTED;
    h.udp = type == SOCK_DGRAM;
    h.both = h.at.any.sa_family == AF_INET6 && tc_address_is_any(&h.at) &&
             option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
    return put(l, &h);
}

void tc_listeners_write(const tc_listeners *l, FILE *to)
{
    for (size_t i = 0; i < l->count; i++) {
        const tc_listening *g = &l->at[i];
        char hex[2 * sizeof g->at];
        tc_hex_write(hex, (const uint8_t *)&g->at, sizeof g->at);
        for (unsigned j = 0; j < g->tcp_count + g->udp_count; j++) {
            const bool udp = j >= g->tcp_count;
            fprintf(to, "socket %d %d %d %d %.*s\n", udp ? g->udp[j - g->tcp_count] : g->tcp[j],
                    g->any_port, udp, g->both, (int)sizeof hex, hex);
        }
    }
}

_Static_assert(sizeof(tc_address) == 28, "as many digits are read");

int tc_listeners_read(tc_listeners *l, const char *line)
{
    char hex[2 * sizeof(tc_address) + 1];
    handed h = {.fd = -1};
    int any_port, udp, both;
    const int n =
        sscanf(line, "socket %d %d %d %d %56[0-9a-f]", &h.fd, &any_port, &udp, &both, hex);
    if (n < 2) return -1;
    h.any_port = any_port, h.udp = udp, h.both = both;
    const bool told = n == 5 && tc_hex_read((uint8_t *)&h.at, hex, sizeof h.at);
    const tc_err err = told ? put(l, &h) : tc_listeners_offer(l, h.fd, any_port != 0);
    if (err) close(h.fd);
    return err ? -1 : h.fd;
}

void tc_listeners_settle(tc_listeners *l)
{
    for (size_t i = 0; i < l->count; i++) {
        tc_listening *g = &l->at[i];
        g->tcp_given = g->tcp_count;
        g->udp_given = g->udp_count;
        g->used = g->udp_used = false;
    }
}

bool tc_listeners_use(tc_listeners *l, const tc_address *at, bool both, bool udp)
{
    for (size_t i = 0; i < l->count; i++) {
        if (!same(&l->at[i], at, both)) continue;
        l->at[i].used = true;
        l->at[i].udp_used = udp;
        return true;
    }
    return false;
}

void tc_listeners_move_unused(tc_listeners *from, tc_listeners *to)
{
    size_t kept = 0;
    to->shares = from->shares;
    for (size_t i = 0; i < from->count; i++) {
        if (!from->at[i].used && to->count < TC_LISTENERS_MAX)
            to->at[to->count++] = from->at[i];
        else
            from->at[kept++] = from->at[i];
    }
    from->count = kept;
}

void tc_listeners_drop_unused(tc_listeners *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        tc_listening *g = &l->at[i];
        if (!g->used) {
            drop(g);
            continue;
        }
        if (!g->udp_used) {
            close_from(g->udp, 0, g->udp_count);
            g->udp_count = g->udp_given = 0;
        }
        if (kept++ != i) l->at[kept - 1] = *g;
    }
    l->count = kept;
}

/* --- opening ------------------------------------------------------------------------------- */

/* Nobody shares a port with sockets of another user, as systemd's are: all workers have the same.
 */
static tc_err share(int fds[], unsigned given, unsigned count)
{
    for (unsigned i = given; i < count; i++) {
        fds[i] = fcntl(fds[i % given], F_DUPFD_CLOEXEC, 3);
        if (fds[i] >= 0) continue;
        const tc_err err = tc_err_from_errno(errno);
        close_from(fds, given, i);
        return err;
    }
    return TC_OK;
}

static bool is_refused(tc_err err)
{
    return err == TC_ERR_ADDRESS_IN_USE || err == TC_ERR_NO_PERMISSION;
}

static tc_err open_tcp(const tc_listeners *l, tc_listening *g, unsigned workers,
                       const char **ret_detail)
{
    const tc_listen_how how = {.both = g->both,
                               .shares = l->shares,
                               .beside = !g->tcp_count && is_beside_ours(l, &g->at),
                               .have = g->tcp_count,
                               .count = workers > g->tcp_count ? workers : g->tcp_count};
    tc_err err = grow(&g->tcp, g->tcp_count, how.count);
    if (!err) err = tc_listen(&g->at, &how, g->tcp, ret_detail);
    if (is_refused(err) && g->tcp_given) err = share(g->tcp, g->tcp_given, how.count);
    if (!err) g->tcp_count = how.count;
    return err;
}

static tc_err open_udp(const tc_listeners *l, tc_listening *g, unsigned workers,
                       const char **ret_detail)
{
    const tc_udp_how how = {.both = g->both,
                            .shares = l->shares,
                            .beside = !g->udp_count && is_beside_ours(l, &g->at),
                            .have = g->udp_count,
                            .count = workers > g->udp_count ? workers : g->udp_count};
    tc_err err = grow(&g->udp, g->udp_count, how.count);
    if (!err) err = tc_udp_listen(&g->at, &how, g->udp);
    if (is_refused(err) && g->udp_given) return TC_OK; /* QUIC is then fewer workers' */
    if (!err) g->udp_count = how.count;
    if (err == TC_ERR_ADDRESS_IN_USE && ret_detail) *ret_detail = udp_taken;
    return err;
}

/* As before this URL. */
static void take_back(tc_listening *g)
{
    close_from(g->tcp, g->tcp_given, g->tcp_count);
    close_from(g->udp, g->udp_given, g->udp_count);
    g->tcp_count = g->tcp_given;
    g->udp_count = g->udp_given;
    g->used = g->udp_used = false;
}

/* Nothing of it was handed in. */
static bool is_new(const tc_listening *g)
{
    return !g->tcp_given && !g->udp_given;
}

void tc_listeners_take_back(tc_listeners *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        take_back(&l->at[i]);
        if (is_new(&l->at[i]))
            drop(&l->at[i]);
        else if (kept++ != i)
            l->at[kept - 1] = l->at[i];
    }
    l->count = kept;
}

static tc_err open_one(tc_listeners *l, const tc_listen_ask *ask, const tc_listen_url *u,
                       tc_address *at, const char **ret_detail)
{
    tc_listening *g = find(l, at, u);
    if (!g && l->count == TC_LISTENERS_MAX) {
        if (ret_detail) *ret_detail = "too many listening addresses";
        return TC_ERR_FULL;
    }
    const bool fresh = !g;
    if (fresh) {
        g = &l->at[l->count++];
        *g = (tc_listening){.at = *at, .both = u->both};
    }
    g->secure = u->secure;
    g->proxied = ask->proxied;
    g->any_port |= u->any_port;
    tc_err err = open_tcp(l, g, ask->workers, ret_detail);
    if (!err && u->secure && ask->quic) err = open_udp(l, g, ask->workers, ret_detail);
    g->used = !err;
    g->udp_used = !err && u->secure && ask->quic;
    if (!err) {
        *at = g->at;
        return TC_OK;
    }
    take_back(g);
    if (fresh) {
        drop(g);
        l->count--;
    }
    return err;
}

static tc_err open_all(tc_listeners *l, const tc_listen_ask *ask, const tc_listen_url *u,
                       uint16_t *ret_port, const char **ret_detail)
{
    const size_t before = l->count;
    tc_address at[TC_LISTEN_URL];
    size_t done = 0;
    tc_err err = TC_OK;
    for (; done < u->count && !err; done += !err) {
        at[done] = u->at[done];
        if (u->any_port && done) *port_at(&at[done]) = *port_at(&at[0]);
        err = open_one(l, ask, u, &at[done], ret_detail);
    }
    if (!err) {
        *ret_port = ntohs(*port_at(&at[0]));
        return TC_OK;
    }
    for (size_t i = 0; i < l->count; i++)
        for (size_t j = 0; j < done; j++)
            if (l->at[i].used && same(&l->at[i], &at[j], u->both)) take_back(&l->at[i]);
    while (l->count > before)
        drop(&l->at[--l->count]);
    return err;
}

tc_err tc_listeners_open(tc_listeners *l, const tc_listen_ask *ask, uint16_t *ret_port,
                         bool *ret_secure, const char **ret_detail)
{
    enum { TRIES = 8 };
    tc_listen_url u;
    tc_err err = tc_listen_parse(ask->url, &u, ret_detail);
    if (err) return err;
    for (int i = 0; i < TRIES; i++) {
        err = open_all(l, ask, &u, ret_port, ret_detail);
        if (err != TC_ERR_ADDRESS_IN_USE || !u.any_port) break;
    }
    if (!err) *ret_secure = u.secure;
    return err;
}
