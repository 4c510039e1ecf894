/* control.c - the peer's unidirectional streams (RFC 9114, 6.2 and 7.2; RFC 9204, 4.2): settings
 * and what else concerns the connection, and both of QPACK. Others are refused or ignored. */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

static enum tc_h3_step fail(tc_h3 *c, enum tc_h3_code code, const char *why)
{
    tc_h3_fail(c, code, TC_ERR_FRAMES, why);
    return TC_H3_AGAIN;
}

/* --- frames of the control stream ------------------------------------------------------------ */

static enum tc_h3_step read_settings(tc_h3 *c, tc_span payload)
{
    uint64_t number, value, seen = 0;
    while (payload.len > 0) {
        enum tc_h3_code wrong;
        if (!tc_h3_varint_take(&payload, &number) || !tc_h3_varint_take(&payload, &value))
            return fail(c, TC_H3_FRAME_ERROR, "setting breaks off");
        const enum tc_h3_setting setting = tc_h3_check_setting(number, value, &wrong);
        if (wrong != TC_H3_NO_ERROR || (setting < TC_H3_SETTINGS_KNOWN && seen >> setting & 1))
            return fail(c, TC_H3_SETTINGS_ERROR, "setting with a wrong value, or twice");
        if (setting == TC_H3_SETTINGS_KNOWN) continue;
        seen |= UINT64_C(1) << setting;
        c->theirs[setting] = value;
    }
    tc_qpack_encoder_limit(&c->encoder, c->theirs[TC_H3_QPACK_MAX_TABLE_CAPACITY],
                           c->theirs[TC_H3_QPACK_BLOCKED_STREAMS]);
    return TC_H3_AGAIN;
}

/* At a client, requests from that number on were not begun (5.2). */
static enum tc_h3_step read_goaway(tc_h3 *c, uint64_t id)
{
    const bool server = tc_h3_is_server(c);
    if ((!server && id % 4 != 0) || (c->gone && id > c->gone_from))
        return fail(c, TC_H3_ID_ERROR, "GOAWAY names what it may not");
    c->gone = true;
    c->gone_from = id;
    for (int i = 0; i < TC_H3_BUCKETS && !server; i++)
        for (tc_h3_stream *s = c->buckets[i]; s; s = s->chain)
            if (s->id >= id) tc_h3_break(c, s, TC_H3_REQUEST_CANCELLED, TC_ERR_REFUSED);
    return TC_H3_AGAIN;
}

static enum tc_h3_step read_max_push_id(tc_h3 *c, uint64_t id)
{
    if (c->max_push_id != TC_NO_STREAM && id < c->max_push_id)
        return fail(c, TC_H3_ID_ERROR, "MAX_PUSH_ID falls");
    c->max_push_id = id;
    return TC_H3_AGAIN;
}

/* A stream that has not begun yet is remembered for when it does (RFC 9218, 7.2). */
static enum tc_h3_step read_priority(tc_h3 *c, tc_span payload)
{
    tc_priority priority = {.urgency = TC_URGENCY};
    uint64_t id;
    if (!tc_h3_varint_take(&payload, &id)) return fail(c, TC_H3_FRAME_ERROR, "no number");
    if (id % 4 != 0) return fail(c, TC_H3_ID_ERROR, "PRIORITY_UPDATE of no request");
    tc_priority_read(payload, &priority);
    tc_h3_stream *s = tc_h3_find(c, id);
    if (s) {
        tc_h3_unready(c, s);
        s->priority = priority;
        s->updated = true;
        tc_h3_ready(c, s);
    } else if (id >= c->after_theirs) {
        uint32_t at = 0;
        while (at < TC_H3_EARLY && c->early[at].id != id)
            at++;
        if (at == TC_H3_EARLY) at = c->early_at++ % TC_H3_EARLY;
        c->early[at].id = id;
        c->early[at].priority = priority;
    }
    return TC_H3_AGAIN;
}

/* A payload that is one number and no more. */
static bool number_of(tc_span payload, uint64_t *ret_id)
{
    return tc_h3_varint_take(&payload, ret_id) && payload.len == 0;
}

static enum tc_h3_step do_frame(tc_h3 *c, tc_h3_head head, tc_span payload)
{
    uint64_t id;
    switch (head.type) {
    case TC_H3_SETTINGS: return read_settings(c, payload);
    case TC_H3_PRIORITY_UPDATE: return read_priority(c, payload);
    case TC_H3_PRIORITY_UPDATE_PUSH: return fail(c, TC_H3_ID_ERROR, "no push was promised");
    default: break;
    }
    if (!number_of(payload, &id)) return fail(c, TC_H3_FRAME_ERROR, "not one number");
    switch (head.type) {
    case TC_H3_GOAWAY: return read_goaway(c, id);
    case TC_H3_MAX_PUSH_ID: return read_max_push_id(c, id);
    default: return fail(c, TC_H3_ID_ERROR, "no push was promised"); /* CANCEL_PUSH */
    }
}

