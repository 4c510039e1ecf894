/* h3.c - the machine of HTTP/3 (RFC 9114): says what streams came to, and when the connection ends.
 *
 * A session's room holds only a pointer: a connection of many streams is worth an allocation.
 * Without memory for it the connection closes at once. */
// SPDX-License-Identifier: MIT
#include "h3/h3.h"

#include <assert.h>

#include "base/alloc.h"
#include "h3/state.h"

/* More requests than there can be: the first GOAWAY names it (5.2). */
#define LAST_REQUEST ((UINT64_C(1) << 62) - 4)

typedef struct engine {
    tc_engine engine;
    tc_h3 *c; /* NULL: there was no memory */
    bool closed;
} engine;

static tc_h3 *conn_of(const tc_engine *e)
{
    return ((const engine *)e)->c;
}

/* --- begin and end --------------------------------------------------------------------------- */

static uint32_t u32(uint64_t limit)
{
    return limit < INT32_MAX ? (uint32_t)limit : INT32_MAX;
}

/* A number that nobody defines, another one each time, said so that nobody comes to mind it (RFC
 * 9114, 7.2.4.1, 7.2.8): of those that take two bytes. */
static uint64_t grease(tc_engine_env *env)
{
    env->chance = env->chance * 6364136223846793005u + 1442695040888963407u;
    return 0x21 + 0x1f * (1 + (env->chance >> 33) % 526);
}

static void send_settings(tc_h3 *c)
{
    const tc_limits *l = c->env->limits;
    const struct {
        uint64_t number, value;
    } ours[] = {
        {tc_h3_setting_number(TC_H3_QPACK_MAX_TABLE_CAPACITY), u32(l->h3_table)},
        {tc_h3_setting_number(TC_H3_QPACK_BLOCKED_STREAMS), u32(l->h3_blocked)},
        {tc_h3_setting_number(TC_H3_MAX_FIELD_SECTION_SIZE), u32(l->fields_bytes)},
        {grease(c->env), grease(c->env)},
    };
    char payload[sizeof ours / sizeof *ours * TC_H3_FRAME_HEAD], *end = payload;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        end = tc_h3_varint_put(tc_h3_varint_put(end, ours[i].number), ours[i].value);
    tc_h3_control_frame(c, TC_H3_SETTINGS, tc_span_of(payload, (size_t)(end - payload)));
    tc_h3_control_frame(c, grease(c->env), (tc_span){0});
}

