/* h2.c - the machine of HTTP/2 (RFC 9113): says what frames came to, and when the connection ends.
 *
 * A session's room holds only a pointer: a connection of many streams is worth an allocation.
 * Without memory for it the connection closes at once. */
// SPDX-License-Identifier: MIT
#include "h2/h2.h"

#include <assert.h>

#include "base/alloc.h"
#include "h2/read.h"
#include "h2/send.h"

typedef struct engine {
    tc_engine engine;
    tc_h2 *c; /* NULL: there was no memory */
    bool ordered;
} engine;

static tc_h2 *conn_of(const tc_engine *e)
{
    return ((const engine *)e)->c;
}

/* --- begin and end --------------------------------------------------------------------------- */

static uint32_t u32(uint64_t limit)
{
    return limit < INT32_MAX ? (uint32_t)limit : INT32_MAX;
}

/* The first frame of either end (3.4). */
static void send_settings(tc_h2 *c)
{
    const tc_limits *l = c->env->limits;
    const bool server = tc_h2_is_server(c);
    const bool push = c->env->push;
    const struct {
        enum tc_h2_setting number;
        uint32_t value;
    } ours[] = {
        {TC_H2_MAX_HEADER_LIST_SIZE, u32(l->fields_bytes)},
        {TC_H2_NO_RFC7540_PRIORITIES, 1},
        {server ? TC_H2_MAX_CONCURRENT_STREAMS : TC_H2_ENABLE_PUSH,
         server ? u32(l->h2_streams) : push},
        {TC_H2_MAX_CONCURRENT_STREAMS, u32(l->h2_pushes)}, /* a client that takes pushes */
    };
    const uint32_t count = !server && push ? 4 : 3;
    const tc_h2_head head = {count * 6, 0, TC_H2_SETTINGS, 0};
    char *at = tc_h2_frame(c, head);
    if (!at) return;
    for (uint32_t i = 0; i < count; i++) {
        at[i * 6] = 0;
        at[i * 6 + 1] = (char)ours[i].number;
        tc_h2_put_u32(at + i * 6 + 2, ours[i].value);
    }
    tc_h2_note(c, true, &head, tc_span_of(at, head.length));
}

