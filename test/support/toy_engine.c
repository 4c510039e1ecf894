/* toy_engine.c - see toy_engine.h. */
// SPDX-License-Identifier: MIT
#include "support/toy_engine.h"

#include <assert.h>

enum { STREAMS = 2, HEAD = 4, RUNS = 16, FRAME_MAX = 60000 };

typedef struct toy {
    tc_engine engine; /* first */
    tc_exchange *x[STREAMS];
    tc_span in;
    size_t taken;
    int64_t now;
    tc_exchange *lent; /* whose content was given and not taken; what follows waits behind it */
    size_t offered;
    uint8_t turn; /* whose output is next */
    bool fin, draining, close_told, again;
} toy;

/* Of an exchange; in its arena. */
typedef struct toy_stream {
    tc_run out[RUNS]; /* a frame's head, its payload, ... */
    uint8_t count, sid;
    bool ours_ended, theirs_ended, released;
    tc_err broken;
} toy_stream;

static toy *toy_of(tc_engine *e)
{
    return (toy *)e;
}

static void toy_init(tc_engine *e, tc_engine_env *env)
{
    *toy_of(e) = (toy){.engine = {&toy_engine_type, env}};
}

static void toy_fini(tc_engine *e)
{
    (void)e;
}

static void toy_feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    toy *t = toy_of(e);
    assert(sid == 0);
    t->in = in;
    t->taken = 0;
    t->now = now;
    t->fin = t->fin || fin;
}

static size_t toy_fed(tc_engine *e)
{
    toy *t = toy_of(e);
    t->in = (tc_span){0};
    return t->taken;
}

static toy_stream *begin(tc_exchange *x, uint8_t sid)
{
    toy_stream *s = tc_arena_alloc(&x->arena, sizeof *s);
    if (!s) return NULL;
    *s = (toy_stream){.sid = sid};
    x->stream = s;
    x->theirs.version = TC_HTTP_NONE;
    return s;
}

static tc_exchange *new_request(toy *t, uint8_t sid)
{
    tc_exchange *x = tc_slab_get(t->engine.env->exchanges);
    if (!x) return NULL;
    tc_exchange_init(x, sid, t->engine.env->limits->exchange_bytes);
    x->times.begun = t->now;
    if (begin(x, sid)) return t->x[sid] = x;
    tc_exchange_fini(x);
    tc_slab_put(t->engine.env->exchanges, x);
    return NULL;
}

static tc_err read_head(toy *t, tc_exchange *x, tc_span payload)
{
    const tc_span head = tc_arena_copy(&x->arena, payload);
    tc_message *m = &x->theirs;
    if (!head.at) return TC_ERR_NO_MEMORY;
    m->length = TC_LENGTH_UNKNOWN;
    if (t->engine.env->role == TC_SERVER) {
        const size_t blank = tc_span_find(head, ' ');
        m->method_name = tc_span_first(head, blank);
        m->method = tc_method_of(m->method_name);
        m->scheme = t->engine.env->scheme;
        m->path = tc_span_from(head, blank + 1);
    } else {
        uint64_t status = 0;
        assert(tc_span_number(head, &status));
        m->status = (uint16_t)status;
    }
    return TC_OK;
}

static tc_span rest(const toy *t)
{
    return tc_span_from(t->in, t->taken);
}

static void take_lent(toy *t, size_t n)
{
    t->taken += n;
    t->offered -= n;
    if (t->offered == 0) t->lent = NULL;
}

static bool give_lent(toy *t, tc_event *ret)
{
    if (!t->again) return false;
    t->again = false;
    *ret = (tc_event){.kind = TC_EV_DATA, .x = t->lent, .data = tc_span_first(rest(t), t->offered)};
    return true;
}