static void open_pipes(tc_h3 *c)
{
    static const char types[TC_H3_PIPES] = {TC_H3_CONTROL_STREAM, TC_H3_ENCODER_STREAM,
                                            TC_H3_DECODER_STREAM};
    tc_buf *const from[TC_H3_PIPES] = {&c->control, &c->encoder.out, &c->decoder.out};
    for (int i = 0; i < TC_H3_PIPES; i++) {
        tc_h3_pipe_init(&c->pipes[i], from[i]);
        c->theirs_sid[i] = TC_NO_STREAM;
        tc_h3_order(c, NULL, TC_ORDER_OPEN_UNI, 0, 0);
        if (tc_buf_add_byte(from[i], types[i]) != TC_OK)
            tc_h3_fail(c, TC_H3_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
    }
    send_settings(c);
}

static void init(tc_engine *e, tc_engine_env *env)
{
    engine *own = (engine *)e;
    *own = (engine){.engine = {&tc_h3_type, env}};
    tc_h3 *c = own->c = tc_alloc_zero(sizeof *c);
    if (!c) return;
    c->env = env;
    c->sid = c->max_push_id = c->offered_sid = TC_NO_STREAM;
    c->guard.tokens = env->limits->h3_frames;
    for (int i = 0; i < TC_H3_REMEMBERED; i++)
        c->remembered[i] = TC_NO_STREAM;
    for (int i = 0; i < TC_H3_EARLY; i++)
        c->early[i].id = TC_NO_STREAM;
    for (unsigned i = 0; i < TC_H3_SETTINGS_KNOWN; i++)
        c->theirs[i] = tc_h3_setting_first((enum tc_h3_setting)i);
    tc_qpack_decoder_init(&c->decoder, u32(env->limits->h3_table), u32(env->limits->h3_output));
    tc_qpack_encoder_init(&c->encoder, u32(env->limits->h3_table));
    c->encoder.cookies = env->role == TC_CLIENT;
    tc_buf_init(&c->control, 4096);
    tc_buf_init(&c->scratch, 1 << 24);
    tc_buf_init(&c->orders, 1 << 20);
    tc_buf_init(&c->notes, TC_NOTED_BYTES);
    tc_buf_init(&c->noted_fields.lines, TC_NOTED_BYTES);
    open_pipes(c);
}

static void fini(tc_engine *e)
{
    engine *own = (engine *)e;
    tc_h3 *c = own->c;
    if (!c) return;
    while (c->headless) /* all others are the session's, and gone by now */
        tc_h3_drop(c, c->headless);
    for (int i = 0; i < TC_H3_PIPES; i++)
        tc_h3_pipe_fini(&c->pipes[i]);
    tc_qpack_decoder_fini(&c->decoder);
    tc_qpack_encoder_fini(&c->encoder);
    tc_free(c->said);
    tc_buf_fini(&c->control);
    tc_buf_fini(&c->scratch);
    tc_buf_fini(&c->orders);
    tc_buf_fini(&c->notes);
    tc_buf_fini(&c->noted_fields.lines);
    tc_free(c);
    own->c = NULL;
}

/* --- in -------------------------------------------------------------------------------------- */

static bool is_uni(uint64_t sid)
{
    return sid & 2;
}

static void feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    tc_h3 *c = conn_of(e);
    if (!c) return;
    c->now = now;
    c->sid = sid;
    c->in = in;
    c->taken = 0;
    c->fin = fin;
    c->lent = NULL;
    c->new_stream = false;
    if (sid == TC_NO_STREAM) return;
    if (c->deaf) {
        tc_h3_take(c, in.len);
    } else if (!is_uni(sid)) {
        c->lent = tc_h3_find(c, sid);
        c->new_stream = !c->lent && !tc_h3_is_remembered(c, sid) &&
                        (tc_h3_is_server(c) || sid % 4 != 0 || sid >= c->next_ours);
        if (!c->lent) return;
        tc_h3_take(c, c->lent->took);
        c->lent->took = 0;
    }
}

static size_t fed(tc_engine *e)
{
    tc_h3 *c = conn_of(e);
    if (!c) return 0;
    c->in = (tc_span){0};
    c->sid = TC_NO_STREAM;
    c->lent = NULL;
    c->new_stream = false;
    return c->taken;
}

/* What one stream has to say; false: nothing now. */
static bool give_of(tc_h3 *c, tc_h3_stream *s, tc_event *ev)
{
    const bool arrived = s->our_reset || s->out.acked == s->out.queued;
    if (!s->closing && s->theirs_ended && !s->end_given && s->offered == 0) {
        s->end_given = true;
        *ev = (tc_event){.kind = TC_EV_END, .x = s->x};
        tc_h3_say(c, s);
        return true;
    }
    if (!s->closing && s->lent && arrived && s->orders == 0 && !s->ended) {
        s->lent = false;
        *ev = (tc_event){.kind = TC_EV_RELEASED, .x = s->x};
        tc_h3_say(c, s);
        return true;
    }
    tc_h3_settle(c, s);
    if (!s->closing || s->orders > 0 || s->due) return false;
    if (tc_h3_is_server(c) && !s->head_given) { /* nobody above knows of it */
        tc_h3_drop(c, s);
        return false;
    }
    *ev = (tc_event){.kind = TC_EV_CLOSED, .x = s->x, .err = s->broken};
    tc_h3_forget(c, s);
    return true;
}

static bool give_due(tc_h3 *c, tc_event *ev)
{
    while (c->due) {
        tc_h3_stream *s = c->due;
        c->due = s->next_due;
        s->due = false;
        if (give_of(c, s, ev)) return true;
    }
    return false;
}

