/* streams.c - one turn of a session whose link has streams: what happened on each is told to the
 * engine, handlers answer, and each stream is written by itself.
 *
 * Bytes that the engine did not take stay with the link, which lends them again: in each turn
 * everything that was left once more. So a handler that pauses holds up its own stream only. */
// SPDX-License-Identifier: MIT
#include <assert.h>

#include "session/inside.h"

enum {
    RUNS_AT_ONCE = 16,
    WRITE_BUDGET = 4 * 1024 * 1024,
    INTERNAL_ERROR = 0x102 /* RFC 9114, 8.1 */
};

static const tc_link_streams *streams_of(const tc_session *s)
{
    return s->link->type->streams;
}

static void fail(tc_session *s, tc_err err)
{
    if (s->flags & DEAD) return;
    s->why = err;
    s->flags |= DEAD;
}

/* What the engine has to say, and what handlers want of it. True if anything moved. */
static bool hear_engine(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    tc_event ev;
    bool moved = false;
    while (!(s->flags & DEAD) && e->type->next(e, &ev)) {
        tc_session_apply(s, &ev);
        moved = true;
    }
    for (tc_exchange *x = s->exchanges, *next; x && !(s->flags & DEAD); x = next) {
        next = x->next;
        if (!x->want) continue;
        const unsigned wanted = x->want;
        if (wanted & TC_WANT_RESUME) s->flags |= RESUMED;
        tc_session_do_wants(s, x);
        moved |= x->want != wanted;
    }
    return moved;
}

/* --- input --------------------------------------------------------------------------------- */

static void lend(tc_session *s, const tc_link_news *n)
{
    tc_engine *e = tc_session_engine(s);
    e->type->feed(e, tc_loop_now(s->env->loop), n->sid, n->in, n->fin);
    while (hear_engine(s))
        ;
    const size_t taken = e->type->fed(e);
    assert(taken <= n->in.len);
    if (s->env->metrics) s->env->metrics->bytes_in += taken;
    streams_of(s)->took(s->link, n->sid, taken);
}

static void hear(tc_session *s, const tc_link_news *n)
{
    tc_engine *e = tc_session_engine(s);
    switch (n->kind) {
    case TC_NEWS_NONE: break;
    case TC_NEWS_BYTES: lend(s, n); break;
    case TC_NEWS_RESET: e->type->stopped(e, n->sid, n->n, false); break;
    case TC_NEWS_STOPPED: e->type->stopped(e, n->sid, n->n, true); break;
    case TC_NEWS_ACKED: e->type->acked(e, n->sid, (size_t)n->n); break;
    case TC_NEWS_ROOM: e->type->blocked(e, n->sid, false); break;
    }
}

/* The link is over. For who has nothing under way that is no fault. */
static void link_ended(tc_session *s, tc_err err)
{
    const bool quiet = err == TC_ERR_PEER_CLOSED || err == TC_ERR_IDLE_TIME;
    fail(s, quiet && !s->exchanges && !(s->flags & (OPENING | EARLY)) ? TC_OK : err);
}

/* Everything that happened. True if anything did. */
static bool hear_link(tc_session *s)
{
    tc_link_news n;
    bool moved = false;
    while (!(s->flags & DEAD)) {
        const tc_err err = streams_of(s)->news(s->link, &n);
        if (err) link_ended(s, err);
        if (err || n.kind == TC_NEWS_NONE) break;
        hear(s, &n);
        moved = true;
    }
    return moved;
}

/* --- output -------------------------------------------------------------------------------- */

