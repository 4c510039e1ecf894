/* read.c - frames come in (RFC 9113, 6): each is judged by the table, then does what it is for.
 *
 * Frames are read whole, but DATA, whose content is given as it comes. */
// SPDX-License-Identifier: MIT
#include "h2/read.h"

#include <assert.h>

enum tc_h2_guess tc_h2_first_bytes(tc_span in)
{
    const tc_span preface = TC_SPAN(TC_H2_PREFACE);
    if (tc_span_starts(in, preface)) return TC_H2_YES;
    return tc_span_starts(preface, in) ? TC_H2_MORE : TC_H2_NO;
}

static enum tc_h2_step protocol_error(tc_h2 *c, const char *why)
{
    tc_h2_fail(c, TC_H2_PROTOCOL_ERROR, TC_ERR_FRAMES, why);
    return TC_H2_AGAIN;
}

static uint32_t client_stream(const tc_h2 *c, uint32_t id)
{
    return tc_h2_is_server(c) ? id : 0;
}

/* --- SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM, PRIORITY_UPDATE ---------------------- */

enum { SETTINGS_MOST = 32 }; /* in a frame; each beyond costs as much as a frame */

/* Streams already open have the new window from now on, which may be below nothing (6.9.2). */
static bool move_windows(tc_h2 *c, uint32_t value)
{
    const int64_t by = (int64_t)value - c->theirs[TC_H2_INITIAL_WINDOW_SIZE];
    for (int i = 0; i < TC_H2_BUCKETS; i++) {
        for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain) {
            s->send_window += by;
            if (s->send_window > TC_H2_WINDOW_MAX) return false;
            tc_h2_ready(c, s);
        }
    }
    return true;
}

static enum tc_h2_step read_settings(tc_h2 *c, tc_h2_head head, tc_span payload)
{
    if (head.flags & TC_H2_ACK) {
        c->settings_acked = true;
        return TC_H2_AGAIN;
    }
    for (int i = 0; payload.len > 0; payload = tc_span_from(payload, 6), i++) {
        const unsigned number = tc_h2_u32(payload.at) >> 16;
        const uint32_t value = tc_h2_u32(payload.at + 2);
        bool known;
        if (i >= SETTINGS_MOST && !tc_h2_count_frame(c)) return TC_H2_AGAIN;
        enum tc_h2_code wrong = tc_h2_check_setting(number, value, &known);
        if (known && number == TC_H2_ENABLE_PUSH && !tc_h2_is_server(c) && value)
            wrong = TC_H2_PROTOCOL_ERROR; /* no server may say it pushes to itself (6.5.2) */
        if (!wrong && number == TC_H2_INITIAL_WINDOW_SIZE && !move_windows(c, value))
            wrong = TC_H2_FLOW_CONTROL_ERROR;
        if (wrong) {
            tc_h2_fail(c, wrong, TC_ERR_FRAMES, "setting with a wrong value");
            return TC_H2_AGAIN;
        }
        if (!known) continue;
        if (number == TC_H2_HEADER_TABLE_SIZE) tc_hpack_encoder_limit(&c->encoder, value);
        c->theirs[number] = value;
    }
    const tc_h2_head ack = {0, 0, TC_H2_SETTINGS, TC_H2_ACK};
    if (tc_h2_frame(c, ack)) tc_h2_note(c, true, &ack, (tc_span){0});
    return TC_H2_AGAIN;
}

static enum tc_h2_step read_ping(tc_h2 *c, tc_h2_head head, tc_span payload)
{
    if (head.flags & TC_H2_ACK) {
        if (c->draining && !c->goaway_last) tc_h2_last_goaway(c);
        return TC_H2_AGAIN;
    }
    head.flags = TC_H2_ACK;
    char *at = tc_h2_frame(c, head);
    if (!at) return TC_H2_AGAIN;
    memcpy(at, payload.at, payload.len);
    tc_h2_note(c, true, &head, payload);
    return TC_H2_AGAIN;
}

static enum tc_h2_step read_goaway(tc_h2 *c, tc_span payload)
{
    const uint32_t last = tc_h2_u32(payload.at) & 0x7fffffff;
    if (c->gone && last > c->goaway_id) return protocol_error(c, "GOAWAY names more than before");
    c->gone = true;
    c->goaway_id = last;
    for (int i = 0; i < TC_H2_BUCKETS; i++)
        for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain)
            if (s->pushed == tc_h2_is_server(c) && s->id > last) tc_h2_close(c, s, TC_ERR_REFUSED);
    return TC_H2_AGAIN;
}

