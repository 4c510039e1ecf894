/* greetings.c - connections of a worker that say first whose they are (PROXY protocol), and those
 * that do not: they are closed. */
// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "net/address.h"
#include "net/greeting.h"
#include "server/inside.h"

struct tc_greeted {
    tc_greeting greeting; /* first */
    tc_worker *worker;
    bool secure;
    struct tc_greeted *next, **at;
};

static void leave(struct tc_greeted *g)
{
    *g->at = g->next;
    if (g->next) g->next->at = g->at;
    tc_slab_put(&g->worker->greetings, g);
}

/* A line in the log, as of a handshake that failed, and a count. */
static void show(tc_worker *w, const struct sockaddr_storage *peer, tc_err err)
{
    tc_address from;
    memcpy(&from, peer, sizeof from);
    tc_session_info info = {
        .id = ++w->env.last_id, .role = TC_SERVER, .link = "tcp", .peer = tc_address_ip(&from)};
    info.peer_port = ntohs(from.any.sa_family == AF_INET6 ? from.v6.sin6_port : from.v4.sin_port);
    if (w->metrics) tc_metrics_failed(w->metrics->connection_failures, err);
    tc_show(w->env.watch, &(tc_seen){.kind = TC_SEEN_PROTECTED,
                                     .err = err,
                                     .at = tc_loop_now(w->loop),
                                     .session = &info});
}

static void done(tc_greeting *greeting, tc_err err)
{
    struct tc_greeted *g = (struct tc_greeted *)greeting;
    tc_worker *w = g->worker;
    const struct sockaddr_storage peer = greeting->peer;
    const bool secure = g->secure;
    const int fd = greeting->io.fd;
    leave(g);
    if (err) {
        show(w, &peer, err);
        close(fd);
    } else {
        tc_worker_connect(w, secure, fd, &peer);
    }
    tc_worker_stop_if_drained(w);
}

void tc_worker_greet(tc_worker *w, bool secure, int fd, const struct sockaddr_storage *peer)
{
    tc_address from;
    memcpy(&from, peer, sizeof from);
    const tc_ip ip = tc_address_ip(&from);
    const tc_networks *trust = w->server->config.trust;
    struct tc_greeted *g = NULL;
    const bool trusted = trust && tc_networks_have(trust, &ip);
    if (trusted) g = tc_slab_get(&w->greetings);
    if (!g) {
        w->reached.proxy_header += !trusted;
        show(w, peer, trusted ? TC_ERR_NO_MEMORY : TC_ERR_PROXY_TRUST);
        close(fd);
        return;
    }
    *g = (struct tc_greeted){.worker = w, .secure = secure, .next = w->greeted, .at = &w->greeted};
    if (g->next) g->next->at = &g->next;
    w->greeted = g;
    g->greeting.io.fd = fd;
    g->greeting.loop = w->loop;
    g->greeting.limits = &w->server->config.limits;
    g->greeting.reached = &w->reached;
    g->greeting.peer = *peer;
    g->greeting.done = done;
    tc_greeting_begin(&g->greeting);
}

void tc_worker_end_greetings(tc_worker *w)
{
    while (w->greeted) {
        struct tc_greeted *g = w->greeted;
        tc_greeting_stop(&g->greeting);
        close(g->greeting.io.fd);
        leave(g);
    }
}

void tc_worker_init_greetings(tc_worker *w, uint32_t most)
{
    tc_slab_init(&w->greetings, sizeof(struct tc_greeted), most);
}
