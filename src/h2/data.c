/* data.c - content comes in (RFC 9113, 5.2, 6.1 and 8.1.1).
 *
 * A run is given as a view of the input. If the reader does not take it at once, it is kept here,
 * so that the other streams go on; the windows bound how much that can be. */
// SPDX-License-Identifier: MIT
#include "h2/read.h"

static enum tc_h2_step fail(tc_h2 *c, enum tc_h2_code code, const char *why)
{
    tc_h2_fail(c, code, TC_ERR_FRAMES, why);
    return TC_H2_AGAIN;
}

/* DATA for a stream that reads none: an error, unless we had broken it off before. */
static enum tc_h2_step nobody_reads(tc_h2 *c, tc_h2_stream *s, uint32_t id)
{
    if (s && !s->closing && !s->theirs_ended && s->end_given)
        return TC_H2_AGAIN; /* its head was no good, and is answered */
    if (s && !s->closing && s->pushed && !s->opened)
        return fail(c, TC_H2_PROTOCOL_ERROR, "DATA of a stream that is reserved");
    if (s && !s->closing) {
        tc_h2_break(c, s, s->theirs_ended ? TC_H2_STREAM_CLOSED : TC_H2_PROTOCOL_ERROR,
                    TC_ERR_STREAM_RULES, true);
        return TC_H2_AGAIN;
    }
    if (s || tc_h2_was_ours_to_break(c, id)) return TC_H2_AGAIN;
    const bool idle = tc_h2_is_idle(c, id);
    return fail(c, idle ? TC_H2_PROTOCOL_ERROR : TC_H2_STREAM_CLOSED, "DATA of no open stream");
}

static bool is_read(const tc_h2_stream *s)
{
    return s && !s->closing && !s->theirs_ended && s->head_given && !s->end_given;
}

enum tc_h2_step tc_h2_begin_data(tc_h2 *c, tc_h2_head head, tc_span pad_length)
{
    tc_h2_stream *s = tc_h2_find(c, head.stream);
    const uint32_t pad = pad_length.len ? (uint8_t)pad_length.at[0] : 0;
    const uint32_t extra = (uint32_t)pad_length.len + pad;
    if (extra > head.length)
        return fail(c, TC_H2_PROTOCOL_ERROR, "padding is longer than its frame");
    const bool useless = extra > 0 && extra == head.length && !(head.flags & TC_H2_END_STREAM);
    if (useless && !tc_h2_count_frame(c)) return TC_H2_AGAIN;
    c->window.left -= head.length;
    if (c->window.left < 0) return fail(c, TC_H2_FLOW_CONTROL_ERROR, "DATA past the window");
    c->data = head;
    c->data.length = head.length - (uint32_t)pad_length.len;
    c->pad = pad;
    if (s && s->lingers && !s->closing && !s->theirs_ended) {
        s->content += head.length - extra;
        tc_h2_throw_away(c, s, head.length);
        return TC_H2_AGAIN;
    }
    if (!is_read(s)) {
        tc_h2_return(c, NULL, head.length); /* nobody will */
        return nobody_reads(c, s, head.stream);
    }
    s->window.left -= head.length;
    s->unreturned += head.length;
    if (s->window.left < 0) {
        tc_h2_break(c, s, TC_H2_FLOW_CONTROL_ERROR, TC_ERR_STREAM_RULES, true);
        return TC_H2_AGAIN;
    }
    tc_h2_return(c, s, extra);
    const uint64_t all = s->content + head.length - extra;
    const int64_t length = s->x->theirs.length;
    s->x->wire_in += TC_H2_FRAME_HEAD + head.length;
    if (length >= 0 &&
        (all > (uint64_t)length || (head.flags & TC_H2_END_STREAM && all < (uint64_t)length)))
        tc_h2_break(c, s, TC_H2_PROTOCOL_ERROR, TC_ERR_STREAM_RULES, true);
    return TC_H2_AGAIN;
}

void tc_h2_keep_lent(tc_h2 *c)
{
    tc_h2_stream *s = c->lent;
    c->lent = NULL;
    if (!s || s->closing || s->offered == 0) return;
    if (tc_buf_add(&s->held, c->lent_data) != TC_OK)
        tc_h2_break(c, s, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, false);
    if (s->again) tc_h2_say(c, s);
}

/* The frame is over; with END_STREAM, so is their message. Returns whether END is still to be said.
 */
static bool end_of_frame(tc_h2 *c, tc_h2_stream *s)
{
    const bool end = c->data.flags & TC_H2_END_STREAM;
    c->data = (tc_h2_head){0};
    if (!end || !s || s->theirs_ended || !(is_read(s) || s->lingers)) return false;
    s->theirs_ended = true;
    if (s->lingers) tc_h2_settle(c, s);
    return !s->lingers;
}

enum tc_h2_step tc_h2_read_data(tc_h2 *c, tc_event *ev)
{
    tc_h2_stream *s = tc_h2_find(c, c->data.stream);
    const bool read = is_read(s);
    const size_t content = c->data.length - c->pad;
    const size_t n = c->in.len < content ? c->in.len : content;
    const tc_span data = tc_span_first(c->in, n);
    if (n < content || c->pad == 0) {
        tc_h2_take(c, n);
        c->data.length -= (uint32_t)n;
    } else { /* content, then padding, as much as there is */
        const size_t rest = c->in.len - n < c->pad ? c->in.len - n : c->pad;
        tc_h2_take(c, n + rest);
        c->pad -= (uint32_t)rest;
        c->data.length -= (uint32_t)(n + rest);
    }
    const bool over = c->data.length == 0;
    if (!over && n == 0) return TC_H2_WAIT;
    const bool end = over && end_of_frame(c, s);
    if (!read) return TC_H2_AGAIN;
    s->content += n;
    if (s->offered > 0 || s->held.len > 0) { /* behind what waits */
        if (n > 0 && tc_buf_add(&s->held, data) != TC_OK)
            tc_h2_break(c, s, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, false);
        return TC_H2_AGAIN;
    }
    if (n == 0) {
        if (end) tc_h2_say(c, s);
        return TC_H2_AGAIN;
    }
    s->offered = n;
    s->end_given = end;
    c->lent = s;
    c->lent_data = data;
    if (end) tc_h2_say(c, s);
    *ev = (tc_event){.kind = TC_EV_DATA, .x = s->x, .data = data, .end = end};
    return TC_H2_EVENT;
}
