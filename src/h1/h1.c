/* h1.c - the machine of HTTP/1.x: turns phases into events, and says when the connection ends.
 *
 * read.c and content.c move the phase on as bytes arrive, response.c and request.c fill the queue;
 * here it is decided what is said about it and in which order. */
// SPDX-License-Identifier: MIT
#include "h1/h1.h"

#include <assert.h>

#include "base/clock.h"
#include "h1/state.h"

/* What one step of next came to. */
enum step { WAIT, AGAIN, EVENT };

static tc_h1 *h1_of(tc_engine *e)
{
    return (tc_h1 *)e;
}

static void init(tc_engine *e, tc_engine_env *env)
{
    tc_h1 *h = h1_of(e);
    *h = (tc_h1){.engine = {&tc_h1_type, env}};
}

static void fini(tc_engine *e)
{
    tc_h1 *h = h1_of(e);
    const bool told = h->phase > TC_H1_HEAD_READY || !tc_h1_is_server(h);
    if (h->x && !told) {
        tc_exchange_fini(h->x);
        tc_slab_put(e->env->exchanges, h->x);
    }
    h->x = NULL;
}

static void feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    tc_h1 *h = h1_of(e);
    (void)sid; /* a connection is one stream */
    h->in = in;
    h->taken = 0;
    h->now = now;
    h->fin |= fin;
}

static size_t fed(tc_engine *e)
{
    tc_h1 *h = h1_of(e);
    h->in = (tc_span){0};
    if (h->x) tc_h1_stream_of(h->x)->note_theirs = (tc_span){0};
    return h->taken;
}

static void close_connection(tc_h1 *h, bool linger)
{
    h->closing = true;
    h->linger = linger;
}

/* The last event of an exchange. */
static enum step close_exchange(tc_h1 *h, tc_event *ev)
{
    const tc_h1_stream *s = tc_h1_stream_of(h->x);
    const bool server = tc_h1_is_server(h);
    bool persist = !s->close && !s->aborted;
    if (!server) { /* whoever asks in HTTP/1.0 must be told that the connection stays */
        const bool old = h->x->ours.version == TC_HTTP_1_0;
        persist = persist && s->body != TC_H1_UNTIL_CLOSE && s->body != TC_H1_TUNNEL &&
                  tc_h1_facts_persist(&s->facts, old ? TC_HTTP_1_0 : h->x->theirs.version);
    }
    if (!persist || h->draining)
        close_connection(h, server && !s->aborted && !h->fin &&
                                (s->unread || h->draining || h->in.len > 0));
    ev->kind = TC_EV_CLOSED;
    ev->err = s->broken;
    h->x = NULL;
    h->phase = TC_H1_START;
    h->begun = 0;
    h->skipped = h->late = false;
    return EVENT;
}

/* A final response has come: what was not sent of the request is not sent any more. */
static void stop_sending(tc_h1_stream *s, enum tc_method asked)
{
    const bool none = asked == TC_METHOD_CONNECT; /* there was nothing but the head */
    if ((s->ended || none) && s->queue.written == s->queue.queued) {
        s->ended = true;
        return;
    }
    tc_run_queue_stop(&s->queue);
    s->ended = s->stopped = s->close = true;
}

static enum step give_head(tc_h1 *h, tc_event *ev)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    const unsigned status = h->x->theirs.status;
    const bool interim = !tc_h1_is_server(h) && status < 200;
    h->begun = 0;
    tc_h1_facts_strip(&s->facts, &h->x->theirs.fields);
    ev->kind = TC_EV_HEAD;
    ev->err = s->broken;
    ev->end = !interim && (s->broken || s->body == TC_H1_NO_BODY);
    if (s->broken) {
        s->close = s->unread = true;
        h->phase = TC_H1_DEAF;
    } else if (interim) {
        h->phase = TC_H1_START;
    } else {
        h->phase = ev->end ? TC_H1_DONE : TC_H1_CONTENT;
        if (tc_h1_is_server(h)) return EVENT;
        h->x->tunnel = s->body == TC_H1_TUNNEL;
        if (!h->x->tunnel) stop_sending(s, h->x->ours.method);
    }
    return EVENT;
}

static enum step give_break(tc_h1 *h, tc_event *ev)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    ev->kind = TC_EV_RESET;
    ev->err = s->broken;
    s->close = s->unread = true;
    s->aborted = !tc_h1_is_server(h);
    h->begun = 0;
    h->phase = TC_H1_DEAF;
    return EVENT;
}

static enum step give_content(tc_h1 *h, tc_event *ev)
{
    if (!tc_h1_read_content(h, &ev->data, &ev->end)) return WAIT;
    ev->kind = TC_EV_DATA;
    return ev->data.len > 0 ? EVENT : AGAIN;
}

