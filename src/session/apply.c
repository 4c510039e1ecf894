/* apply.c - the engine's events become a handler's calls, and a handler's wishes the engine's. */
// SPDX-License-Identifier: MIT
#include <assert.h>

#include "session/inside.h"

enum { QUICK = 16 };

static void wake(tc_exchange *x)
{
    tc_session *s = x->session;
    if (!(s->flags & IN_TURN)) tc_loop_after(s->env->loop, &s->again);
}

void tc_session_adopt(tc_session *s, tc_exchange *x)
{
    x->session = s;
    x->wake = wake;
    x->next = s->exchanges;
    x->at = &s->exchanges;
    if (x->next) x->next->at = &x->next;
    s->exchanges = x;
    s->begun++;
    if (s->env->metrics) s->env->metrics->begun++;
    if (s->env->engine.role == TC_CLIENT && s->begun > 1 && !x->pushed)
        tc_session_seen(s, TC_SEEN_REUSED, x);
    tc_session_seen(s, TC_SEEN_BEGUN, x);
}

/* To read it takes as long as half a line of a log: of quick exchanges, which take a microsecond or
 * two, it is read once in QUICK, so that none is told wrong by more than a few times that. */
static void look_at_clock(tc_session *s, const tc_exchange *x)
{
    if (x->quick && ++s->env->quick % QUICK && !tc_watched_closely(s->env->watch, TC_SEEN_CLOSED))
        return;
    (void)tc_loop_tick(s->env->loop);
}

void tc_session_close_exchange(tc_session *s, tc_exchange *x, tc_err why)
{
    if (x->at) *x->at = x->next;
    if (x->at && x->next) x->next->at = x->at;
    const bool watched = tc_watched(s->env->watch, TC_SEEN_CLOSED);
    tc_metrics *metrics = s->env->metrics;
    if (watched || metrics) look_at_clock(s, x);
    if (!x->times.ours_end && !why) x->times.ours_end = tc_loop_now(s->env->loop);
    if (metrics) tc_metrics_exchange(metrics, x, tc_loop_now(s->env->loop), why);
    if (watched) tc_session_show(s, TC_SEEN_CLOSED, x, why, (tc_span){0}, false);
    x->wake = NULL;
    s->env->engine.reached->exchange_bytes += x->arena.refused;
    if (x->handler && x->handler->on_close) x->handler->on_close(x->self, x, why);
    tc_exchange_fini(x);
    tc_slab_put(&s->env->exchanges, x);
    if (!s->exchanges) s->phase_began = tc_loop_now(s->env->loop);
}

/* What the engine gave while x was paused goes back to it; what x was not shown comes again. */
static void give_back(tc_session *s, tc_exchange *x)
{
    tc_engine *e = tc_session_engine(s);
    const size_t held = (size_t)x->held;
    x->held = 0;
    if (held) e->type->took(e, x, held);
    if (x->unseen) e->type->took(e, x, 0);
    x->unseen = false;
}

/* Of a run only a part was used: the rest, and their end with it, comes when the handler resumes.
 */
static void give_part_back(tc_session *s, tc_exchange *x, size_t len)
{
    tc_engine *e = tc_session_engine(s);
    x->unseen = true;
    x->content_in -= len - x->used;
    if (x->used) e->type->took(e, x, x->used);
    if (x->want) tc_session_do_wants(s, x);
}

/* What was written of our message breaks off; where the connection ends it, that must show. */
static void give_up(tc_session *s, tc_exchange *x, tc_err why)
{
    tc_engine *e = tc_session_engine(s);
    if (s->link->type->spoil) s->link->type->spoil(s->link);
    if (x->tunnel && !e->type->many_streams) s->half = BROKEN; /* no framing shows it */
    e->type->abort(e, x, why);
}