static enum tc_h2_step read_window_update(tc_h2 *c, tc_h2_head head, tc_span payload)
{
    const uint32_t more = tc_h2_u32(payload.at) & 0x7fffffff;
    if (head.stream == 0) {
        c->send_window += more;
        if (more == 0) return protocol_error(c, "WINDOW_UPDATE of nothing");
        if (c->send_window > TC_H2_WINDOW_MAX)
            tc_h2_fail(c, TC_H2_FLOW_CONTROL_ERROR, TC_ERR_FRAMES, "window is too large");
        return TC_H2_AGAIN;
    }
    tc_h2_stream *s = tc_h2_find(c, head.stream);
    if (!s && tc_h2_is_idle(c, head.stream))
        return protocol_error(c, "WINDOW_UPDATE before HEADERS");
    if (!s || s->closing) return TC_H2_AGAIN;
    if (s->pushed && !s->opened && !tc_h2_is_server(c))
        return protocol_error(c, "WINDOW_UPDATE of a stream that is reserved");
    s->send_window += more;
    if (more == 0)
        tc_h2_break(c, s, TC_H2_PROTOCOL_ERROR, TC_ERR_STREAM_RULES, true);
    else if (s->send_window > TC_H2_WINDOW_MAX)
        tc_h2_break(c, s, TC_H2_FLOW_CONTROL_ERROR, TC_ERR_STREAM_RULES, true);
    else
        tc_h2_ready(c, s);
    return TC_H2_AGAIN;
}

static enum tc_h2_step read_reset(tc_h2 *c, tc_h2_head head, tc_span payload)
{
    tc_h2_stream *s = tc_h2_find(c, head.stream);
    const uint32_t code = tc_h2_u32(payload.at);
    if (!s && tc_h2_is_idle(c, head.stream)) return protocol_error(c, "RST_STREAM before HEADERS");
    if (s && !s->closing) {
        /* a server that answered says so to stop the rest of the request (8.1), and a client that
         * has its answer need not send it */
        const bool stops = !tc_h2_is_server(c) && s->theirs_ended && code == TC_H2_NO_ERROR;
        const bool answered = stops || s->lingers;
        tc_h2_close(c, s, answered ? TC_OK : tc_h2_code_err(code));
    }
    (void)tc_h2_count_reset(c); /* where it failed, nothing more is read */
    return TC_H2_AGAIN;
}

/* What is said of a stream that has not begun holds when it does, over what its fields say (RFC
 * 9218, 7). */
static void keep_priority(tc_h2 *c, uint32_t id, tc_span value)
{
    uint32_t at = 0;
    while (at < TC_H2_EARLY && c->early[at].id != id)
        at++;
    if (at == TC_H2_EARLY) at = c->early_at++ % TC_H2_EARLY;
    c->early[at].id = id;
    c->early[at].priority = (tc_priority){.urgency = TC_URGENCY};
    tc_priority_read(value, &c->early[at].priority);
}

static void use_kept_priority(const tc_h2 *c, tc_h2_stream *s)
{
    for (int i = 0; i < TC_H2_EARLY; i++)
        if (c->early[i].id == s->id) s->priority = c->early[i].priority;
}

static enum tc_h2_step read_priority(tc_h2 *c, tc_span payload)
{
    const uint32_t id = tc_h2_u32(payload.at) & 0x7fffffff;
    if (id == 0 || (id % 2 == 0 && tc_h2_is_idle(c, id)))
        return protocol_error(c, "PRIORITY_UPDATE of no request");
    tc_h2_stream *s = tc_h2_find(c, id);
    if (!s && id % 2 == 1 && id > c->last_theirs) keep_priority(c, id, tc_span_from(payload, 4));
    if (!s || s->closing) return TC_H2_AGAIN;
    tc_h2_unready(c, s);
    s->priority = (tc_priority){.urgency = TC_URGENCY};
    tc_priority_read(tc_span_from(payload, 4), &s->priority);
    tc_h2_ready(c, s);
    return TC_H2_AGAIN;
}

/* --- HEADERS and CONTINUATION ---------------------------------------------------------------- */

