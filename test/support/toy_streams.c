/* toy_streams.c - see toy_streams.h. */
// SPDX-License-Identifier: MIT
#include "support/toy_streams.h"

#include <assert.h>
#include <stdlib.h>

#include "http/run_queue.h"

enum { STREAMS = 100, CANCELLED = 0x10c, GREETING = 4 };

typedef struct stream {
    uint64_t sid;
    tc_exchange *x;
    tc_run_queue out;
    size_t offered;  /* content given and not yet given back */
    size_t consumed; /* given back outside of a loan: taken with the next one */
    bool headed, again, ours_ended, fin_written, theirs_ended, released;
    bool reset_due, stop_due, closed;
    tc_err broken;
} stream;

typedef struct inner {
    stream *at[STREAMS];
    int64_t now;
    uint64_t next_sid, uni, lent_sid;
    tc_span in;
    size_t taken;
    bool fin, lent;
    bool asked_uni, has_uni, uni_blocked, draining, close_told;
    uint8_t greeted;
    tc_exchange *held; /* a request without memory to go on */
} inner;

typedef struct toy {
    tc_engine engine; /* first */
    inner *t;
} toy;

static inner *of(const tc_engine *e)
{
    return ((const toy *)(const void *)e)->t;
}

static void toy_init(tc_engine *e, tc_engine_env *env)
{
    toy *t = (toy *)(void *)e;
    *t = (toy){.engine = {&toy_streams_type, env}, .t = calloc(1, sizeof *t->t)};
    if (!t->t) abort();
}

static stream **slot(inner *t, uint64_t sid)
{
    for (int i = 0; i < STREAMS; i++)
        if (t->at[i] && t->at[i]->sid == sid) return &t->at[i];
    return NULL;
}

static void toy_fini(tc_engine *e)
{
    inner *t = of(e);
    for (int i = 0; i < STREAMS; i++) {
        stream *s = t->at[i];
        if (s && s->x && !s->headed && e->env->role == TC_SERVER) {
            tc_exchange_fini(s->x);
            tc_slab_put(e->env->exchanges, s->x);
        }
        free(s);
    }
    free(t);
}

static stream *add(inner *t, uint64_t sid, tc_exchange *x)
{
    for (int i = 0; i < STREAMS; i++) {
        if (t->at[i]) continue;
        stream *s = calloc(1, sizeof *s);
        if (!s) abort();
        s->sid = sid;
        s->x = x;
        tc_run_queue_init(&s->out);
        x->stream = s;
        x->theirs.version = TC_HTTP_NONE;
        return t->at[i] = s;
    }
    return NULL;
}

/* --- input --------------------------------------------------------------------------------- */

static void toy_feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    inner *t = of(e);
    assert(!t->lent);
    t->now = now;
    t->lent = true;
    t->lent_sid = sid;
    t->in = in;
    t->taken = 0;
    t->fin = fin;
    if (sid & 2) {
        for (; t->taken < in.len; t->taken++)
            if (t->greeted >= GREETING || in.at[t->taken] != "toy\n"[t->greeted++]) abort();
        return;
    }
    if (slot(t, sid) || e->env->role == TC_CLIENT) return;
    tc_exchange *x = tc_slab_get(e->env->exchanges);
    if (!x) {
        t->draining = true; /* nothing says so for one stream: the connection does */
        return;
    }
    tc_exchange_init(x, sid, e->env->limits->exchange_bytes);
    x->times.begun = now;
    if (!add(t, sid, x)) abort();
}

static tc_span rest(const inner *t)
{
    return tc_span_from(t->in, t->taken);
}

static size_t toy_fed(tc_engine *e)
{
    inner *t = of(e);
    assert(t->lent);
    t->lent = false;
    t->in = (tc_span){0};
    return t->taken;
}

static tc_err read_head(tc_engine *e, stream *s, tc_span line)
{
    tc_exchange *x = s->x;
    tc_message *m = &x->theirs;
    const tc_span head = tc_arena_copy(&x->arena, line);
    if (!head.at) return TC_ERR_NO_MEMORY;
    m->length = TC_LENGTH_UNKNOWN;
    if (e->env->role == TC_SERVER) {
        const size_t blank = tc_span_find(head, ' ');
        m->method_name = tc_span_first(head, blank);
        m->method = tc_method_of(m->method_name);
        m->scheme = e->env->scheme;
        m->path = tc_span_from(head, blank + 1);
    } else {
        uint64_t status = 0;
        if (!tc_span_number(head, &status)) abort();
        m->status = (uint16_t)status;
    }
    return TC_OK;
}

