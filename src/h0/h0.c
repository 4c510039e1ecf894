/* h0.c - see h0.h. What HTTP/0.9 was is told in RFC 1945, 4.1 and 5. */
// SPDX-License-Identifier: MIT
#include "h0/h0.h"

#include <assert.h>

#include "base/clock.h"
#include "http/run_queue.h"
#include "http/target.h"

enum { LINE_BYTES_MAX = 4096 };

/* What comes next. */
enum phase {
    LINE,       /* server: the request; client: the first byte of the answer */
    HEAD_READY, /* it is here, or will not come: say so */
    CONTENT,    /* client: until the end of input */
    BREAK_READY,
    DONE,
};

typedef struct tc_h0 {
    tc_engine engine;
    tc_span in;   /* lent and not yet taken */
    size_t taken; /* of this loan */
    int64_t now;
    int64_t begun;  /* when the first byte came; 0: not yet */
    tc_exchange *x; /* the only exchange */
    uint8_t phase;  /* enum phase */
    bool fin, late; /* no more input; the line's time is over */
    bool more;      /* input came that nobody asked for */
    bool closing, ordered, linger, used, draining;
    int16_t failed; /* tc_err of a FAILED to give */
    size_t offered; /* content in a DATA that was not taken yet */
} tc_h0;

_Static_assert(sizeof(tc_h0) <= 96, "fits the room of a session");

/* An exchange's part: x->stream. */
typedef struct stream {
    bool head_sent, ended, aborted, no_content, lent;
    tc_err broken;
    uint64_t body_left;  /* of a stated length */
    tc_span note_theirs; /* a line to be given as a NOTE; at NULL: none */
    tc_span note_ours;
    tc_run_queue queue;
} stream;

static tc_h0 *h0_of(tc_engine *e)
{
    return (tc_h0 *)e;
}

static bool is_server(const tc_h0 *h)
{
    return h->engine.env->role == TC_SERVER;
}

static void take(tc_h0 *h, size_t n)
{
    h->in = tc_span_from(h->in, n);
    h->taken += n;
    if (h->x) h->x->wire_in += n;
}

enum tc_h0_guess tc_h0_first_line(tc_span in)
{
    const tc_span get = TC_SPAN("GET /");
    if (!tc_span_starts(in, tc_span_first(get, in.len))) return TC_H0_NO;
    size_t end = get.len;
    while (end < in.len && in.at[end] > ' ' && in.at[end] < 0x7f)
        end++;
    if (end > LINE_BYTES_MAX) return TC_H0_NO;
    if (end >= in.len) return TC_H0_MORE;
    if (in.at[end] != '\r') return TC_H0_NO;
    if (end + 1 == in.len) return TC_H0_MORE;
    tc_target target;
    const tc_span path = tc_span_of(in.at + 4, end - 4);
    const bool good = in.at[end + 1] == '\n' && !tc_target_parse(TC_METHOD_GET, path, &target);
    return good ? TC_H0_YES : TC_H0_NO;
}

/* --- reading --- */

static tc_err begin(tc_h0 *h, tc_exchange *x)
{
    stream *s = tc_exchange_alloc(x, sizeof *s);
    if (!s) return TC_ERR_NO_MEMORY;
    memset(s, 0, offsetof(stream, queue));
    tc_run_queue_init(&s->queue);
    x->stream = s;
    h->x = x;
    h->used = true;
    return TC_OK;
}

static bool open_exchange(tc_h0 *h)
{
    tc_engine_env *env = h->engine.env;
    tc_exchange *x = tc_slab_get(env->exchanges);
    if (x) {
        tc_exchange_init(x, 1, (size_t)env->limits->exchange_bytes);
        if (begin(h, x) == TC_OK) {
            x->times.begun = h->begun;
            x->theirs.scheme = env->scheme;
            x->theirs.version = TC_HTTP_0_9;
            return true;
        }
        tc_exchange_fini(x);
        tc_slab_put(env->exchanges, x);
    }
    h->failed = TC_ERR_NO_MEMORY;
    h->closing = true;
    return false;
}