/* The first line of *lines, as a NOTE. */
static enum step give_line(tc_span *lines, tc_event *ev)
{
    const size_t end = tc_span_find(*lines, '\n');
    ev->data = tc_span_take(lines, end + 1);
    ev->data.len -= 2;
    ev->kind = TC_EV_NOTE;
    ev->ours = true;
    return EVENT;
}

static enum step deaf(tc_h1 *h)
{
    tc_h1_take(h, h->in.len);
    return WAIT;
}

/* Our answer is whole, the request is not: its rest is read and thrown away, within limits, to keep
 * the connection. One that is being drained only lingers. */
static enum step read_rest(tc_h1 *h)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    switch ((enum tc_h1_phase)h->phase) {
    case TC_H1_CONTENT:
        if (s->offered > 0 && s->offered <= h->in.len) { /* it was given, it is not unread */
            tc_h1_take_content(h, s->offered);
            s->offered = 0;
            return AGAIN;
        }
        if (!s->unread && !h->draining) return tc_h1_swallow(h) ? AGAIN : WAIT;
        break;
    case TC_H1_TRAILERS: return tc_h1_read_trailers(h) ? AGAIN : WAIT;
    case TC_H1_END_READY: h->phase = TC_H1_DONE; return AGAIN;
    case TC_H1_START:
    case TC_H1_FIELDS:
    case TC_H1_HEAD_READY:
    case TC_H1_BREAK_READY:
    case TC_H1_DONE:
    case TC_H1_DEAF: break;
    }
    s->close = s->unread = true;
    h->phase = TC_H1_DEAF;
    return AGAIN;
}

static enum step read_on(tc_h1 *h, tc_event *ev)
{
    switch ((enum tc_h1_phase)h->phase) {
    case TC_H1_START:
    case TC_H1_FIELDS: return tc_h1_read_head(h) ? AGAIN : WAIT;
    case TC_H1_HEAD_READY: return give_head(h, ev);
    case TC_H1_CONTENT: return give_content(h, ev);
    case TC_H1_TRAILERS: return tc_h1_read_trailers(h) ? AGAIN : WAIT;
    case TC_H1_END_READY:
        h->phase = TC_H1_DONE;
        ev->kind = TC_EV_END;
        return EVENT;
    case TC_H1_BREAK_READY: return give_break(h, ev);
    case TC_H1_DONE: return WAIT;
    case TC_H1_DEAF: return deaf(h);
    }
    return WAIT;
}

static enum step next_of_exchange(tc_h1 *h, tc_event *ev)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    const bool acked = s->queue.acked == s->queue.queued;
    if (s->note_theirs.at) {
        ev->kind = TC_EV_NOTE;
        ev->data = s->note_theirs;
        s->note_theirs = (tc_span){0};
        return EVENT;
    }
    if (s->note_ours.len > 0) return give_line(&s->note_ours, ev);
    if (s->aborted) return close_exchange(h, ev);
    if (s->ended && acked && (h->phase == TC_H1_DONE || h->phase == TC_H1_DEAF))
        return close_exchange(h, ev);
    if (s->lent && acked && !s->ended) {
        s->lent = false;
        ev->kind = TC_EV_RELEASED;
        return EVENT;
    }
    if (s->ended && tc_h1_is_server(h) && !h->x->tunnel && h->phase != TC_H1_DONE &&
        h->phase != TC_H1_DEAF)
        return read_rest(h);
    return read_on(h, ev);
}

/* No exchange is under way. */
static enum step next_of_connection(tc_h1 *h, tc_event *ev)
{
    if (h->failed) {
        ev->kind = TC_EV_FAILED;
        ev->err = (tc_err)h->failed;
        h->failed = TC_OK;
        return EVENT;
    }
    if (h->closing) return deaf(h);
    if (!tc_h1_is_server(h)) {
        if (h->in.len > 0) h->failed = TC_ERR_UNASKED;
        if (h->in.len == 0 && !h->fin && !h->draining) return WAIT;
        close_connection(h, false);
        return AGAIN;
    }
    if (h->begun == 0 && (h->draining || (h->fin && h->in.len == 0))) {
        close_connection(h, false);
        return AGAIN;
    }
    return tc_h1_read_head(h) ? AGAIN : WAIT;
}

static bool next(tc_engine *e, tc_event *ret_event)
{
    tc_h1 *h = h1_of(e);
    tc_event ev = {0};
    enum step step;
    do {
        ev.x = h->x;
        step = h->x ? next_of_exchange(h, &ev) : next_of_connection(h, &ev);
    } while (step == AGAIN);
    if (step == EVENT) *ret_event = ev;
    return step == EVENT;
}

static tc_err start(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h1 *h = h1_of(e);
    assert(!tc_h1_is_server(h));
    if (h->closing || h->fin || h->draining) return TC_ERR_SESSION_ENDED;
    if (h->x) return TC_ERR_FULL;
    tc_err err = tc_h1_begin(h, x);
    if (!err) err = tc_h1_write_request(h, x, end);
    if (err) h->x = NULL;
    return err;
}