static enum tc_h3_step read_control(tc_h3 *c)
{
    tc_span rest = c->in;
    tc_h3_head head;
    if (c->control_left > 0) {
        const size_t n = c->in.len < c->control_left ? c->in.len : (size_t)c->control_left;
        tc_h3_take(c, n);
        c->control_left -= n;
        return n ? TC_H3_AGAIN : TC_H3_WAIT;
    }
    if (!tc_h3_head_take(&rest, &head)) return TC_H3_WAIT;
    if (!c->settled && head.type != TC_H3_SETTINGS)
        return fail(c, TC_H3_MISSING_SETTINGS, "SETTINGS must come first");
    const enum tc_h3_code wrong = tc_h3_check(head, TC_H3_ON_CONTROL, c->env->role);
    if (wrong != TC_H3_NO_ERROR) return fail(c, wrong, "frame breaks a rule");
    if (c->settled && head.type == TC_H3_SETTINGS)
        return fail(c, TC_H3_FRAME_UNEXPECTED, "SETTINGS twice");
    const bool known = tc_h3_is_known(head.type);
    if (known && rest.len < head.length) return TC_H3_WAIT;
    const tc_span payload = tc_span_first(rest, known ? (size_t)head.length : 0);
    tc_h3_note(c, false, c->sid, head, payload);
    tc_h3_take(c, c->in.len - rest.len + payload.len);
    if (c->settled && !tc_h3_count_frames(c, 1)) return TC_H3_AGAIN;
    c->settled = true;
    if (known) return do_frame(c, head, payload);
    c->control_left = head.length;
    return TC_H3_AGAIN;
}

/* --- QPACK's ---------------------------------------------------------------------------------- */

enum { INSERTS_A_FRAME = 16 /* entries that cost a peer what a frame without use does */ };

static enum tc_h3_step read_encoder(tc_h3 *c)
{
    const uint64_t before = c->decoder.inserts;
    const size_t len = c->in.len;
    tc_span in = c->in;
    const tc_err err = tc_qpack_decoder_read(&c->decoder, &in);
    tc_h3_take(c, len - in.len);
    if (err == TC_ERR_NO_MEMORY)
        tc_h3_fail(c, TC_H3_INTERNAL_ERROR, err, "");
    else if (err)
        return fail(c, TC_H3_QPACK_ENCODER_STREAM_ERROR, "encoder stream makes no sense");
    (void)tc_h3_count_frames(c, c->decoder.inserts / INSERTS_A_FRAME - before / INSERTS_A_FRAME);
    return TC_H3_WAIT;
}

static enum tc_h3_step read_decoder(tc_h3 *c)
{
    const size_t len = c->in.len;
    tc_span in = c->in;
    const tc_err err = tc_qpack_encoder_read(&c->encoder, &in);
    tc_h3_take(c, len - in.len);
    if (err) return fail(c, TC_H3_QPACK_DECODER_STREAM_ERROR, "decoder stream makes no sense");
    return TC_H3_WAIT;
}

/* --- which stream it is ---------------------------------------------------------------------- */

static int kind_of(uint64_t type)
{
    return type == TC_H3_CONTROL_STREAM   ? TC_H3_CONTROL
           : type == TC_H3_ENCODER_STREAM ? TC_H3_ENCODER
           : type == TC_H3_DECODER_STREAM ? TC_H3_DECODER
                                          : TC_H3_PIPES;
}

static enum tc_h3_step begin(tc_h3 *c)
{
    uint64_t type;
    tc_span rest = c->in;
    if (!tc_h3_varint_take(&rest, &type)) return TC_H3_WAIT; /* it may end so (6.2) */
    tc_h3_take(c, c->in.len - rest.len);
    const int kind = kind_of(type);
    if (kind < TC_H3_PIPES) {
        if (c->theirs_sid[kind] != TC_NO_STREAM)
            return fail(c, TC_H3_STREAM_CREATION_ERROR, "a second stream of its kind");
        c->theirs_sid[kind] = c->sid;
        tc_h3_note_stream(c, false, c->sid, (enum tc_h3_pipe_kind)kind);
        return TC_H3_AGAIN;
    }
    if (type == TC_H3_PUSH_STREAM)
        return tc_h3_is_server(c) ? fail(c, TC_H3_STREAM_CREATION_ERROR, "a client that pushes")
                                  : fail(c, TC_H3_ID_ERROR, "a push, which was never allowed");
    tc_h3_remember(c, c->sid);
    tc_h3_take(c, c->in.len);
    if (!tc_h3_count_frames(c, 1)) return TC_H3_AGAIN;
    if (!c->fin) tc_h3_order(c, NULL, TC_ORDER_STOP, c->sid, TC_H3_STREAM_CREATION_ERROR);
    return TC_H3_WAIT;
}

enum tc_h3_step tc_h3_read_uni(tc_h3 *c)
{
    enum tc_h3_step step = TC_H3_WAIT;
    int kind = 0;
    while (kind < TC_H3_PIPES && c->theirs_sid[kind] != c->sid)
        kind++;
    if (tc_h3_is_remembered(c, c->sid)) {
        tc_h3_take(c, c->in.len);
        return TC_H3_WAIT;
    }
    if (c->in.len > 0)
        step = kind == TC_H3_CONTROL   ? read_control(c)
               : kind == TC_H3_ENCODER ? read_encoder(c)
               : kind == TC_H3_DECODER ? read_decoder(c)
                                       : begin(c);
    if (step == TC_H3_WAIT && c->fin && kind < TC_H3_PIPES && !c->deaf)
        return fail(c, TC_H3_CLOSED_CRITICAL_STREAM, "a stream ends that the connection needs");
    return step;
}