/* What the loan under way says, of the stream it is of. */
static bool next_of_loan(tc_engine *e, tc_event *ret)
{
    inner *t = of(e);
    stream **at = t->lent && !(t->lent_sid & 2) ? slot(t, t->lent_sid) : NULL;
    stream *s = at ? *at : NULL;
    if (t->lent && !s) t->taken = t->in.len; /* it is over */
    if (!s || s->broken || s->theirs_ended) return false;
    const size_t skip = s->consumed < rest(t).len ? s->consumed : rest(t).len;
    s->consumed -= skip;
    t->taken += skip;
    const tc_span in = rest(t);
    if (!s->headed) {
        const size_t end = tc_span_find(in, '\n');
        if (end == in.len) return false;
        t->taken += end + 1;
        s->headed = true;
        s->x->wire_in += end + 1;
        *ret = (tc_event){.kind = TC_EV_HEAD, .x = s->x};
        ret->err = read_head(e, s, tc_span_first(in, end));
        return true;
    }
    if (s->offered && !s->again) return false;
    if (in.len) {
        s->again = false;
        s->offered = in.len;
        s->x->wire_in += in.len;
        *ret = (tc_event){.kind = TC_EV_DATA, .x = s->x, .data = in};
        return true;
    }
    if (!t->fin) return false;
    s->theirs_ended = true;
    *ret = (tc_event){.kind = TC_EV_END, .x = s->x};
    return true;
}

static bool done(const stream *s)
{
    const bool sent = s->out.acked == s->out.queued && s->ours_ended && s->fin_written;
    return s->broken ? !s->reset_due && !s->stop_due : sent && s->theirs_ended;
}

static bool toy_next(tc_engine *e, tc_event *ret)
{
    inner *t = of(e);
    for (int i = 0; i < STREAMS; i++) {
        stream *s = t->at[i];
        if (!s) continue;
        if (s->released && !s->ours_ended && !s->broken) {
            s->released = false;
            *ret = (tc_event){.kind = TC_EV_RELEASED, .x = s->x};
            return true;
        }
        if (!done(s)) continue;
        *ret = (tc_event){.kind = TC_EV_CLOSED, .x = s->x, .err = s->broken};
        t->at[i] = NULL;
        const bool seen = s->headed || e->env->role == TC_CLIENT;
        tc_exchange *x = s->x;
        free(s);
        if (seen) return true;
        tc_exchange_fini(x);
        tc_slab_put(e->env->exchanges, x);
    }
    return next_of_loan(e, ret);
}

static void toy_took(tc_engine *e, tc_exchange *x, size_t n)
{
    inner *t = of(e);
    stream *s = x->stream;
    s->again = n == 0;
    s->offered -= n;
    if (t->lent && t->lent_sid == s->sid)
        t->taken += n;
    else
        s->consumed += n;
}

/* --- output -------------------------------------------------------------------------------- */

static tc_err line(stream *s, tc_span text, bool end)
{
    if (!text.at) return TC_ERR_NO_MEMORY;
    tc_run_queue_add(&s->out, tc_run_bytes(text));
    s->ours_ended = end;
    return TC_OK;
}

static tc_err toy_head(tc_engine *e, tc_exchange *x, bool end)
{
    (void)e;
    return line(x->stream, tc_arena_printf(&x->arena, "%u\n", (unsigned)x->ours.status), end);
}

static tc_err toy_body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    stream *s = x->stream;
    (void)e;
    if (!tc_run_queue_room(&s->out)) return TC_ERR_FULL;
    tc_run_queue_add(&s->out, run);
    s->ours_ended |= end;
    return TC_OK;
}

static tc_err toy_start(tc_engine *e, tc_exchange *x, bool end)
{
    inner *t = of(e);
    stream *s = t->draining ? NULL : add(t, t->next_sid, x);
    if (!s) return TC_ERR_FULL;
    t->next_sid += 4;
    return line(s,
                tc_arena_printf(&x->arena, "%.*s %.*s\n", TC_FMT(tc_method_name(x->ours.method)),
                                TC_FMT(x->ours.path)),
                end);
}

static void toy_abort(tc_engine *e, tc_exchange *x, tc_err why)
{
    stream *s = x->stream;
    (void)e;
    if (s->broken) return;
    s->broken = why;
    s->reset_due = s->stop_due = true;
}