/* Events that come of output, not of input. */
static bool pending(toy *t, tc_event *ret)
{
    for (int i = 0; i < STREAMS; i++) {
        tc_exchange *x = t->x[i];
        toy_stream *s = x ? x->stream : NULL;
        if (!s) continue;
        if (t->fin && rest(t).len == 0 && !s->theirs_ended) s->broken = TC_ERR_PEER_CLOSED;
        if (s->broken || (s->ours_ended && s->theirs_ended && s->count == 0)) {
            *ret = (tc_event){.kind = TC_EV_CLOSED, .x = x, .err = s->broken};
            t->x[i] = NULL;
            if (t->lent == x) take_lent(t, t->offered);
            return true;
        }
        if (s->released) {
            s->released = false;
            *ret = (tc_event){.kind = TC_EV_RELEASED, .x = x};
            return true;
        }
    }
    return false;
}

static bool toy_next(tc_engine *e, tc_event *ret)
{
    toy *t = toy_of(e);
    if (pending(t, ret)) return true;
    if (t->lent) return give_lent(t, ret);
    const tc_span in = rest(t);
    if (in.len < HEAD) return false;
    const uint8_t *b = (const uint8_t *)in.at;
    const size_t len = (size_t)b[2] << 8 | b[3];
    if (in.len < HEAD + len || b[0] >= STREAMS) return false;
    const tc_span payload = {in.at + HEAD, len};
    tc_exchange *x = t->x[b[0]];
    if (!x && b[1] == 'H' && e->env->role == TC_SERVER) {
        x = new_request(t, b[0]);
        if (!x) t->draining = true;
    }
    t->taken += HEAD;
    if (x && b[1] == 'D') {
        t->lent = x;
        t->offered = len;
        t->again = true;
        return give_lent(t, ret);
    }
    t->taken += len;
    if (!x) return toy_next(e, ret); /* it was broken off before */
    toy_stream *s = x->stream;
    *ret = (tc_event){.x = x, .data = payload};
    switch (b[1]) {
    case 'H':
        ret->err = read_head(t, x, payload);
        if (ret->err) s->theirs_ended = ret->end = true;
        ret->kind = TC_EV_HEAD;
        return true;
    case 'E':
        s->theirs_ended = true;
        ret->kind = TC_EV_END;
        return true;
    default:
        s->theirs_ended = true;
        s->broken = TC_ERR_PEER_RESET;
        ret->kind = TC_EV_RESET;
        ret->err = TC_ERR_PEER_RESET;
        return true;
    }
}

static tc_err frame(tc_exchange *x, char kind, tc_run payload)
{
    toy_stream *s = x->stream;
    do {
        const size_t n = payload.len < FRAME_MAX ? payload.len : FRAME_MAX;
        if (s->count + 2 > RUNS) return TC_ERR_FULL;
        char *head = tc_arena_bytes(&x->arena, HEAD);
        if (!head) return TC_ERR_NO_MEMORY;
        head[0] = (char)s->sid;
        head[1] = kind;
        head[2] = (char)(n >> 8);
        head[3] = (char)n;
        s->out[s->count++] = tc_run_bytes((tc_span){head, HEAD});
        if (n) {
            tc_run part = payload;
            part.len = n;
            s->out[s->count++] = part;
        }
        payload.len -= n;
        payload.at = payload.at ? payload.at + n : NULL;
        payload.off += n;
    } while (payload.len);
    return TC_OK;
}

static tc_err end_frame(tc_exchange *x)
{
    const tc_err err = frame(x, 'E', (tc_run){0});
    if (!err) ((toy_stream *)x->stream)->ours_ended = true;
    return err;
}

static tc_err toy_head(tc_engine *e, tc_exchange *x, bool end)
{
    (void)e;
    const tc_span text = tc_arena_printf(&x->arena, "%u", (unsigned)x->ours.status);
    if (!text.at) return TC_ERR_NO_MEMORY;
    const tc_err err = frame(x, 'H', tc_run_bytes(text));
    return err || !end ? err : end_frame(x);
}

static tc_err toy_body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    const toy_stream *s = x->stream;
    (void)e;
    if (s->count + 2 * (1 + run.len / FRAME_MAX) + 2 > RUNS) return TC_ERR_FULL;
    const tc_err err = run.len ? frame(x, 'D', run) : TC_OK;
    return err || !end ? err : end_frame(x);
}