/* "GET /path" off the input and into the message. */
static tc_err take_line(tc_h0 *h, size_t len)
{
    tc_message *m = &h->x->theirs;
    const tc_span line = tc_arena_copy(&h->x->arena, tc_span_first(h->in, len));
    if (h->engine.env->notes & TC_NOTES_WORDS)
        ((stream *)h->x->stream)->note_theirs = tc_span_first(h->in, len);
    take(h, len + 2);
    if (!line.at) return TC_ERR_NO_MEMORY;
    m->method = TC_METHOD_GET;
    m->method_name = tc_span_first(line, 3);
    m->path = tc_span_from(line, 4);
    return TC_OK;
}

/* Whether there is something to say about the request line. */
static bool read_line(tc_h0 *h)
{
    tc_err err = TC_OK;
    tc_reached *reached = h->engine.env->reached;
    const enum tc_h0_guess guess = tc_h0_first_line(h->in);
    if (h->in.len == 0 && (h->fin || h->draining)) {
        h->closing = true;
        return true;
    }
    if (h->in.len > 0 && h->begun == 0) h->begun = h->now > 0 ? h->now : 1;
    if (h->late) {
        err = TC_ERR_HEADER_TIME;
        reached->header_ms++;
    } else if (guess == TC_H0_NO) {
        err = TC_ERR_NOT_09;
    } else if (guess == TC_H0_MORE) {
        if (!h->fin) return false;
        err = TC_ERR_HEAD_CUT;
    }
    if (!open_exchange(h)) return true;
    if (!err) err = take_line(h, tc_span_find(h->in, '\r'));
    ((stream *)h->x->stream)->broken = err;
    h->phase = HEAD_READY;
    return true;
}

/* Whether the answer's first byte is here, or will not come. */
static bool read_first(tc_h0 *h)
{
    stream *s = h->x->stream;
    if (h->in.len == 0 && !h->fin) return false;
    if (h->in.len > 0 && s->queue.written < s->queue.queued) {
        s->broken = TC_ERR_UNASKED;
        h->phase = BREAK_READY;
    } else if (h->in.len == 0) {
        s->broken = TC_ERR_EMPTY_REPLY;
        h->phase = BREAK_READY;
    } else {
        h->x->theirs.version = TC_HTTP_0_9;
        h->x->theirs.status = 200;
        h->x->theirs.length = TC_LENGTH_UNKNOWN;
        h->phase = HEAD_READY;
    }
    return true;
}

/* --- events --- */

enum step { WAIT, AGAIN, EVENT };

static enum step close_exchange(tc_h0 *h, tc_event *ev)
{
    const stream *s = h->x->stream;
    ev->kind = TC_EV_CLOSED;
    ev->err = s->broken;
    h->closing = true;
    h->linger = is_server(h) && !s->aborted && !h->fin && (h->more || h->in.len > 0 || s->broken);
    h->x = NULL;
    return EVENT;
}

static enum step give_head(tc_h0 *h, tc_event *ev)
{
    const stream *s = h->x->stream;
    ev->kind = TC_EV_HEAD;
    ev->err = s->broken;
    ev->end = is_server(h);
    h->begun = 0;
    h->phase = is_server(h) ? DONE : CONTENT;
    return EVENT;
}

static enum step give_content(tc_h0 *h, tc_event *ev)
{
    if (h->offered > 0) return WAIT;
    if (h->in.len == 0) {
        if (!h->fin) return WAIT;
        ev->kind = TC_EV_END;
        h->phase = DONE;
        return EVENT;
    }
    ev->kind = TC_EV_DATA;
    ev->data = h->in;
    h->offered = h->in.len;
    return EVENT;
}

static enum step give_break(tc_h0 *h, tc_event *ev)
{
    stream *s = h->x->stream;
    ev->kind = TC_EV_RESET;
    ev->err = s->broken;
    s->aborted = true;
    h->phase = DONE;
    return EVENT;
}

static enum step give_note(tc_span *line, bool ours, tc_event *ev)
{
    ev->kind = TC_EV_NOTE;
    ev->data = *line;
    ev->ours = ours;
    *line = (tc_span){0};
    return EVENT;
}

/* Whatever a client sends behind its line is no request. */
static enum step discard(tc_h0 *h)
{
    h->more |= h->in.len > 0;
    take(h, h->in.len);
    return WAIT;
}