static void init(tc_engine *e, tc_engine_env *env)
{
    engine *own = (engine *)e;
    *own = (engine){.engine = {&tc_h2_type, env}};
    tc_h2 *c = own->c = tc_alloc_zero(sizeof *c);
    if (!c) return;
    c->env = env;
    for (unsigned i = 1; i < TC_H2_SETTING_END; i++)
        c->theirs[i] = tc_h2_setting_first(i);
    c->send_window = c->window.left = c->window.size = TC_H2_WINDOW_FIRST;
    c->guard.tokens = env->limits->h2_frames;
    c->next_ours = tc_h2_is_server(c) ? 2 : 1;
    tc_hpack_decoder_init(&c->decoder, TC_HPACK_TABLE);
    tc_hpack_encoder_init(&c->encoder, TC_HPACK_TABLE);
    c->encoder.cookies = !tc_h2_is_server(c);
    tc_buf_init(&c->out, (size_t)u32(env->limits->h2_output) * 2 + 65536);
    tc_buf_init(&c->block, TC_H2_BLOCK_MAX);
    tc_buf_init(&c->notes, TC_NOTED_BYTES);
    tc_buf_init(&c->noted_fields.lines, TC_NOTED_BYTES);
    c->greeted = !tc_h2_is_server(c);
    if (!tc_h2_is_server(c) && tc_buf_add(&c->out, TC_SPAN(TC_H2_PREFACE)) != TC_OK)
        tc_h2_fail(c, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
    else
        send_settings(c);
}

static void fini(tc_engine *e)
{
    engine *own = (engine *)e;
    tc_h2 *c = own->c;
    if (!c) return;
    *c->env->windows -= c->window.size - TC_H2_WINDOW_FIRST;
    tc_hpack_decoder_fini(&c->decoder);
    tc_hpack_encoder_fini(&c->encoder);
    tc_buf_fini(&c->out);
    tc_buf_fini(&c->block);
    tc_buf_fini(&c->notes);
    tc_buf_fini(&c->noted_fields.lines);
    tc_h2_forget_again(c);
    tc_free(c);
    own->c = NULL;
}

/* --- in -------------------------------------------------------------------------------------- */

static void feed(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin)
{
    tc_h2 *c = conn_of(e);
    (void)sid; /* to the link, all streams are one */
    if (!c) return;
    c->in = in;
    c->taken = 0;
    c->now = now;
    c->fin |= fin;
    if (!c->settings_since) c->settings_since = now;
}

static size_t fed(tc_engine *e)
{
    tc_h2 *c = conn_of(e);
    if (!c) return 0;
    tc_h2_keep_lent(c);
    c->in = (tc_span){0};
    if (c->alive == 0 && c->out.len == 0 && c->out.size > TC_H2_KEPT) tc_buf_fini(&c->out);
    return c->taken;
}

static bool give_held(tc_h2 *c, tc_h2_stream *s, tc_event *ev)
{
    if (s->held.len == 0 || (s->offered > 0 && !s->again)) return false;
    s->again = false;
    s->offered = s->held.len;
    *ev = (tc_event){.kind = TC_EV_DATA, .x = s->x, .data = tc_buf_span(&s->held)};
    tc_h2_say(c, s);
    return true;
}

/* What one stream has to say; false: nothing now. */
static bool give_of(tc_h2 *c, tc_h2_stream *s, tc_event *ev)
{
    if (!s->closing && give_held(c, s, ev)) return true;
    if (!s->closing && s->theirs_ended && !s->end_given && s->offered == 0 && s->held.len == 0) {
        s->end_given = true;
        *ev = (tc_event){.kind = TC_EV_END, .x = s->x};
        tc_h2_say(c, s);
        return true;
    }
    if (!s->closing && s->lent && s->run_count == 0 && s->splices == 0 && !s->ended) {
        s->lent = false;
        *ev = (tc_event){.kind = TC_EV_RELEASED, .x = s->x};
        tc_h2_say(c, s);
        return true;
    }
    tc_h2_settle(c, s);
    if (!s->closing || s->splices > 0 || s->due) return false;
    *ev = (tc_event){.kind = TC_EV_CLOSED, .x = s->x, .err = s->broken};
    tc_h2_forget(c, s);
    return true;
}

static bool give_due(tc_h2 *c, tc_event *ev)
{
    while (c->due) {
        tc_h2_stream *s = c->due;
        c->due = s->next_due;
        s->due = false;
        if (give_of(c, s, ev)) return true;
    }
    return false;
}

/* The input is used up: has the connection come to its end? */
static bool wind_up(tc_h2 *c)
{
    if (c->fin && !c->deaf) {
        c->deaf = true;
        for (int i = 0; i < TC_H2_BUCKETS; i++)
            for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain)
                if (s->theirs_ended)
                    tc_h2_ready(c, s); /* it still has its answer, unless it waits for a window */
                else
                    tc_h2_close(c, s, s->lingers ? TC_OK : TC_ERR_PEER_CLOSED);
    }
    if (c->alive == 0 && c->draining && !c->goaway_last && !c->deaf) tc_h2_last_goaway(c);
    if (c->alive == 0 && (c->draining || c->gone || c->fin)) c->closing = true;
    return c->due != NULL;
}

/* As much is waiting to be sent as one peer may let wait: its frames must wait too. */
static bool is_full(const tc_h2 *c)
{
    return c->out.len > c->env->limits->h2_output / 2;
}

/* Whatever can be said next, but NOTEs. */
static bool give(tc_h2 *c, tc_event *ev)
{
    for (;;) {
        tc_h2_keep_lent(c);
        if (give_due(c, ev)) return true;
        if (c->tell_failed) {
            c->tell_failed = false;
            *ev = (tc_event){.kind = TC_EV_FAILED, .err = c->failed};
            return true;
        }
        if (is_full(c) && !c->deaf) return false;
        switch (tc_h2_read(c, ev)) {
        case TC_H2_EVENT: return true;
        case TC_H2_AGAIN: continue;
        case TC_H2_WAIT: break;
        }
        if (c->in.len > 0 && !c->data.stream && !c->begun) c->begun = c->now;
        if (!wind_up(c)) return false;
    }
}