/* What to do when a handler or the engine says no. */
void tc_session_break(tc_session *s, tc_exchange *x, tc_err err)
{
    tc_engine *e = tc_session_engine(s);
    if (s->env->engine.role == TC_SERVER && !x->began && tc_err_status(err)) {
        if (x->handler && x->handler->on_close) x->handler->on_close(x->self, x, err);
        x->handler = NULL;
        x->want = 0;
        x->paused = false; /* nobody is left to resume */
        give_back(s, x);
        x->ours = (tc_message){0}; /* what the handler had prepared is not for this answer */
        x->abort_reason = err;
        if (tc_err_reach(err) == TC_REACH_CONNECTION && !e->type->many_streams)
            e->type->drain(e); /* the last answer here; of many streams only one is spoiled */
        s->env->refuse(s->env, x, err);
    } else {
        give_up(s, x, err);
    }
}

static void continue_if_expected(tc_session *s, tc_exchange *x)
{
    if (!x->theirs.expects_continue || x->began || x->theirs_done || x->paused) return;
    if (x->want & TC_WANT_INFORM) return; /* after that one */
    x->theirs.expects_continue = false;
    if (tc_exchange_inform(x, 100, NULL) != TC_OK) tc_session_break(s, x, TC_ERR_SYSTEM);
}

/* failed: the handler has failed over what came before, and is not told. */
static void their_end(tc_session *s, tc_exchange *x, bool failed)
{
    const bool client = s->env->engine.role == TC_CLIENT;
    x->theirs_done = true;
    x->times.theirs_end = tc_loop_now(s->env->loop);
    tc_session_seen(s, client ? TC_SEEN_RESPONSE_END : TC_SEEN_REQUEST_END, x);
    if (!failed && x->handler && x->handler->on_end) {
        const tc_err err = x->handler->on_end(x->self, x);
        if (err) tc_session_break(s, x, err);
    }
}

/* A request for an https resource in clear text, say, or for a host that the link was not made for
 * (RFC 9110, 7.4). */
static tc_err misdirected(const tc_session *s, const tc_exchange *x)
{
    const tc_span ours = s->env->engine.scheme, theirs = x->theirs.scheme;
    const tc_link *l = s->link;
    if (x->theirs.method == TC_METHOD_CONNECT) return TC_OK; /* what it names is not to be here */
    if (theirs.at != ours.at && theirs.len && !tc_span_ieq(theirs, ours)) return TC_ERR_MISDIRECTED;
    if (l->type->stands_for && !l->type->stands_for(l, x->theirs.authority))
        return TC_ERR_MISDIRECTED_NAME;
    return TC_OK;
}

/* Unsafe, and perhaps a replay (RFC 8470, 3). */
static bool too_early(const tc_exchange *x)
{
    return !(tc_method_flags(x->theirs.method) & TC_METHOD_SAFE) && tc_exchange_early(x);
}

/* By its Content-Length: the route may allow more than usual. Its handler hears nothing then. */
static tc_err too_large(tc_session *s, tc_exchange *x)
{
    if (x->theirs.length <= 0 || (uint64_t)x->theirs.length <= x->content_most) return TC_OK;
    s->env->engine.reached->body_bytes++;
    x->handler = NULL;
    return TC_ERR_CONTENT_TOO_LARGE;
}

static void their_head(tc_session *s, const tc_event *ev)
{
    tc_exchange *x = ev->x;
    const bool client = s->env->engine.role == TC_CLIENT;
    x->times.theirs_head = tc_loop_now(s->env->loop);
    x->rate_mark = x->times.theirs_head;
    x->rate_bytes = x->wire_in;
    if (client) {
        tc_session_seen(s, TC_SEEN_RESPONSE_HEAD, x);
    } else {
        x->early = tc_session_early(s);
        if (s->link->type->proven) x->proven = s->link->type->proven(s->link);
        tc_session_adopt(s, x);
        tc_session_seen(s, TC_SEEN_REQUEST_HEAD, x);
    }
    tc_err err = ev->err;
    x->content_most = s->env->engine.limits->body_bytes;
    if (!err && !client) err = misdirected(s, x);
    if (!err && !client && too_early(x)) err = TC_ERR_TOO_EARLY;
    if (!err && !client) {
        s->env->route(s->env, x);
        err = too_large(s, x);
    }
    if (!err) err = x->handler->on_head(x->self, x);
    if (err) tc_session_break(s, x, err);
    if (ev->end)
        their_end(s, x, err != TC_OK);
    else if (!client)
        continue_if_expected(s, x);
    if (x->want) tc_session_do_wants(s, x);
}