/* Whatever can be said next, but NOTEs. */
static bool give(tc_h3 *c, tc_event *ev)
{
    for (;;) {
        if (give_due(c, ev)) return true;
        if (c->tell_failed) {
            c->tell_failed = false;
            *ev = (tc_event){.kind = TC_EV_FAILED, .err = c->failed};
            return true;
        }
        if (c->sid == TC_NO_STREAM || c->deaf) return false;
        switch (is_uni(c->sid) ? tc_h3_read_uni(c) : tc_h3_read(c, ev)) {
        case TC_H3_EVENT: return true;
        case TC_H3_AGAIN: continue;
        case TC_H3_WAIT: break;
        }
        if (!c->due) return false;
    }
}

static bool next(tc_engine *e, tc_event *ev)
{
    tc_h3 *c = conn_of(e);
    if (!c) return false;
    if (tc_notes_give(&c->notes, &c->noted, ev)) return true;
    if (!c->has_kept && !give(c, &c->kept)) return tc_notes_give(&c->notes, &c->noted, ev);
    c->has_kept = true;
    if (tc_notes_give(&c->notes, &c->noted, ev)) return true; /* the frame, then what it meant */
    c->has_kept = false;
    *ev = c->kept;
    return true;
}

/* --- what those above ask for ---------------------------------------------------------------- */

static tc_err start(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h3 *c = conn_of(e);
    if (!c) return TC_ERR_NO_MEMORY;
    assert(!tc_h3_is_server(c));
    if (c->deaf || c->draining || c->gone || c->next_ours > LAST_REQUEST)
        return TC_ERR_SESSION_ENDED;
    if (c->alive >= c->env->limits->h3_streams) return TC_ERR_FULL;
    tc_h3_stream *s = tc_h3_begin(c, x, c->next_ours);
    if (!s) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_h3_send_request(c, x, end);
    if (err) {
        s->theirs_ended = true; /* its number is free */
        tc_h3_forget(c, s);
        x->stream = NULL;
    } else {
        c->next_ours += 4;
    }
    return err;
}

static tc_err head(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h3 *c = conn_of(e);
    assert(tc_h3_is_server(c));
    return tc_h3_send_response(c, x, end);
}

/* A frame's head, content and trailers. */
enum { PLACES = 3 };

static tc_err queue(tc_h3 *c, tc_h3_stream *s, tc_run run, bool end)
{
    if (tc_run_queue_room(&s->out) < PLACES) return TC_ERR_FULL;
    if (end && s->x->ours.trailers.count > 0 && run.len == 0) return tc_h3_send_trailers(c, s);
    if (run.len == 0) return TC_OK;
    char *at = s->heads[s->out.end % TC_RUN_QUEUE];
    const tc_h3_head h = {TC_H3_DATA, run.len};
    const char *after = tc_h3_head_put(at, h);
    tc_run_queue_add(&s->out, tc_run_bytes(tc_span_of(at, (size_t)(after - at))));
    tc_run_queue_add(&s->out, run);
    tc_h3_note(c, true, s->id, h, (tc_span){0});
    s->lent = true;
    if (!end || s->x->ours.trailers.count == 0) return TC_OK;
    return tc_h3_send_trailers(c, s);
}

static tc_err body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    tc_h3 *c = conn_of(e);
    tc_h3_stream *s = tc_h3_stream_of(x);
    if (s->closing) return TC_OK;
    if (!s->head_sent) return TC_ERR_HEAD_MISSING;
    if (x->ours.method == TC_METHOD_CONNECT && !x->tunnel) return TC_ERR_FULL; /* not yet */
    if (s->our_reset || (s->no_content && s->ended)) { /* it is not sent, and may go at once */
        s->lent |= run.len > 0;
        tc_h3_say(c, s);
        return TC_OK;
    }
    if (s->ended) return run.len > 0 ? TC_ERR_BODY_TOO_LONG : TC_OK;
    const bool stated = x->ours.length >= 0;
    if (stated && run.len > s->body_left) return TC_ERR_BODY_TOO_LONG;
    if (stated && end && run.len < s->body_left) return TC_ERR_BODY_TOO_SHORT;
    const tc_err err = queue(c, s, run, end);
    if (err) return err;
    if (stated) s->body_left -= run.len;
    s->ended = end;
    tc_h3_ready(c, s);
    return TC_OK;
}

