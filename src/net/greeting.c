/* greeting.c - see greeting.h. */
// SPDX-License-Identifier: MIT
#include "net/greeting.h"

#include <errno.h>
#include <sys/socket.h>

void tc_greeting_stop(tc_greeting *g)
{
    tc_loop_clear(g->loop, &g->alarm);
    tc_loop_remove(g->loop, &g->io);
}

static void end(tc_greeting *g, tc_err err)
{
    tc_greeting_stop(g);
    g->done(g, err);
}

/* The client in the place of the proxy. */
static void rename_peer(tc_greeting *g, const tc_proxy_header *h)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(h->port)};
    if (!h->known) return;
    memcpy(&a.sin6_addr, h->client.at, sizeof h->client.at);
    memcpy(&g->peer, &a, sizeof a);
}

static bool take(tc_greeting *g, size_t length)
{
    size_t size;
    char *room = tc_loop_read_room(g->loop, &size);
    while (length) {
        const ssize_t n = recv(g->io.fd, room, length < size ? length : size, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EINTR)) return false; /* it was there a moment ago */
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* gone: no more will come than is there. */
static void look(tc_greeting *g, bool gone)
{
    size_t size;
    char *room = tc_loop_read_room(g->loop, &size);
    if (g->limits->proxy_header < size) size = (size_t)g->limits->proxy_header;
    ssize_t n;
    do
        n = recv(g->io.fd, room, size, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN && !gone) return;
    tc_proxy_header h;
    enum tc_proxy_read read = TC_PROXY_MORE;
    if (n > 0) read = tc_proxy_header_read(tc_span_of(room, (size_t)n), size, &h);
    if (read == TC_PROXY_MORE) {
        if (n <= 0 || gone) end(g, TC_ERR_PEER_CLOSED);
        return;
    }
    if (read == TC_PROXY_DONE) {
        rename_peer(g, &h);
        end(g, take(g, h.length) ? TC_OK : TC_ERR_PEER_CLOSED);
    } else {
        g->reached->proxy_header++;
        end(g, read == TC_PROXY_LONG ? TC_ERR_PROXY_LONG : TC_ERR_PROXY_HEADER);
    }
}

static void ready(tc_io *io, unsigned what)
{
    look((tc_greeting *)((char *)io - offsetof(tc_greeting, io)), (what & TC_READY_GONE) != 0);
}

static void ring(tc_alarm *alarm)
{
    tc_greeting *g = (tc_greeting *)((char *)alarm - offsetof(tc_greeting, alarm));
    g->reached->proxy_ms++;
    end(g, TC_ERR_PROXY_TIME);
}

void tc_greeting_begin(tc_greeting *g)
{
    const uint64_t ms = g->limits->proxy_ms < UINT32_MAX ? g->limits->proxy_ms : UINT32_MAX;
    g->io.ready = ready;
    g->alarm.ring = ring;
    g->alarm.timer.deadline = TC_NEVER;
    const int64_t deadline = tc_loop_now(g->loop) + (int64_t)ms * TC_MS;
    if (tc_loop_set(g->loop, &g->alarm, deadline) != TC_OK ||
        tc_loop_add(g->loop, &g->io) != TC_OK) {
        end(g, TC_ERR_NO_MEMORY);
        return;
    }
    look(g, false);
}