/* A request is begun, or refused without a word to those above. */
static enum tc_h2_step begin_request(tc_h2 *c, uint32_t id, uint8_t flags, tc_span block,
                                     tc_event *ev)
{
    const bool end = flags & TC_H2_END_STREAM;
    const bool late = c->goaway_last;
    const bool full = !late && c->alive - c->pushes >= c->env->limits->h2_streams;
    tc_exchange *x = late || full ? NULL : tc_slab_get(c->env->exchanges);
    tc_err wrong = TC_OK;
    tc_h2_stream *s = NULL;
    c->last_theirs = id;
    if (x) {
        tc_exchange_init(x, id, c->env->limits->exchange_bytes);
        x->times.begun = c->begun ? c->begun : c->now;
        s = tc_h2_begin(c, x, id);
    }
    const bool before = s && tc_h2_asked_before(c, s, block, end);
    const uint64_t mark = tc_ring_mark(&c->decoder.table);
    const tc_err err = before
                           ? TC_OK
                           : tc_h2_read_fields(c, block, TC_PART_REQUEST, end, s ? &x->arena : NULL,
                                               s ? &x->theirs : NULL, &wrong);
    if (s && (err || wrong == TC_ERR_STREAM_RULES || wrong == TC_ERR_NO_MEMORY)) {
        tc_h2_close(c, s, TC_OK);
        tc_h2_drop(c, s);
        s = NULL;
    } else if (x && !s) {
        tc_exchange_fini(x);
        tc_slab_put(c->env->exchanges, x);
        wrong = TC_ERR_NO_MEMORY;
    }
    if (err) return tc_h2_block_failed(c, err);
    if (!s) {
        c->env->reached->h2_streams += full;
        tc_h2_refuse(c, id,
                     wrong == TC_ERR_STREAM_RULES ? TC_H2_PROTOCOL_ERROR : TC_H2_REFUSED_STREAM);
        return TC_H2_AGAIN;
    }
    tc_span priority;
    if (!before && tc_fields_get(&x->theirs.fields, TC_FIELD_PRIORITY, &priority))
        tc_priority_read(priority, &s->priority);
    if (!before && !wrong) tc_h2_remember_asked(c, s, block, end, mark);
    use_kept_priority(c, s);
    s->theirs_ended = end;
    s->end_given = end || wrong;
    s->head_given = true;
    x->wire_in += TC_H2_FRAME_HEAD + block.len;
    *ev = (tc_event){.kind = TC_EV_HEAD, .x = x, .err = wrong, .end = s->end_given};
    return TC_H2_EVENT;
}

/* CONNECT was asked for, and not refused so far. */
static bool carries_tunnel(const tc_h2 *c, const tc_exchange *x)
{
    return x->tunnel || (tc_h2_is_server(c) && x->theirs.method == TC_METHOD_CONNECT);
}

static enum tc_h2_step give_trailers(tc_h2 *c, tc_h2_stream *s, uint8_t flags, tc_span block)
{
    tc_err wrong = TC_OK;
    s->x->wire_in += TC_H2_FRAME_HEAD + block.len;
    const tc_err err =
        tc_h2_read_fields(c, block, TC_PART_TRAILERS, true, &s->x->arena, &s->x->theirs, &wrong);
    if (err) return tc_h2_block_failed(c, err);
    if (!wrong && !(flags & TC_H2_END_STREAM)) wrong = TC_ERR_STREAM_RULES;
    if (!wrong && carries_tunnel(c, s->x)) wrong = TC_ERR_STREAM_RULES; /* 8.5 */
    if (!wrong && s->x->theirs.length >= 0 && s->content != (uint64_t)s->x->theirs.length)
        wrong = TC_ERR_STREAM_RULES;
    if (wrong) {
        tc_h2_break(c, s, TC_H2_PROTOCOL_ERROR, wrong, true);
        return TC_H2_AGAIN;
    }
    s->theirs_ended = true;
    tc_h2_say(c, s);
    return TC_H2_AGAIN;
}