static void their_data(tc_session *s, const tc_event *ev)
{
    tc_exchange *x = ev->x;
    tc_engine *e = tc_session_engine(s);
    const bool client = s->env->engine.role == TC_CLIENT;
    const uint64_t most = x->content_most;
    tc_err err = TC_OK;
    if (x->paused) {
        x->unseen = true;
        return;
    }
    x->content_in += ev->data.len;
    /* An answer that is whole already goes first: nobody reads the rest. */
    if (!client && !x->tunnel && !x->ended && x->content_in > most &&
        x->content_in - ev->data.len <= most) {
        s->env->engine.reached->body_bytes++;
        err = TC_ERR_CONTENT_TOO_LARGE;
    }
    if (client && tc_watched(s->env->watch, TC_SEEN_RESPONSE_DATA))
        tc_session_show(s, TC_SEEN_RESPONSE_DATA, x, TC_OK, ev->data, false);
    if (!err && x->handler && x->handler->on_data) err = x->handler->on_data(x->self, x, ev->data);
    if (err) tc_session_break(s, x, err);
    const bool partly = x->partly;
    x->partly = false;
    if (!err && partly && x->used < ev->data.len) {
        give_part_back(s, x, ev->data.len);
        return;
    }
    if (x->paused && !partly && !err)
        x->held += ev->data.len; /* given back when the handler resumes */
    else
        e->type->took(e, x, ev->data.len);
    if (ev->end) their_end(s, x, err != TC_OK);
    if (x->want) tc_session_do_wants(s, x);
}

void tc_session_apply(tc_session *s, const tc_event *ev)
{
    tc_exchange *x = ev->x;
    tc_err err = TC_OK;
    switch (ev->kind) {
    case TC_EV_HEAD:
        if (s->flags & DRAINING && s->env->engine.role == TC_SERVER)
            tc_session_engine(s)->type->drain(tc_session_engine(s)); /* it was idle till now */
        their_head(s, ev);
        return;
    case TC_EV_DATA: their_data(s, ev); return;
    case TC_EV_END: their_end(s, x, false); break;
    case TC_EV_PUSH: tc_session_take_promise(s, ev); break;
    case TC_EV_RESET:
        x->theirs_done = true;
        if (s->env->engine.role == TC_SERVER) tc_session_break(s, x, ev->err);
        break;
    case TC_EV_RELEASED:
        if (x->handler && x->handler->on_room && !x->ended) err = x->handler->on_room(x->self, x);
        if (err) tc_session_break(s, x, err);
        break;
    case TC_EV_CLOSED: tc_session_close_exchange(s, x, ev->err ? ev->err : x->abort_reason); return;
    case TC_EV_NOTE:
        if (tc_watched(s->env->watch, TC_SEEN_NOTE))
            tc_session_show(s, TC_SEEN_NOTE, x, TC_OK, ev->data, ev->ours);
        return;
    case TC_EV_FRAME:
        if (tc_watched(s->env->watch, TC_SEEN_FRAME)) tc_session_show_frame(s, ev->frame, ev->ours);
        return;
    case TC_EV_FAILED: s->why = ev->err; return;
    }
    if (x->want) tc_session_do_wants(s, x);
}

void tc_session_hand_over(tc_exchange *x)
{
    tc_session *s = x->session;
    tc_exchange_resume(x);
    tc_err err = too_large(s, x);
    if (!err) err = x->handler->on_head(x->self, x);
    if (!err && x->theirs_done && x->handler->on_end) err = x->handler->on_end(x->self, x);
    if (err) tc_session_break(s, x, err);
    wake(x);
}

/* --- wishes -------------------------------------------------------------------------------- */

/* A client takes only so many; 100 comes at most once. */
static bool may_inform(tc_session *s, tc_exchange *x)
{
    if (x->informational == 100 || x->informed < s->env->engine.limits->informational) return true;
    s->env->engine.reached->informational++;
    return false;
}

