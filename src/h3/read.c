/* read.c - request streams come in (RFC 9114, 4.1 and 7): each frame is judged by the table, then
 * by what came before it.
 *
 * HEADERS are taken whole, content as it comes. What is not taken is lent again: that is how a
 * reader that pauses, and a section that waits for the encoder stream, hold a stream up. */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

static enum tc_h3_step fail(tc_h3 *c, enum tc_h3_code code, const char *why)
{
    tc_h3_fail(c, code, TC_ERR_FRAMES, why);
    return TC_H3_AGAIN;
}

static enum tc_h3_step fault(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code, tc_err err)
{
    tc_h3_fault(c, s, code, err);
    return TC_H3_AGAIN;
}

/* --- a stream begins ------------------------------------------------------------------------- */

static enum tc_h3_step begin(tc_h3 *c)
{
    const uint64_t id = c->sid;
    const bool late = c->goaway_last && id >= c->after_theirs;
    const bool full = !late && c->alive >= c->env->limits->h3_streams;
    if (id % 4 != 0 || !tc_h3_is_server(c))
        return fail(c, TC_H3_STREAM_CREATION_ERROR, "a stream that no server may begin");
    tc_exchange *x = late || full ? NULL : tc_slab_get(c->env->exchanges);
    if (x) {
        tc_exchange_init(x, id, c->env->limits->exchange_bytes);
        x->times.begun = c->now;
        c->lent = tc_h3_begin(c, x, id);
        if (!c->lent) {
            tc_exchange_fini(x);
            tc_slab_put(c->env->exchanges, x);
        }
    }
    if (!c->goaway_last && id >= c->after_theirs) c->after_theirs = id + 4;
    if (c->lent) {
        c->lent->begun = c->now;
        tc_h3_await_head(c, c->lent);
        tc_h3_watch(c, c->env->limits->header_ms);
        return TC_H3_AGAIN;
    }
    c->env->reached->h3_streams += full;
    tc_h3_take(c, c->in.len);
    tc_h3_refuse(c, id, TC_H3_REQUEST_REJECTED);
    return TC_H3_AGAIN;
}

/* --- HEADERS --------------------------------------------------------------------------------- */

static enum tc_h3_step give_request(tc_h3 *c, tc_h3_stream *s, bool end, tc_err wrong, tc_event *ev)
{
    tc_exchange *x = s->x;
    tc_span priority;
    if (wrong == TC_ERR_STREAM_RULES) return fault(c, s, TC_H3_MESSAGE_ERROR, wrong);
    if (wrong == TC_ERR_NO_MEMORY) {
        tc_h3_break(c, s, TC_H3_REQUEST_REJECTED, wrong);
        return TC_H3_AGAIN;
    }
    tc_h3_has_head(c, s);
    if (!s->updated && tc_fields_get(&x->theirs.fields, TC_FIELD_PRIORITY, &priority))
        tc_priority_read(priority, &s->priority);
    s->theirs_ended = end;
    s->end_given = end || wrong;
    s->deaf = wrong != TC_OK;
    *ev = (tc_event){.kind = TC_EV_HEAD, .x = x, .err = wrong, .end = s->end_given};
    return TC_H3_EVENT;
}

static enum tc_h3_step give_response(tc_h3 *c, tc_h3_stream *s, bool end, tc_err wrong,
                                     tc_event *ev)
{
    tc_message *m = &s->x->theirs;
    const bool interim = m->status < 200;
    if (!wrong && interim && end) wrong = TC_ERR_STREAM_RULES;
    if (!wrong && interim && ++s->informational > c->env->limits->informational) {
        c->env->reached->informational++;
        wrong = TC_ERR_TOO_MANY_1XX;
    }
    const bool none =
        interim || tc_status_no_content(m->status) || s->x->ours.method == TC_METHOD_HEAD;
    const bool tunnel = tc_makes_tunnel(s->x->ours.method, m->status);
    if (!wrong && end && m->length > 0 && !none && !tunnel) wrong = TC_ERR_STREAM_RULES;
    if (wrong) return fault(c, s, TC_H3_MESSAGE_ERROR, wrong);
    if (none) m->length = 0;
    s->x->tunnel = tunnel;
    if (tunnel) m->length = end ? 0 : TC_LENGTH_UNKNOWN; /* whatever fields say */
    s->head_given = !interim;
    s->theirs_ended = s->end_given = end;
    if (end) tc_h3_say(c, s);
    *ev = (tc_event){.kind = TC_EV_HEAD, .x = s->x, .end = end};
    return TC_H3_EVENT;
}