static enum step next_of_exchange(tc_h0 *h, tc_event *ev)
{
    stream *s = h->x->stream;
    const bool acked = s->queue.acked == s->queue.queued;
    if (s->note_theirs.at) return give_note(&s->note_theirs, false, ev);
    if (s->note_ours.at) return give_note(&s->note_ours, true, ev);
    if (s->aborted || (s->ended && acked && h->phase == DONE)) return close_exchange(h, ev);
    if (s->lent && acked && !s->ended) {
        s->lent = false;
        ev->kind = TC_EV_RELEASED;
        return EVENT;
    }
    switch ((enum phase)h->phase) {
    case LINE: return read_first(h) ? AGAIN : WAIT;
    case HEAD_READY: return give_head(h, ev);
    case CONTENT: return give_content(h, ev);
    case BREAK_READY: return give_break(h, ev);
    case DONE: break;
    }
    return discard(h);
}

static enum step next_of_connection(tc_h0 *h, tc_event *ev)
{
    if (h->failed) {
        ev->kind = TC_EV_FAILED;
        ev->err = (tc_err)h->failed;
        h->failed = TC_OK;
        return EVENT;
    }
    if (h->closing) return discard(h);
    if (is_server(h)) return read_line(h) ? AGAIN : WAIT;
    if (h->in.len > 0) h->failed = TC_ERR_UNASKED;
    if (h->in.len == 0 && !h->fin && !h->draining) return WAIT;
    h->closing = true;
    return AGAIN;
}

static bool next(tc_engine *e, tc_event *ret_event)
{
    tc_h0 *h = h0_of(e);
    tc_event ev = {0};
    enum step step;
    do {
        ev.x = h->x;
        step = h->x ? next_of_exchange(h, &ev) : next_of_connection(h, &ev);
    } while (step == AGAIN);
    if (step == EVENT) *ret_event = ev;
    return step == EVENT;
}

/* --- the other calls of the contract --- */

static void init(tc_engine *e, tc_engine_env *env)
{
    *h0_of(e) = (tc_h0){.engine = {&tc_h0_type, env}};
}

static void fini(tc_engine *e)
{
    tc_h0 *h = h0_of(e);
    const bool told = h->phase > HEAD_READY || !is_server(h);
    if (h->x && !told) {
        tc_exchange_fini(h->x);
        tc_slab_put(e->env->exchanges, h->x);
    }
    h->x = NULL;
}

static void feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    tc_h0 *h = h0_of(e);
    (void)sid; /* a connection is one stream */
    h->in = in;
    h->taken = 0;
    h->now = now;
    h->fin |= fin;
}

static size_t fed(tc_engine *e)
{
    tc_h0 *h = h0_of(e);
    h->in = (tc_span){0};
    return h->taken;
}

static tc_err start(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h0 *h = h0_of(e);
    tc_target target;
    const tc_message *m = &x->ours;
    if (h->used || h->closing || h->fin || h->draining) return TC_ERR_SESSION_ENDED;
    if (m->method != TC_METHOD_GET || !end) return TC_ERR_NOT_SUPPORTED;
    if (m->path.len == 0 || m->path.at[0] != '/') return TC_ERR_TARGET;
    const tc_err err = tc_target_parse(m->method, m->path, &target);
    if (err) return err;
    const tc_span line = tc_arena_printf(&x->arena, "GET %.*s\r\n", TC_FMT(m->path));
    if (!line.at || begin(h, x)) return TC_ERR_NO_MEMORY;
    stream *s = x->stream;
    tc_run_queue_add(&s->queue, tc_run_bytes(line));
    if (e->env->notes & TC_NOTES_WORDS) s->note_ours = tc_span_first(line, line.len - 2);
    s->head_sent = s->ended = true;
    return TC_OK;
}

static tc_err head(tc_engine *e, tc_exchange *x, bool end)
{
    assert(x == h0_of(e)->x);
    (void)e;
    stream *s = x->stream;
    if (s->head_sent) return TC_ERR_HEAD_TWICE;
    if (x->ours.status < 200) return TC_OK;
    if (end && x->ours.length > 0) return TC_ERR_BODY_TOO_SHORT;
    s->head_sent = true;
    s->ended = end;
    s->no_content = tc_status_no_content(x->ours.status);
    s->body_left = x->ours.length >= 0 ? (uint64_t)x->ours.length : UINT64_MAX;
    return TC_OK;
}

