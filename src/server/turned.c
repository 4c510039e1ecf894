/* turned.c - connections in clear text that are one too many of their client: they are told so in
 * one answer, whatever they ask, and closed. A few are kept until they have heard it, since one
 * that is closed with a request unread may be reset before. */
// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "net/listen.h"
#include "server/inside.h"

#define WHY "Too many connections from your address are open.\n"

enum { TURNED_MOST = 64 };

static const char answer[] =
    "HTTP/1.1 503 Service Unavailable\r\nServer: tercet\r\n"
    "Connection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 49\r\n\r\n" WHY;
_Static_assert(sizeof WHY == 50, "its Content-Length");

struct tc_turned {
    tc_io io; /* first */
    tc_alarm alarm;
    tc_worker *worker;
    uint64_t drained;
    struct tc_turned *next, **at;
};

static void end(struct tc_turned *t)
{
    tc_worker *w = t->worker;
    tc_loop_clear(w->loop, &t->alarm);
    tc_loop_remove(w->loop, &t->io);
    close(t->io.fd);
    *t->at = t->next;
    if (t->next) t->next->at = t->at;
    tc_slab_put(&w->turned_slab, t);
}

/* What it asks is thrown away, until it ends its half, too. */
static void drain(tc_io *io, unsigned what)
{
    struct tc_turned *t = (struct tc_turned *)io;
    size_t size;
    char *room = tc_loop_read_room(t->worker->loop, &size);
    if (!tc_accept_drain(io->fd, room, size, &t->drained) || (what & TC_READY_GONE) ||
        t->drained > t->worker->server->config.limits.linger_bytes)
        end(t);
}

static void ring(tc_alarm *alarm)
{
    end((struct tc_turned *)((char *)alarm - offsetof(struct tc_turned, alarm)));
}

void tc_worker_turn_away(tc_worker *w, int fd)
{
    const uint64_t ms = w->server->config.limits.linger_ms;
    tc_accept_refuse(fd, tc_span_of(answer, sizeof answer - 1));
    struct tc_turned *t = w->draining ? NULL : tc_slab_get(&w->turned_slab);
    if (!t) {
        close(fd);
        return;
    }
    *t = (struct tc_turned){.io = {fd, drain}, .worker = w, .next = w->turned, .at = &w->turned};
    if (t->next) t->next->at = &t->next;
    w->turned = t;
    t->alarm.ring = ring;
    t->alarm.timer.deadline = TC_NEVER;
    if (tc_loop_set(w->loop, &t->alarm,
                    tc_loop_now(w->loop) + (int64_t)(ms < UINT32_MAX ? ms : UINT32_MAX) * TC_MS) !=
            TC_OK ||
        tc_loop_add(w->loop, &t->io) != TC_OK)
        end(t);
}

void tc_worker_init_turned(tc_worker *w)
{
    tc_slab_init(&w->turned_slab, sizeof(struct tc_turned), TURNED_MOST);
}

void tc_worker_end_turned(tc_worker *w)
{
    while (w->turned)
        end(w->turned);
}