static enum tc_h3_step give_trailers(tc_h3 *c, tc_h3_stream *s, tc_err wrong)
{
    if (wrong) return fault(c, s, TC_H3_MESSAGE_ERROR, wrong);
    s->trailed = true;
    return TC_H3_AGAIN;
}

/* A HEADERS frame is whole, front bytes of head before it. */
static enum tc_h3_step read_headers(tc_h3 *c, tc_h3_stream *s, tc_span whole, size_t front,
                                    tc_event *ev)
{
    const bool server = tc_h3_is_server(c);
    const enum tc_part part = s->head_given ? TC_PART_TRAILERS
                              : server      ? TC_PART_REQUEST
                                            : TC_PART_RESPONSE;
    const bool end = c->fin && c->in.len == front + whole.len;
    bool blocked;
    tc_err wrong = TC_OK;
    if (part == TC_PART_RESPONSE) s->x->theirs = (tc_message){.version = TC_HTTP_3};
    if (!tc_h3_read_fields(c, s, whole, part, end, &s->x->theirs, &blocked, &wrong))
        return blocked ? TC_H3_WAIT : TC_H3_AGAIN;
    s->x->wire_in += front + whole.len;
    tc_h3_note(c, false, s->id, (tc_h3_head){TC_H3_HEADERS, whole.len}, whole);
    tc_h3_take(c, front + whole.len);
    if (part == TC_PART_TRAILERS) return give_trailers(c, s, wrong);
    if (server) return give_request(c, s, end, wrong, ev);
    return give_response(c, s, end, wrong, ev);
}

/* More than all fields may be is not waited for. A request is answered without having been read. */
static enum tc_h3_step too_large(tc_h3 *c, tc_h3_stream *s, size_t front, tc_event *ev)
{
    c->env->reached->fields_bytes++;
    if (!tc_h3_is_server(c) || s->head_given)
        return fault(c, s, TC_H3_EXCESSIVE_LOAD, TC_ERR_FIELDS_TOO_LARGE);
    s->x->wire_in += front;
    tc_h3_take(c, front);
    tc_h3_stop(c, s, TC_H3_NO_ERROR);
    return give_request(c, s, false, TC_ERR_FIELDS_TOO_LARGE, ev);
}

/* --- DATA ------------------------------------------------------------------------------------ */

static enum tc_h3_step begin_data(tc_h3 *c, tc_h3_stream *s, uint64_t length)
{
    const int64_t stated = s->x->theirs.length;
    s->in_data = true;
    if (length > TC_H3_ANY - s->content || (stated >= 0 && s->content + length > (uint64_t)stated))
        return fault(c, s, TC_H3_MESSAGE_ERROR, TC_ERR_STREAM_RULES);
    s->left = length;
    if (length == 0) (void)tc_h3_count_frames(c, 1); /* where it failed, nothing more is read */
    return TC_H3_AGAIN;
}

static enum tc_h3_step give_data(tc_h3 *c, tc_h3_stream *s, tc_event *ev)
{
    *ev = (tc_event){.kind = TC_EV_DATA,
                     .x = s->x,
                     .data = tc_span_first(c->in, s->offered),
                     .end = s->theirs_ended};
    s->again = false;
    s->end_given = s->theirs_ended;
    if (s->end_given) tc_h3_say(c, s);
    return TC_H3_EVENT;
}

static bool is_complete(const tc_h3_stream *s)
{
    const int64_t length = s->x->theirs.length;
    return length < 0 || s->content == (uint64_t)length;
}

static enum tc_h3_step read_data(tc_h3 *c, tc_h3_stream *s, tc_event *ev)
{
    const size_t n = c->in.len < s->left ? c->in.len : (size_t)s->left;
    if (n == 0) return TC_H3_WAIT;
    s->left -= n;
    s->content += n;
    s->offered = n;
    s->x->wire_in += n;
    const bool over = c->fin && s->left == 0 && c->in.len == n;
    s->theirs_ended = over && is_complete(s); /* where it is not, that is seen behind it */
    return give_data(c, s, ev);
}