static tc_err body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    assert(x == h0_of(e)->x);
    (void)e;
    stream *s = x->stream;
    if (s->aborted) return TC_OK;
    if (!s->head_sent) return TC_ERR_HEAD_MISSING;
    if (s->ended) return run.len > 0 ? TC_ERR_BODY_TOO_LONG : TC_OK;
    if (!s->no_content) {
        if (run.len > s->body_left) return TC_ERR_BODY_TOO_LONG;
        if (end && x->ours.length >= 0 && run.len < s->body_left) return TC_ERR_BODY_TOO_SHORT;
        if (run.len > 0 && tc_run_queue_room(&s->queue) == 0) return TC_ERR_FULL;
        s->body_left -= x->ours.length >= 0 ? run.len : 0;
        tc_run_queue_add(&s->queue, run);
    }
    s->lent |= run.len > 0;
    s->ended = end;
    return TC_OK;
}

static void took(tc_engine *e, tc_exchange *x, size_t n)
{
    tc_h0 *h = h0_of(e);
    if (x != h->x || n > h->offered) return;
    assert(n <= h->in.len);
    h->offered = n ? h->offered - n : 0;
    take(h, n);
}

static void abort_exchange(tc_engine *e, tc_exchange *x, tc_err why)
{
    tc_h0 *h = h0_of(e);
    if (x != h->x) return;
    stream *s = x->stream;
    tc_run_queue_stop(&s->queue);
    s->aborted = true;
    s->broken = why;
    h->phase = DONE;
}

static size_t output(tc_engine *e, uint64_t *ret_sid, tc_run *ret_runs, size_t max, size_t budget,
                     bool *ret_fin)
{
    const tc_h0 *h = h0_of(e);
    *ret_sid = 0;
    *ret_fin = false;
    if (!h->x) return 0;
    return tc_run_queue_output(&((stream *)h->x->stream)->queue, ret_runs, max, budget);
}

static void wrote(tc_engine *e, uint64_t sid, size_t n)
{
    const tc_h0 *h = h0_of(e);
    (void)sid;
    if (!h->x) return;
    h->x->wire_out += n;
    stream *s = h->x->stream;
    tc_run_queue_wrote(&s->queue, n);
    h->x->whole = s->ended && s->queue.written == s->queue.queued;
}

static void acked(tc_engine *e, uint64_t sid, size_t n)
{
    const tc_h0 *h = h0_of(e);
    (void)sid;
    if (h->x) tc_run_queue_acked(&((stream *)h->x->stream)->queue, n);
}

static bool order(tc_engine *e, tc_order *ret_order)
{
    tc_h0 *h = h0_of(e);
    if (!h->closing || h->ordered || h->x) return false;
    h->ordered = true;
    *ret_order = (tc_order){.kind = TC_ORDER_CLOSE, .linger = h->linger};
    return true;
}

static int64_t deadline(const tc_engine *e)
{
    const tc_h0 *h = (const tc_h0 *)e;
    const uint64_t ms = e->env->limits->header_ms;
    if (h->begun == 0 || h->late || !is_server(h)) return TC_NEVER;
    return ms < INT32_MAX ? h->begun + (int64_t)ms * TC_MS : TC_NEVER;
}

static void tick(tc_engine *e, int64_t now)
{
    tc_h0 *h = h0_of(e);
    h->late |= now >= deadline(e);
    h->now = now;
}

static void drain(tc_engine *e)
{
    tc_h0 *h = h0_of(e);
    h->draining = true;
    if (!h->x && h->begun == 0) h->closing = true;
}

static bool idle(const tc_engine *e)
{
    const tc_h0 *h = (const tc_h0 *)e;
    return !h->x && h->begun == 0;
}

static bool wants_input(const tc_engine *e)
{
    const tc_h0 *h = (const tc_h0 *)e;
    return !h->closing && h->offered == 0 && (h->phase == LINE || h->phase == CONTENT);
}

const tc_engine_type tc_h0_type = {
    .name = "h0",
    .version = TC_HTTP_0_9,
    .size = sizeof(tc_h0),
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