static enum tc_h2_step give_response(tc_h2 *c, tc_h2_stream *s, uint8_t flags, tc_span block,
                                     tc_event *ev)
{
    const bool end = flags & TC_H2_END_STREAM;
    tc_exchange *x = s->x;
    tc_err wrong = TC_OK;
    x->wire_in += TC_H2_FRAME_HEAD + block.len;
    x->theirs = (tc_message){.version = TC_HTTP_2}; /* after an informational one */
    const tc_err err =
        tc_h2_read_fields(c, block, TC_PART_RESPONSE, end, &x->arena, &x->theirs, &wrong);
    if (err) return tc_h2_block_failed(c, err);
    const unsigned status = x->theirs.status;
    const bool interim = status < 200;
    if (!wrong && interim && end) wrong = TC_ERR_STREAM_RULES;
    if (!wrong && interim && ++s->informational > c->env->limits->informational) {
        c->env->reached->informational++;
        wrong = TC_ERR_TOO_MANY_1XX;
    }
    if (wrong) {
        tc_h2_break(c, s, TC_H2_PROTOCOL_ERROR, wrong, true);
        return TC_H2_AGAIN;
    }
    x->tunnel = tc_makes_tunnel(x->ours.method, status);
    if (x->tunnel) {
        x->theirs.length = end ? 0 : TC_LENGTH_UNKNOWN; /* whatever fields say */
    } else if (interim || tc_status_no_content(status) || x->ours.method == TC_METHOD_HEAD) {
        x->theirs.length = 0;
    } else if (end && x->theirs.length > 0) {
        tc_h2_break(c, s, TC_H2_PROTOCOL_ERROR, TC_ERR_STREAM_RULES, true);
        return TC_H2_AGAIN;
    }
    s->opened = true;
    s->head_given = !interim;
    s->theirs_ended = s->end_given = end;
    if (end) tc_h2_say(c, s);
    *ev = (tc_event){.kind = TC_EV_HEAD, .x = x, .end = end};
    return TC_H2_EVENT;
}

/* A block of fields is whole. */
static enum tc_h2_step give_block(tc_h2 *c, uint32_t id, uint8_t flags, tc_span block, tc_event *ev)
{
    tc_h2_stream *s = tc_h2_find(c, id);
    tc_err wrong;
    if (client_stream(c, id) > c->last_theirs) return begin_request(c, id, flags, block, ev);
    if (s && !s->closing && !s->theirs_ended) {
        if (s->head_given) return give_trailers(c, s, flags, block);
        return give_response(c, s, flags, block, ev);
    }
    const tc_err err = tc_h2_read_fields(c, block, TC_PART_TRAILERS, true, NULL, NULL, &wrong);
    if (err) return tc_h2_block_failed(c, err);
    if (s && s->theirs_ended && !s->closing)
        tc_h2_break(c, s, TC_H2_STREAM_CLOSED, TC_ERR_STREAM_RULES, true);
    else if (s || tc_h2_was_ours_to_break(c, id))
        (void)tc_h2_count_frame(c); /* it was on its way; where it failed, nothing more is read */
    else
        tc_h2_fail(c, TC_H2_STREAM_CLOSED, TC_ERR_FRAMES, "HEADERS of a stream that was closed");
    return TC_H2_AGAIN;
}

static enum tc_h2_step give_whole(tc_h2 *c, uint32_t id, uint32_t promised, uint8_t flags,
                                  tc_span block, tc_event *ev)
{
    return promised ? tc_h2_give_promise(c, id, promised, block, ev)
                    : give_block(c, id, flags, block, ev);
}

/* The fragment in a payload, without padding and the old priority. False: it makes no sense. */
static bool fragment(tc_h2 *c, tc_h2_head head, tc_span *payload)
{
    uint32_t pad = 0;
    if (head.flags & TC_H2_PADDED) pad = (uint8_t)tc_span_take(payload, 1).at[0];
    if (head.flags & TC_H2_PRIORITIZED) {
        if (payload->len < 5) {
            tc_h2_fail(c, TC_H2_FRAME_SIZE_ERROR, TC_ERR_FRAMES, "HEADERS is too short");
            return false;
        }
        tc_span_take(payload, 5); /* RFC 7540's trees are not kept (RFC 9113, 5.3.2) */
    }
    if (pad > payload->len) {
        protocol_error(c, "padding is longer than its frame");
        return false;
    }
    payload->len -= pad;
    return true;
}

/* A block is read to twice the limit of its fields: it has to be decoded to keep the tables in
 * step, and then its request can be answered with 431. */
static enum tc_h2_step keep_fragment(tc_h2 *c, tc_span part)
{
    const uint64_t limit = c->env->limits->fields_bytes;
    const uint64_t most = limit < TC_H2_BLOCK_MAX / 2 ? limit * 2 : TC_H2_BLOCK_MAX;
    if (c->block.len + part.len > most) {
        c->env->reached->fields_bytes++;
        tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_FIELDS_TOO_LARGE, "fields are too large");
    } else if (tc_buf_add(&c->block, part) != TC_OK) {
        tc_h2_fail(c, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
    }
    return TC_H2_AGAIN;
}

