/* pool.c - see pool.h. Nobody is forgotten: who waits for a handshake is woken when it is settled,
 * who waits for room when a session had its turn, and all when a connection ends. */
// SPDX-License-Identifier: MIT
#include "client/pool.h"

#include "client/inside.h"

tc_origin tc_fetch_origin(const tc_fetch *f)
{
    const tc_request *r = &f->request;
    return tc_origin_of(&r->url, f->proxy, r->version, &f->client->tls_config, &r->fields);
}

/* One that f may use at some time: not given up, and not older than what failed it. */
static bool is_for(const tc_connection *at, const tc_fetch *f, const tc_origin *origin)
{
    return !at->spent && at->number > f->after && tc_origin_eq(&at->origin, origin);
}

/* Whoever opened it has the first exchange: it is others' from then on. */
static bool is_kept(const tc_connection *at, const tc_fetch *f)
{
    return at->opened && at->waiter != f;
}

tc_connection *tc_pool_find(tc_fetch *f)
{
    const tc_origin origin = tc_fetch_origin(f);
    for (tc_connection *at = f->client->connections; at; at = at->next)
        if (is_for(at, f, &origin) && !is_kept(at, f) && tc_session_can_start(&at->session))
            return at;
    return NULL;
}

static bool is_being_opened(const tc_fetch *f, const tc_origin *origin)
{
    for (const tc_fetch *at = f->client->openers; at; at = at->next_opener) {
        const tc_origin theirs = tc_fetch_origin(at);
        if (tc_origin_eq(&theirs, origin)) return true;
    }
    return false;
}

bool tc_pool_is_coming(tc_fetch *f)
{
    const tc_origin origin = tc_fetch_origin(f);
    bool lives = false;
    for (const tc_connection *at = f->client->connections; at; at = at->next)
        lives |= is_for(at, f, &origin) && !is_kept(at, f) && tc_session_goes_on(&at->session);
    if (lives) return f->patient; /* it takes one at a time, or tc_pool_find had found it */
    const bool shares =
        tc_session_shares(origin.version, tc_span_eq(origin.scheme, TC_SPAN("https")));
    return (shares || f->patient) && is_being_opened(f, &origin);
}

void tc_pool_open(tc_fetch *f)
{
    f->next_opener = f->client->openers;
    f->client->openers = f;
    f->opens = true;
}

void tc_pool_settle(tc_fetch *f, tc_err err, tc_span why)
{
    tc_client *c = f->client;
    if (!f->opens) return;
    f->opens = false;
    tc_fetch **at = &c->openers;
    while (*at != f)
        at = &(*at)->next_opener;
    *at = f->next_opener;
    const tc_origin origin = tc_fetch_origin(f);
    if (!err) {
        tc_pool_wake(c, &origin, UINT32_MAX);
        return;
    }
    for (tc_fetch *w = c->waiting, *next; w; w = next) {
        next = w->next_waiting;
        const tc_origin theirs = tc_fetch_origin(w);
        if (!tc_origin_eq(&theirs, &origin)) continue;
        tc_pool_leave(w);
        tc_fetch_over(w, err, why);
    }
}

void tc_pool_wait(tc_fetch *f)
{
    tc_fetch **at = &f->client->waiting;
    while (*at && (*at)->number < f->number) /* its place is kept, if it was woken for nothing */
        at = &(*at)->next_waiting;
    f->next_waiting = *at;
    *at = f;
    f->waiting = true;
}

void tc_pool_leave(tc_fetch *f)
{
    if (!f->waiting) return;
    tc_fetch **at = &f->client->waiting;
    while (*at != f)
        at = &(*at)->next_waiting;
    *at = f->next_waiting;
    f->waiting = false;
}

void tc_pool_wake(tc_client *c, const tc_origin *origin, unsigned most)
{
    for (tc_fetch *w = c->waiting, *next; w && most; w = next) {
        next = w->next_waiting;
        const tc_origin theirs = tc_fetch_origin(w);
        if (!tc_origin_eq(&theirs, origin)) continue;
        tc_pool_leave(w);
        tc_fetch_again(w);
        most--;
    }
}