static void took(tc_engine *e, tc_exchange *x, size_t n)
{
    tc_h3 *c = conn_of(e);
    tc_h3_stream *s = tc_h3_stream_of(x);
    if (s->closing || s->offered == 0) return;
    if (n == 0) {
        s->again = true;
        s->end_given = false;
        return;
    }
    if (n > s->offered) n = s->offered;
    s->offered -= n;
    if (c->lent == s)
        tc_h3_take(c, n);
    else
        s->took += n;
    if (s->offered == 0) tc_h3_say(c, s);
}

static void abort_exchange(tc_engine *e, tc_exchange *x, tc_err why)
{
    tc_h3 *c = conn_of(e);
    const bool ours = tc_h3_is_server(c) && tc_err_fault(why) == TC_FAULT_OURS;
    const enum tc_h3_code code = why == TC_ERR_TUNNEL ? TC_H3_CONNECT_ERROR
                                 : ours               ? TC_H3_INTERNAL_ERROR
                                                      : TC_H3_REQUEST_CANCELLED;
    tc_h3_break(c, tc_h3_stream_of(x), code, why);
}

/* --- out ------------------------------------------------------------------------------------- */

static size_t output(tc_engine *e, uint64_t *ret_sid, tc_run *ret_runs, size_t max, size_t budget,
                     bool *ret_fin)
{
    tc_h3 *c = conn_of(e);
    *ret_fin = false;
    return c ? tc_h3_output(c, ret_sid, ret_runs, max, budget, ret_fin) : 0;
}

static void wrote(tc_engine *e, uint64_t sid, size_t n)
{
    tc_h3_wrote(conn_of(e), sid, n);
}

static void acked(tc_engine *e, uint64_t sid, size_t n)
{
    tc_h3 *c = conn_of(e);
    tc_h3_acked(c, sid, n);
    if (!c->draining || c->goaway_last || c->pipes[TC_H3_CONTROL].acked < c->goaway_at) return;
    c->goaway_last = true; /* who sends more requests now has heard of it */
    tc_h3_goaway(c, tc_h3_is_server(c) ? c->after_theirs : 0);
}

static void order_taken(tc_h3 *c, const tc_order *order)
{
    tc_h3_stream *s = is_uni(order->sid) ? NULL : tc_h3_find(c, order->sid);
    if (order->kind == TC_ORDER_OPEN_UNI || !s || s->orders == 0) return;
    if (--s->orders == 0) tc_h3_say(c, s);
}

static bool order(tc_engine *e, tc_order *ret_order)
{
    engine *own = (engine *)e;
    tc_h3 *c = own->c;
    if (own->closed) return false;
    if (c && c->ordered < c->orders.len) {
        memcpy(ret_order, c->orders.at + c->ordered, sizeof *ret_order);
        c->ordered += sizeof *ret_order;
        if (c->ordered == c->orders.len) {
            tc_buf_reset(&c->orders);
            c->ordered = 0;
        }
        order_taken(c, ret_order);
        return true;
    }
    const bool drained =
        c && c->alive == 0 && ((c->draining && c->goaway_last) || (c->gone && !tc_h3_is_server(c)));
    if (c && !c->deaf && !(drained && tc_h3_is_quiet(c))) return false;
    if (c && c->deaf && c->alive > 0) return false; /* what ends with it is said first */
    own->closed = true;
    const enum tc_h3_code code = !c ? TC_H3_INTERNAL_ERROR : c->deaf ? c->code : TC_H3_NO_ERROR;
    *ret_order = (tc_order){.kind = TC_ORDER_CLOSE, .sid = TC_NO_STREAM, .n = code};
    return true;
}

static void opened(tc_engine *e, uint64_t sid)
{
    tc_h3 *c = conn_of(e);
    if (!c || c->opened == TC_H3_PIPES) return;
    tc_h3_note_stream(c, true, sid, (enum tc_h3_pipe_kind)c->opened);
    tc_h3_pipe *p = &c->pipes[c->opened++];
    p->sid = sid;
    p->open = true;
}