/* A 1xx response, and 100 behind it if it stood in its way. Without room it waits. */
static tc_err send_inform(tc_session *s, tc_exchange *x)
{
    tc_engine *e = tc_session_engine(s);
    const tc_fields fields = x->ours.fields;
    const uint16_t final = x->ours.status; /* may have been asked for meanwhile */
    tc_err err = TC_OK;
    while (!err && x->want & TC_WANT_INFORM) {
        if (may_inform(s, x)) {
            x->ours.status = x->informational;
            x->ours.fields = x->hints ? *x->hints : (tc_fields){0};
            err = e->type->head(e, x, false);
            if (!err) tc_session_seen(s, TC_SEEN_RESPONSE_HEAD, x);
            x->ours.status = final;
            x->ours.fields = fields;
            x->informed += err == TC_OK;
        }
        if (err) break;
        x->want &= ~(unsigned)TC_WANT_INFORM;
        continue_if_expected(s, x);
    }
    return err;
}

static tc_err send_head(tc_session *s, tc_exchange *x)
{
    tc_engine *e = tc_session_engine(s);
    const bool end = x->ended && x->run_count == 0 && x->ours.trailers.count == 0;
    x->want &= ~(unsigned)(end ? TC_WANT_HEAD | TC_WANT_END : TC_WANT_HEAD);
    x->times.ours_head = tc_loop_now(s->env->loop);
    const tc_err err = e->type->head(e, x, end);
    tc_session_seen(s, TC_SEEN_RESPONSE_HEAD, x);
    if (end) tc_session_seen(s, TC_SEEN_RESPONSE_END, x);
    return err;
}

static void our_end(tc_session *s, tc_exchange *x)
{
    x->want &= ~(unsigned)TC_WANT_END;
    if (s->env->engine.role == TC_SERVER) tc_session_seen(s, TC_SEEN_RESPONSE_END, x);
}

/* The runs that wait, and the end with the last of them. What does not fit stays queued. */
static tc_err send_runs(tc_session *s, tc_exchange *x)
{
    tc_engine *e = tc_session_engine(s);
    const uint8_t count = x->run_count;
    for (uint8_t i = 0; i < count; i++) {
        const bool end = x->ended && i + 1 == count;
        const tc_err err = e->type->body(e, x, x->runs[i], end);
        if (err == TC_ERR_FULL) {
            memmove(x->runs, x->runs + i, (size_t)(count - i) * sizeof *x->runs);
            x->run_count = (uint8_t)(count - i);
            return TC_OK;
        }
        if (err) return err;
        x->content_out += x->runs[i].len;
        if (end) our_end(s, x);
    }
    x->run_count = 0;
    x->want &= ~(unsigned)TC_WANT_BODY;
    return TC_OK;
}

void tc_session_do_wants(tc_session *s, tc_exchange *x)
{
    tc_engine *e = tc_session_engine(s);
    tc_err err = TC_OK;
    if (x->want & TC_WANT_ABORT) {
        x->want = 0;
        give_up(s, x, x->abort_reason);
        return;
    }
    if (x->want & TC_WANT_RESUME) {
        x->want &= ~(unsigned)TC_WANT_RESUME;
        x->rate_mark = tc_loop_now(s->env->loop);
        x->rate_bytes = x->wire_in;
        give_back(s, x);
        continue_if_expected(s, x);
    }
    if (x->want & TC_WANT_INFORM) err = send_inform(s, x);
    if (err == TC_ERR_FULL) return; /* nothing overtakes it */
    if (!err && x->want & TC_WANT_HEAD && s->env->answering) s->env->answering(s->env, x);
    if (!err && x->want & TC_WANT_PUSH) tc_session_push(s, x);
    if (!err && x->want & TC_WANT_HEAD) err = send_head(s, x);
    if (!err && x->want & TC_WANT_BODY) err = send_runs(s, x);
    if (!err && x->want & TC_WANT_END && x->run_count == 0) {
        err = e->type->body(e, x, (tc_run){0}, true);
        if (err == TC_ERR_FULL) return;
        if (!err) our_end(s, x);
    }
    if (err) {
        x->want = 0;
        give_up(s, x, err);
    }
}