/* promised: by PUSH_PROMISE; 0: nothing. */
static enum tc_h2_step begin_block(tc_h2 *c, tc_h2_head head, uint32_t promised, tc_span part,
                                   tc_event *ev)
{
    if (head.flags & TC_H2_END_HEADERS)
        return give_whole(c, head.stream, promised, head.flags, part, ev);
    c->block_stream = head.stream;
    c->block_promise = promised;
    c->block_flags = head.flags;
    c->continuations = 0;
    if (!c->begun) c->begun = c->now;
    return keep_fragment(c, part);
}

static enum tc_h2_step read_promise(tc_h2 *c, tc_h2_head head, tc_span payload, tc_event *ev)
{
    head.flags &= (uint8_t)~TC_H2_PRIORITIZED; /* means nothing here */
    if (!fragment(c, head, &payload)) return TC_H2_AGAIN;
    if (payload.len < 4) {
        tc_h2_fail(c, TC_H2_FRAME_SIZE_ERROR, TC_ERR_FRAMES, "PUSH_PROMISE is too short");
        return TC_H2_AGAIN;
    }
    const uint32_t promised = tc_h2_u32(tc_span_take(&payload, 4).at) & 0x7fffffff;
    const char *wrong = tc_h2_promise_is_wrong(c, head.stream, promised);
    if (wrong) return protocol_error(c, wrong);
    c->last_theirs = promised;
    return begin_block(c, head, promised, payload, ev);
}

static enum tc_h2_step read_headers(tc_h2 *c, tc_h2_head head, tc_span payload, tc_event *ev)
{
    const bool server = tc_h2_is_server(c);
    if (server ? head.stream % 2 == 0 : tc_h2_is_idle(c, head.stream))
        return protocol_error(c, "HEADERS of a stream that cannot be");
    if (!fragment(c, head, &payload)) return TC_H2_AGAIN;
    return begin_block(c, head, 0, payload, ev);
}

static enum tc_h2_step read_continuation(tc_h2 *c, tc_h2_head head, tc_span payload, tc_event *ev)
{
    if (++c->continuations > c->env->limits->h2_continuations) {
        c->env->reached->h2_continuations++;
        tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_TOO_BUSY, "too many CONTINUATION");
        return TC_H2_AGAIN;
    }
    keep_fragment(c, payload);
    if (c->deaf || !(head.flags & TC_H2_END_HEADERS)) return TC_H2_AGAIN;
    c->block_stream = 0;
    const enum tc_h2_step step =
        give_whole(c, head.stream, c->block_promise, c->block_flags, tc_buf_span(&c->block), ev);
    tc_buf_fini(&c->block);
    return step;
}

/* --- a frame --------------------------------------------------------------------------------- */

/* What every frame of these kinds costs, so that none comes for nothing (10.5). */
static bool is_paid(const tc_h2 *c, tc_h2_head head)
{
    switch (head.type) {
    case TC_H2_DATA: return head.length > 0 || head.flags & TC_H2_END_STREAM;
    case TC_H2_HEADERS:
    case TC_H2_CONTINUATION:
    case TC_H2_RST_STREAM: return true; /* they have limits of their own */
    case TC_H2_SETTINGS: return !c->settled || (head.flags & TC_H2_ACK && !c->settings_acked);
    default: return false;
    }
}

static enum tc_h2_step do_frame(tc_h2 *c, tc_h2_head head, tc_span payload, tc_event *ev)
{
    switch (head.type) {
    case TC_H2_HEADERS: return read_headers(c, head, payload, ev);
    case TC_H2_CONTINUATION: return read_continuation(c, head, payload, ev);
    case TC_H2_RST_STREAM: return read_reset(c, head, payload);
    case TC_H2_PUSH_PROMISE: return read_promise(c, head, payload, ev);
    case TC_H2_SETTINGS: return read_settings(c, head, payload);
    case TC_H2_PING: return read_ping(c, head, payload);
    case TC_H2_GOAWAY: return read_goaway(c, payload);
    case TC_H2_WINDOW_UPDATE: return read_window_update(c, head, payload);
    case TC_H2_PRIORITY_UPDATE: return read_priority(c, payload);
    default: return TC_H2_AGAIN; /* PRIORITY, and kinds that nobody knows (5.5) */
    }
}