static tc_err toy_start(tc_engine *e, tc_exchange *x, bool end)
{
    toy *t = toy_of(e);
    uint8_t sid = 0;
    while (sid < STREAMS && t->x[sid])
        sid++;
    if (sid == STREAMS || t->draining) return TC_ERR_FULL;
    if (!begin(x, sid)) return TC_ERR_NO_MEMORY;
    t->x[sid] = x;
    const tc_span text = tc_arena_printf(
        &x->arena, "%.*s %.*s", TC_FMT(tc_method_name(x->ours.method)), TC_FMT(x->ours.path));
    const tc_err err = frame(x, 'H', tc_run_bytes(text));
    return err || !end ? err : end_frame(x);
}

static void toy_took(tc_engine *e, tc_exchange *x, size_t n)
{
    toy *t = toy_of(e);
    if (x != t->lent) return;
    t->again = n == 0;
    take_lent(t, n);
}

static void toy_abort(tc_engine *e, tc_exchange *x, tc_err why)
{
    toy_stream *s = x->stream;
    s->broken = why;
    toy_of(e)->draining = true; /* no frame says so: the connection does */
}

static size_t toy_output(tc_engine *e, uint64_t *ret_sid, tc_run *runs, size_t max, size_t budget,
                         bool *ret_fin)
{
    toy *t = toy_of(e);
    (void)budget;
    for (int tries = 0; tries < STREAMS; tries++) {
        const tc_exchange *x = t->x[t->turn];
        const toy_stream *s = x ? x->stream : NULL;
        if (s && s->count && !s->broken) {
            const size_t n = s->count < max ? s->count : max;
            memcpy(runs, s->out, n * sizeof *runs);
            *ret_sid = 0;
            *ret_fin = false;
            return n;
        }
        t->turn = (uint8_t)((t->turn + 1) % STREAMS);
    }
    return 0;
}

static void toy_wrote(tc_engine *e, uint64_t sid, size_t n)
{
    toy *t = toy_of(e);
    toy_stream *s = t->x[t->turn]->stream;
    uint8_t gone = 0;
    assert(sid == 0);
    for (; n; gone++) {
        tc_run *r = &s->out[gone];
        if (n < r->len) {
            r->len -= n;
            r->at = r->at ? r->at + n : NULL;
            r->off += n;
            break;
        }
        n -= r->len;
    }
    s->count = (uint8_t)(s->count - gone);
    memmove(s->out, s->out + gone, s->count * sizeof *s->out);
    if (s->count) return;
    s->released = !s->ours_ended;
    t->turn = (uint8_t)((t->turn + 1) % STREAMS);
}

static void toy_acked(tc_engine *e, uint64_t sid, size_t n)
{
    (void)e;
    (void)sid;
    (void)n;
}

static bool toy_idle(const tc_engine *e)
{
    const toy *t = (const toy *)e;
    return !t->x[0] && !t->x[1];
}

static bool toy_order(tc_engine *e, tc_order *ret)
{
    toy *t = toy_of(e);
    if (!(t->draining || t->fin) || !toy_idle(e) || t->close_told) return false;
    t->close_told = true;
    *ret = (tc_order){.kind = TC_ORDER_CLOSE};
    return true;
}

static int64_t toy_deadline(const tc_engine *e)
{
    (void)e;
    return TC_NEVER;
}

static void toy_tick(tc_engine *e, int64_t now)
{
    (void)e;
    (void)now;
}

static void toy_drain(tc_engine *e)
{
    toy_of(e)->draining = true;
}

static bool toy_wants_input(const tc_engine *e)
{
    return !((const toy *)e)->lent;
}

const tc_engine_type toy_engine_type = {
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
    .deadline = toy_deadline,
    .tick = toy_tick,
    .drain = toy_drain,
    .idle = toy_idle,
    .wants_input = toy_wants_input,
};