static bool next(tc_engine *e, tc_event *ev)
{
    tc_h2 *c = conn_of(e);
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
    tc_h2 *c = conn_of(e);
    if (!c) return TC_ERR_NO_MEMORY;
    assert(!tc_h2_is_server(c));
    if (c->closing || c->deaf || c->draining || c->gone || c->fin || c->next_ours > INT32_MAX)
        return TC_ERR_SESSION_ENDED;
    if (!c->settled && c->alive > 0) return TC_ERR_FULL; /* how many they take is not known yet */
    const uint32_t asked = c->alive - c->pushes;
    if (asked >= c->theirs[TC_H2_MAX_CONCURRENT_STREAMS] || asked >= c->env->limits->h2_streams)
        return TC_ERR_FULL;
    tc_h2_stream *s = tc_h2_begin(c, x, c->next_ours);
    if (!s) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_h2_send_request(c, x, end);
    if (err) {
        tc_h2_forget(c, s);
        x->stream = NULL;
    } else {
        c->next_ours += 2;
    }
    return err;
}

static tc_err head(tc_engine *e, tc_exchange *x, bool end)
{
    tc_h2 *c = conn_of(e);
    tc_h2_stream *s = tc_h2_stream_of(x);
    assert(tc_h2_is_server(c));
    if (tc_h2_is_one_too_many(c, s)) {
        tc_h2_break(c, s, TC_H2_CANCEL, TC_ERR_REFUSED, false);
        return TC_OK;
    }
    const tc_err err = tc_h2_send_response(c, x, end);
    if (!err) s->opened = true;
    return err;
}

static tc_err push(tc_engine *e, tc_exchange *x, tc_exchange *promised)
{
    return tc_h2_push(conn_of(e), x, promised);
}

static tc_err body(tc_engine *e, tc_exchange *x, tc_run run, bool end)
{
    tc_h2 *c = conn_of(e);
    tc_h2_stream *s = tc_h2_stream_of(x);
    if (s->closing) return TC_OK;
    if (!s->head_sent) return TC_ERR_HEAD_MISSING;
    if (x->ours.method == TC_METHOD_CONNECT && !x->tunnel) return TC_ERR_FULL; /* not yet */
    if (s->ended) return run.len > 0 ? TC_ERR_BODY_TOO_LONG : TC_OK;
    if (!s->no_content) {
        const bool stated = x->ours.length >= 0;
        if (stated && run.len > s->body_left) return TC_ERR_BODY_TOO_LONG;
        if (stated && end && run.len < s->body_left) return TC_ERR_BODY_TOO_SHORT;
        if (run.len > 0 && s->run_count == TC_H2_RUNS) return TC_ERR_FULL;
        if (stated) s->body_left -= run.len;
        if (run.len > 0) s->runs[s->run_count++] = run;
    }
    s->lent |= run.len > 0;
    s->ended = end;
    if (s->no_content)
        tc_h2_say(c, s);
    else
        tc_h2_ready(c, s);
    return TC_OK;
}

static void took(tc_engine *e, tc_exchange *x, size_t n)
{
    tc_h2 *c = conn_of(e);
    tc_h2_stream *s = tc_h2_stream_of(x);
    if (s->closing || s->offered == 0) return;
    if (n == 0) {
        s->again = true;
        s->end_given = false;
        if (c->lent != s) tc_h2_say(c, s);
        return;
    }
    if (n > s->offered) n = s->offered;
    s->offered -= n;
    if (c->lent == s)
        c->lent_data = tc_span_from(c->lent_data, n);
    else
        tc_buf_drop(&s->held, n);
    if (c->lent != s && s->held.len == 0) tc_buf_fini(&s->held);
    if (s->offered == 0 && c->lent == s) c->lent = NULL;
    tc_h2_return(c, s, n);
    if (s->offered == 0) tc_h2_say(c, s);
}