/* The peer broke off its half, or wants no more of ours. */
static void stopped(tc_engine *e, uint64_t sid, uint64_t code, bool ours)
{
    tc_h3 *c = conn_of(e);
    if (!c || c->deaf) return;
    for (int i = 0; i < TC_H3_PIPES; i++)
        if (ours ? c->pipes[i].open && c->pipes[i].sid == sid : c->theirs_sid[i] == sid) {
            tc_h3_fail(c, TC_H3_CLOSED_CRITICAL_STREAM, TC_ERR_FRAMES,
                       "a stream was stopped that the connection needs");
            return;
        }
    tc_h3_stream *s = is_uni(sid) ? NULL : tc_h3_find(c, sid);
    if (!s) {
        if (!is_uni(sid) && !ours && tc_h3_is_server(c)) { /* it began and was gone at once */
            tc_h3_remember(c, sid);
            if (!c->goaway_last && sid >= c->after_theirs) c->after_theirs = sid + 4;
            (void)tc_h3_count_reset(c);
        }
        return;
    }
    if (s->closing) return;
    if (ours && !tc_h3_is_server(c)) { /* its response may still come (4.1.1) */
        if (!s->our_reset) tc_h3_order(c, s, TC_ORDER_RESET, sid, TC_H3_REQUEST_CANCELLED);
        s->our_reset = true;
        tc_h3_unready(c, s);
        tc_h3_say(c, s);
        return;
    }
    if (!ours && s->theirs_ended) return;
    if (!ours && s->linger_until) { /* it has its answer */
        tc_h3_linger_over(c, s);
        (void)tc_h3_count_reset(c);
        return;
    }
    tc_h3_fault(c, s, TC_H3_REQUEST_CANCELLED, tc_h3_code_err(code));
}

static void blocked(tc_engine *e, uint64_t sid, bool yes)
{
    tc_h3 *c = conn_of(e);
    if (!c) return;
    for (int i = 0; i < TC_H3_PIPES; i++)
        if (c->pipes[i].open && c->pipes[i].sid == sid) c->pipes[i].blocked = yes;
    tc_h3_stream *s = is_uni(sid) ? NULL : tc_h3_find(c, sid);
    if (!s) return;
    s->blocked = yes;
    tc_h3_ready(c, s);
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t deadline(const tc_engine *e)
{
    const tc_h3 *c = conn_of(e);
    return c && !c->deaf && c->guard_at ? c->guard_at : TC_NEVER;
}

static void tick(tc_engine *e, int64_t now)
{
    tc_h3 *c = conn_of(e);
    if (!c || c->deaf) return;
    c->now = now;
    tc_h3_guard_tick(c);
}

/* What is on its way when a peer hears of it may still begin: only when the peer has the first
 * GOAWAY is the last word said (5.2). */
static void drain(tc_engine *e)
{
    tc_h3 *c = conn_of(e);
    if (!c || c->draining || c->deaf) return;
    c->draining = true;
    if (c->alive == 0 || !tc_h3_is_server(c)) {
        c->goaway_last = true;
        tc_h3_goaway(c, tc_h3_is_server(c) ? c->after_theirs : 0);
        return;
    }
    tc_h3_goaway(c, LAST_REQUEST);
    c->goaway_at = c->pipes[TC_H3_CONTROL].end + c->control.len;
}

static bool idle(const tc_engine *e)
{
    const tc_h3 *c = conn_of(e);
    return !c || c->alive == 0;
}

static bool wants_input(const tc_engine *e)
{
    return conn_of(e) != NULL;
}

_Static_assert(sizeof(engine) <= 96, "fits the room of a session");

const tc_engine_type tc_h3_type = {
    .name = "h3",
    .version = TC_HTTP_3,
    .many_streams = true,
    .size = sizeof(engine),
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
    .opened = opened,
    .stopped = stopped,
    .blocked = blocked,
    .deadline = deadline,
    .tick = tick,
    .drain = drain,
    .idle = idle,
    .wants_input = wants_input,
};