/* Order among frames: SETTINGS first, and nothing within a block of fields. */
static const char *out_of_order(const tc_h2 *c, tc_h2_head head)
{
    if (!c->settled && (head.type != TC_H2_SETTINGS || head.flags & TC_H2_ACK))
        return "SETTINGS must come first";
    if (c->block_stream ? head.type != TC_H2_CONTINUATION || head.stream != c->block_stream
                        : head.type == TC_H2_CONTINUATION)
        return "CONTINUATION out of order";
    return NULL;
}

static enum tc_h2_step wrong_frame(tc_h2 *c, tc_h2_head head, tc_h2_fault fault)
{
    if (!fault.stream) {
        tc_h2_fail(c, fault.code, TC_ERR_FRAMES, "frame breaks a rule");
        return TC_H2_AGAIN;
    }
    tc_h2_stream *s = tc_h2_find(c, head.stream);
    if (s && !s->closing)
        tc_h2_break(c, s, fault.code, TC_ERR_STREAM_RULES, true);
    else if (!s && !tc_h2_is_idle(c, head.stream))
        tc_h2_refuse(c, head.stream, fault.code);
    return TC_H2_AGAIN;
}

/* The preface of a client. False: it is not whole yet, or none. */
static bool greet(tc_h2 *c)
{
    const tc_span preface = TC_SPAN(TC_H2_PREFACE);
    switch (tc_h2_first_bytes(c->in)) {
    case TC_H2_MORE: return false;
    case TC_H2_NO: protocol_error(c, "no preface"); return false;
    case TC_H2_YES: tc_h2_take(c, preface.len); c->greeted = true;
    }
    return true;
}

/* The last frame of a block is noted when its fields are known. */
static void note_theirs(tc_h2 *c, tc_h2_head head, tc_span payload)
{
    if (!c->env->notes) return;
    c->has_noting = tc_h2_has_fields(head.type) && head.flags & TC_H2_END_HEADERS;
    c->noting = head;
    c->noting_payload = payload;
    if (!c->has_noting) tc_h2_note(c, false, &head, payload);
}

enum tc_h2_step tc_h2_read(tc_h2 *c, tc_event *ev)
{
    if (c->deaf) {
        tc_h2_take(c, c->in.len);
        return TC_H2_WAIT;
    }
    if (!c->greeted && !greet(c)) return c->deaf ? TC_H2_AGAIN : TC_H2_WAIT;
    if (c->data.stream) return tc_h2_read_data(c, ev);
    if (c->in.len < TC_H2_FRAME_HEAD) return TC_H2_WAIT;
    const tc_h2_head head = tc_h2_head_read(c->in.at);
    if (!c->settled && !tc_h2_is_server(c) && tc_span_starts(c->in, TC_SPAN("HTTP/1."))) {
        tc_h2_fail(c, TC_H2_HTTP_1_1_REQUIRED, TC_ERR_NOT_AGREED, "");
        return TC_H2_AGAIN;
    }
    const char *disorder = out_of_order(c, head);
    if (disorder) return protocol_error(c, disorder);
    const tc_h2_fault fault = tc_h2_check(&head, c->env->role);
    if (fault.code && !fault.stream) return wrong_frame(c, head, fault);
    const bool data = head.type == TC_H2_DATA;
    const size_t whole = data ? (head.flags & TC_H2_PADDED ? 1 : 0) : head.length;
    if (c->in.len < TC_H2_FRAME_HEAD + whole) return TC_H2_WAIT;
    const tc_span payload = tc_span_of(c->in.at + TC_H2_FRAME_HEAD, whole);
    note_theirs(c, head, payload);
    tc_h2_take(c, TC_H2_FRAME_HEAD + whole);
    if (!is_paid(c, head) && !tc_h2_count_frame(c)) return TC_H2_AGAIN;
    if (fault.code) return wrong_frame(c, head, fault);
    if (data) {
        c->begun = 0;
        return tc_h2_begin_data(c, head, payload);
    }
    const enum tc_h2_step step = do_frame(c, head, payload, ev);
    tc_h2_note_theirs(c); /* if its fields were not looked at */
    c->settled = true;
    if (!c->block_stream) c->begun = 0;
    return step;
}