static enum tc_h3_step skip(tc_h3 *c, tc_h3_stream *s)
{
    const size_t n = c->in.len < s->left ? c->in.len : (size_t)s->left;
    tc_h3_take(c, n);
    s->left -= n;
    return n > 0 ? TC_H3_AGAIN : TC_H3_WAIT;
}

/* --- a frame --------------------------------------------------------------------------------- */

/* Behind CONNECT there is nothing but DATA (4.4). */
static bool carries_tunnel(const tc_h3_stream *s)
{
    return s->x->tunnel || (s->head_given && s->x->theirs.method == TC_METHOD_CONNECT);
}

static bool out_of_order(const tc_h3_stream *s, uint64_t type)
{
    if (type == TC_H3_HEADERS && carries_tunnel(s)) return true;
    return type == TC_H3_DATA ? !s->head_given || s->trailed : type == TC_H3_HEADERS && s->trailed;
}

static enum tc_h3_step read_frame(tc_h3 *c, tc_h3_stream *s, tc_event *ev)
{
    tc_span rest = c->in;
    tc_h3_head head;
    if (!tc_h3_head_take(&rest, &head)) return TC_H3_WAIT;
    const size_t front = c->in.len - rest.len;
    const enum tc_h3_code wrong = tc_h3_check(head, TC_H3_ON_REQUEST, c->env->role);
    if (wrong != TC_H3_NO_ERROR) return fail(c, wrong, "frame breaks a rule");
    if (out_of_order(s, head.type))
        return fail(c, TC_H3_FRAME_UNEXPECTED, "frame may not stand there");
    if (head.type == TC_H3_PUSH_PROMISE)
        return fail(c, TC_H3_ID_ERROR, "a push, which was never allowed");
    if (head.type == TC_H3_HEADERS) {
        if (head.length > c->env->limits->fields_bytes) return too_large(c, s, front, ev);
        if (rest.len < head.length) return TC_H3_WAIT;
        return read_headers(c, s, tc_span_first(rest, (size_t)head.length), front, ev);
    }
    tc_h3_take(c, front);
    s->x->wire_in += front;
    tc_h3_note(c, false, s->id, head, (tc_span){0});
    if (head.type == TC_H3_DATA) return begin_data(c, s, head.length);
    s->in_data = false; /* of a kind that nobody knows (9) */
    s->left = head.length;
    (void)tc_h3_count_frames(c, 1); /* where it failed, nothing more is read */
    return TC_H3_AGAIN;
}

/* The stream is over: was the message? */
static enum tc_h3_step end_of_stream(tc_h3 *c, tc_h3_stream *s)
{
    if (c->in.len > 0 || s->left > 0) return fail(c, TC_H3_FRAME_ERROR, "frame breaks off");
    if (!s->head_given)
        return fault(c, s, tc_h3_is_server(c) ? TC_H3_REQUEST_INCOMPLETE : TC_H3_MESSAGE_ERROR,
                     tc_h3_is_server(c) ? TC_ERR_STREAM_RULES : TC_ERR_HEAD_CUT);
    if (!is_complete(s)) return fault(c, s, TC_H3_MESSAGE_ERROR, TC_ERR_BODY_CUT);
    s->theirs_ended = true;
    tc_h3_say(c, s);
    return TC_H3_WAIT;
}

enum tc_h3_step tc_h3_read(tc_h3 *c, tc_event *ev)
{
    if (!c->lent) {
        if (!c->new_stream) {
            tc_h3_take(c, c->in.len);
            return TC_H3_WAIT;
        }
        c->new_stream = false;
        return begin(c);
    }
    tc_h3_stream *s = c->lent;
    if (s->closing || s->deaf) {
        tc_h3_throw_away(c, s);
        return TC_H3_WAIT;
    }
    if (s->offered > 0) return s->again ? give_data(c, s, ev) : TC_H3_WAIT;
    if (s->theirs_ended) return TC_H3_WAIT;
    if (c->in.len > 0) {
        const enum tc_h3_step step = s->left == 0 ? read_frame(c, s, ev)
                                     : s->in_data ? read_data(c, s, ev)
                                                  : skip(c, s);
        if (step != TC_H3_WAIT) return step;
    }
    return c->fin && !s->waits ? end_of_stream(c, s) : TC_H3_WAIT;
}