static size_t toy_output(tc_engine *e, uint64_t *ret_sid, tc_run *runs, size_t max, size_t budget,
                         bool *ret_fin)
{
    inner *t = of(e);
    *ret_fin = false;
    if (t->has_uni && t->uni != UINT64_MAX && !t->uni_blocked) {
        *ret_sid = t->uni;
        runs[0] = tc_run_bytes(TC_SPAN("toy\n"));
        return 1;
    }
    for (int i = 0; i < STREAMS; i++) {
        stream *s = t->at[i];
        if (!s || s->broken || s->closed || s->fin_written) continue;
        size_t n = tc_run_queue_output(&s->out, runs, max, budget), total = 0;
        if (n == 0 && !s->ours_ended) continue;
        for (size_t j = 0; j < n; j++)
            total += runs[j].len;
        *ret_fin = s->ours_ended && s->out.written + total == s->out.queued;
        if (n == 0) runs[n++] = (tc_run){0};
        *ret_sid = s->sid;
        return n;
    }
    return 0;
}

static void toy_wrote(tc_engine *e, uint64_t sid, size_t n)
{
    inner *t = of(e);
    if (t->has_uni && sid == t->uni) {
        assert(n == GREETING);
        t->uni = UINT64_MAX;
        return;
    }
    stream *s = *slot(t, sid);
    tc_run_queue_wrote(&s->out, n);
    s->x->wire_out += n;
    if (s->ours_ended && s->out.written == s->out.queued) s->fin_written = s->x->whole = true;
}

static void toy_acked(tc_engine *e, uint64_t sid, size_t n)
{
    stream **at = slot(of(e), sid);
    if (!at) return;
    stream *s = *at;
    tc_run_queue_acked(&s->out, n);
    s->released = s->out.acked == s->out.queued;
}

static bool toy_order(tc_engine *e, tc_order *ret)
{
    inner *t = of(e);
    if (!t->asked_uni) {
        t->asked_uni = true;
        *ret = (tc_order){.kind = TC_ORDER_OPEN_UNI};
        return true;
    }
    bool any = false;
    for (int i = 0; i < STREAMS; i++) {
        stream *s = t->at[i];
        if (!s) continue;
        any = true;
        if (s->reset_due || s->stop_due) {
            *ret = (tc_order){.kind = s->reset_due ? TC_ORDER_RESET : TC_ORDER_STOP,
                              .sid = s->sid,
                              .n = CANCELLED};
            *(s->reset_due ? &s->reset_due : &s->stop_due) = false;
            return true;
        }
    }
    if (!t->draining || any || t->close_told) return false;
    t->close_told = true;
    *ret = (tc_order){.kind = TC_ORDER_CLOSE, .n = 0x100};
    return true;
}

static void toy_opened(tc_engine *e, uint64_t sid)
{
    of(e)->uni = sid;
    of(e)->has_uni = true;
}

static void toy_stopped(tc_engine *e, uint64_t sid, uint64_t code, bool ours)
{
    stream **at = slot(of(e), sid);
    (void)code;
    if (!at || (*at)->broken) return;
    (*at)->broken = TC_ERR_STREAM_RESET;
    (*at)->reset_due = true;
    (*at)->stop_due = ours;
}

static void toy_blocked(tc_engine *e, uint64_t sid, bool yes)
{
    inner *t = of(e);
    if (t->has_uni && sid == t->uni) t->uni_blocked = yes;
    stream **at = slot(t, sid);
    if (at) (*at)->closed = yes;
}

static int64_t toy_deadline(const tc_engine *e)
{
    (void)e;
    return TC_NEVER;
}

static void toy_tick(tc_engine *e, int64_t now)
{
    of(e)->now = now;
}

static void toy_drain(tc_engine *e)
{
    of(e)->draining = true;
}

static bool toy_idle(const tc_engine *e)
{
    const inner *t = of(e);
    for (int i = 0; i < STREAMS; i++)
        if (t->at[i]) return false;
    return true;
}

static bool toy_wants_input(const tc_engine *e)
{
    (void)e;
    return true;
}

const tc_engine_type toy_streams_type = {
    .name = "toy",
    .version = TC_HTTP_NONE,
    .many_streams = true,
    .size = sizeof(toy),
    .init = toy_init,
    .fini = toy_fini,
    .feed = toy_feed,
    .next = toy_next,
    .fed = toy_fed,
    .start = toy_start,
    .head = toy_head,
    .body = toy_body,
    .took = toy_took,
    .abort = toy_abort,
    .output = toy_output,
    .wrote = toy_wrote,
    .acked = toy_acked,
    .order = toy_order,
    .opened = toy_opened,
    .stopped = toy_stopped,
    .blocked = toy_blocked,
    .deadline = toy_deadline,
    .tick = toy_tick,
    .drain = toy_drain,
    .idle = toy_idle,
    .wants_input = toy_wants_input,
};