/* One stream's runs to the link. True if anything moved. */
static bool push_out(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    const bool client = s->env->engine.role == TC_CLIENT;
    tc_run runs[RUNS_AT_ONCE];
    uint64_t sid;
    bool fin = false, all = false;
    size_t taken = 0;
    if (s->flags & (BLOCKED | DEAD)) return false;
    const size_t count = e->type->output(e, &sid, runs, RUNS_AT_ONCE, WRITE_BUDGET, &fin);
    if (count == 0) {
        if (client) tc_session_show_requests(s, true);
        return false;
    }
    const tc_err err = streams_of(s)->write(s->link, sid, runs, count, fin, &taken, &all);
    if (err == TC_ERR_FILE_SHRANK || err == TC_ERR_READ_FILE) {
        streams_of(s)->reset(s->link, sid, INTERNAL_ERROR); /* no other stream is spoiled */
        e->type->stopped(e, sid, INTERNAL_ERROR, true);
        return true;
    }
    if (err) {
        link_ended(s, err);
        return false;
    }
    s->sent += taken;
    if (s->env->metrics) s->env->metrics->bytes_out += taken;
    if (taken || all) e->type->wrote(e, sid, taken);
    if (!all) {
        if (s->link->type->stuck(s->link))
            s->flags |= BLOCKED;
        else
            e->type->blocked(e, sid, true);
    }
    if (client) tc_session_show_requests(s, false);
    return true;
}

/* Streams of ours that the peer did not let us open so far. */
static void open_more(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    uint64_t sid;
    while (s->unopened && !(s->flags & DEAD)) {
        const tc_err err = streams_of(s)->open(s->link, &sid);
        if (err == TC_ERR_FULL) return;
        if (err) {
            link_ended(s, err);
            return;
        }
        s->unopened--;
        e->type->opened(e, sid);
    }
}

static bool take_orders(tc_session *s)
{
    const tc_link_streams *streams = streams_of(s);
    tc_engine *e = tc_session_engine(s);
    tc_order order;
    bool moved = false;
    while (!(s->flags & DEAD) && e->type->order(e, &order)) {
        moved = true;
        switch (order.kind) {
        case TC_ORDER_OPEN_UNI: s->unopened++; break;
        case TC_ORDER_RESET: streams->reset(s->link, order.sid, order.n); break;
        case TC_ORDER_STOP: streams->stop(s->link, order.sid, order.n); break;
        case TC_ORDER_CREDIT: break; /* what was taken is given back by the link itself */
        case TC_ORDER_CLOSE:
            streams->code(s->link, order.n);
            s->flags |= CLOSING;
            break;
        }
        open_more(s);
    }
    return moved;
}

/* --- a turn -------------------------------------------------------------------------------- */

static void pump(tc_session *s)
{
    const uint64_t enough = s->sent + WRITE_BUDGET;
    for (bool moved = true; moved && !(s->flags & DEAD);) {
        if (s->flags & RESUMED) streams_of(s)->again(s->link);
        s->flags &= (uint16_t)~RESUMED;
        moved = hear_link(s);
        moved |= hear_engine(s);
        moved |= (s->flags & RESUMED) != 0;
        while (s->sent < enough && push_out(s))
            moved = true;
        moved |= take_orders(s);
        if (s->sent >= enough) {
            tc_loop_after(s->env->loop, &s->again);
            break;
        }
    }
}

/* All that was said is to reach the peer before the link is closed; send_ms bounds the wait. */
static void wait_for_the_rest(tc_session *s)
{
    if (!(s->flags & CLOSING) || s->flags & (FIN | DEAD)) return;
    if (s->link->type->untaken(s->link)) s->flags |= BLOCKED;
}

void tc_session_turn_streams(tc_session *s)
{
    s->flags |= IN_TURN;
    if (s->flags & BLOCKED) {
        (void)s->link->type->flush(s->link);
        if (!s->link->type->stuck(s->link)) s->flags &= (uint16_t)~BLOCKED;
    }
    if (s->flags & (OPENING | EARLY)) tc_session_look_whether_open(s);
    if (s->flags & HAS_ENGINE && !(s->flags & OPENING)) {
        open_more(s);
        s->flags |= RESUMED;
        pump(s);
    } else {
        (void)hear_link(s);
    }
    if (!(s->flags & DEAD)) (void)s->link->type->flush(s->link);
    wait_for_the_rest(s);
    s->flags &= (uint16_t)~IN_TURN;
    tc_session_settle(s);
}