static tc_err head(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h1 *h = h1_of(e);
    assert(tc_h1_is_server(h) && x == h->x);
    return tc_h1_write_response(h, x, end);
}

static tc_err body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    const tc_h1 *h = h1_of(e);
    assert(x == h->x);
    return tc_h1_write_body(h, x, run, end);
}

static void took(tc_engine *e, tc_exchange *x, size_t n)
{
    tc_h1 *h = h1_of(e);
    if (x != h->x) return;
    tc_h1_stream *s = tc_h1_stream_of(x);
    if (n == 0) s->offered = 0;
    if (n == 0 || n > s->offered || h->phase != TC_H1_CONTENT)
        return; /* it was thrown away meanwhile */
    assert(n <= h->in.len);
    s->offered -= n;
    tc_h1_take_content(h, n);
}

static void abort_exchange(tc_engine *e, tc_exchange *x, tc_err why)
{
    tc_h1 *h = h1_of(e);
    if (x != h->x) return;
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_run_queue_stop(&s->queue);
    s->aborted = true;
    s->broken = why;
    h->phase = TC_H1_DEAF;
}

static size_t output(tc_engine *e, uint64_t *ret_sid, tc_run *ret_runs, size_t max, size_t budget,
                     bool *ret_fin)
{
    const tc_h1 *h = h1_of(e);
    *ret_sid = 0;
    *ret_fin = false;
    if (!h->x) return 0;
    const tc_h1_stream *s = tc_h1_stream_of(h->x);
    const size_t count = tc_run_queue_output(&s->queue, ret_runs, max, budget);
    if (!h->x->tunnel || !s->ended || s->fin_sent || s->aborted) return count;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += ret_runs[i].len;
    *ret_fin = s->queue.written + total == s->queue.queued;
    if (count > 0) return count;
    ret_runs[0] = tc_run_bytes((tc_span){0}); /* nothing is left but the end */
    return 1;
}

static void wrote(tc_engine *e, uint64_t sid, size_t n)
{
    const tc_h1 *h = h1_of(e);
    (void)sid;
    if (!h->x) return;
    h->x->wire_out += n;
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    tc_run_queue_wrote(&s->queue, n);
    s->fin_sent = h->x->tunnel && s->ended && s->queue.written == s->queue.queued;
    h->x->whole = s->ended && !s->stopped && s->queue.written == s->queue.queued;
}

static void acked(tc_engine *e, uint64_t sid, size_t n)
{
    const tc_h1 *h = h1_of(e);
    (void)sid;
    if (h->x) tc_run_queue_acked(&tc_h1_stream_of(h->x)->queue, n);
}

static bool order(tc_engine *e, tc_order *ret_order)
{
    tc_h1 *h = h1_of(e);
    if (!h->closing || h->ordered || h->x) return false;
    h->ordered = true;
    *ret_order = (tc_order){.kind = TC_ORDER_CLOSE, .linger = h->linger};
    return true;
}

static int64_t deadline(const tc_engine *e)
{
    const tc_h1 *h = (const tc_h1 *)e;
    const uint64_t ms = tc_h1_limits(h)->header_ms;
    if (h->begun == 0 || h->late || !tc_h1_is_server(h)) return TC_NEVER;
    return ms < INT32_MAX ? h->begun + (int64_t)ms * TC_MS : TC_NEVER;
}

static void tick(tc_engine *e, int64_t now)
{
    tc_h1 *h = h1_of(e);
    h->late |= now >= deadline(e);
    h->now = now;
}

static void drain(tc_engine *e)
{
    tc_h1 *h = h1_of(e);
    h->draining = true;
    if (!h->x && h->begun == 0 && !h->closing) close_connection(h, false);
}

static bool idle(const tc_engine *e)
{
    const tc_h1 *h = (const tc_h1 *)e;
    return !h->x && h->begun == 0;
}

static bool wants_input(const tc_engine *e)
{
    const tc_h1 *h = (const tc_h1 *)e;
    if (h->closing) return false;
    if (!h->x) return true;
    const tc_h1_stream *s = tc_h1_stream_of(h->x);
    if (s->offered > 0 || (s->body == TC_H1_TUNNEL && !h->x->tunnel && h->phase == TC_H1_CONTENT))
        return false;
    return !tc_h1_is_server(h) || (h->phase != TC_H1_DONE && h->phase != TC_H1_DEAF);
}

const tc_engine_type tc_h1_type = {
    .name = "h1",
    .version = TC_HTTP_1_1,
    .whole_target = true,
    .size = sizeof(tc_h1),
    .init = init,
    .fini = fini,
    .feed = feed,
    .next = next,
    .fed = fed,
    .start = start,
    .head = head,
    .body = body,
    .took = took,
    .abort = abort_exchange,
    .output = output,
    .wrote = wrote,
    .acked = acked,
    .order = order,
    .deadline = deadline,
    .tick = tick,
    .drain = drain,
    .idle = idle,
    .wants_input = wants_input,
};