static void abort_exchange(tc_engine *e, tc_exchange *x, tc_err why)
{
    tc_h2 *c = conn_of(e);
    const bool ours = tc_h2_is_server(c) && tc_err_fault(why) == TC_FAULT_OURS;
    const enum tc_h2_code code = why == TC_ERR_TUNNEL ? TC_H2_CONNECT_ERROR
                                 : ours               ? TC_H2_INTERNAL_ERROR
                                                      : TC_H2_CANCEL;
    tc_h2_break(c, tc_h2_stream_of(x), code, why, false);
}

/* --- out ------------------------------------------------------------------------------------- */

static size_t output(tc_engine *e, uint64_t *ret_sid, tc_run *ret_runs, size_t max, size_t budget,
                     bool *ret_fin)
{
    tc_h2 *c = conn_of(e);
    *ret_sid = 0;
    *ret_fin = false;
    return c ? tc_h2_output(c, ret_runs, max, budget) : 0;
}

static void wrote(tc_engine *e, uint64_t sid, size_t n)
{
    (void)sid;
    tc_h2_wrote(conn_of(e), n);
}

static void acked(tc_engine *e, uint64_t sid, size_t n)
{
    (void)e; /* what the link took is not looked at again */
    (void)sid;
    (void)n;
}

static bool order(tc_engine *e, tc_order *ret_order)
{
    engine *own = (engine *)e;
    tc_h2 *c = own->c;
    if (own->ordered) return false;
    if (c && (!c->closing || c->alive > 0 || c->out.len > 0 || c->splice_count > 0)) return false;
    own->ordered = true;
    const bool linger = c && tc_h2_is_server(c) && !c->fin && (c->failed || c->last_theirs > 0);
    *ret_order = (tc_order){.kind = TC_ORDER_CLOSE, .linger = linger};
    return true;
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t head_deadline(const tc_h2 *c)
{
    const uint64_t ms = c->env->limits->header_ms;
    if (!c->begun || c->deaf || !tc_h2_is_server(c) || ms > INT32_MAX) return TC_NEVER;
    return c->begun + (int64_t)ms * TC_MS;
}

static int64_t deadline(const tc_engine *e)
{
    const tc_h2 *c = conn_of(e);
    if (!c) return TC_NEVER;
    int64_t at = head_deadline(c);
    const int64_t others[] = {tc_h2_guard_deadline(c), tc_h2_linger_deadline(c)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] < at) at = others[i];
    return at;
}

static void tick(tc_engine *e, int64_t now)
{
    tc_h2 *c = conn_of(e);
    if (!c) return;
    c->now = now;
    if (now >= head_deadline(c)) {
        c->env->reached->header_ms++;
        tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_HEADER_TIME, "fields came too slowly");
    }
    tc_h2_guard_tick(c);
    tc_h2_linger_tick(c);
}

/* What is on its way when a peer hears of it may still begin: only when it has answered a PING is
 * the last word said (6.8). */
static void drain(tc_engine *e)
{
    tc_h2 *c = conn_of(e);
    static const char text[8] = "the end";
    if (!c || c->draining || c->deaf) return;
    c->draining = true;
    if (c->alive == 0 || !tc_h2_is_server(c)) {
        tc_h2_last_goaway(c);
        if (c->alive == 0) c->closing = true;
        return;
    }
    tc_h2_goaway(c, INT32_MAX, TC_H2_NO_ERROR, (tc_span){0});
    const tc_h2_head ping = {sizeof text, 0, TC_H2_PING, 0};
    char *at = tc_h2_frame(c, ping);
    if (!at) return;
    memcpy(at, text, sizeof text);
    tc_h2_note(c, true, &ping, (tc_span){0});
}

static bool idle(const tc_engine *e)
{
    const tc_h2 *c = conn_of(e);
    return !c || (c->alive == 0 && c->begun == 0);
}

static bool wants_input(const tc_engine *e)
{
    const tc_h2 *c = conn_of(e);
    return c && (c->deaf || !is_full(c)); /* the deaf throw it away: a turn goes on to write */
}

_Static_assert(sizeof(engine) <= 96, "fits the room of a session");

const tc_engine_type tc_h2_type = {
    .name = "h2",
    .version = TC_HTTP_2,
    .many_streams = true,
    .size = sizeof(engine),
    .init = init,
    .fini = fini,
    .feed = feed,
    .next = next,
    .fed = fed,
    .start = start,
    .head = head,
    .push = push,
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
