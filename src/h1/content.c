/* content.c - content as it arrives (RFC 9112, 6.3 and 7.1), shown where it lies. */
// SPDX-License-Identifier: MIT
#include "h1/state.h"

/* Moves to the content at the front of the input. *ret_data: how much of it is there; 0 when more
 * input is needed or the phase has changed. */
static void find_content(tc_h1 *h, size_t *ret_data)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    *ret_data = 0;
    switch (s->body) {
    case TC_H1_NO_BODY: break;
    case TC_H1_LENGTH:
        *ret_data = h->in.len < s->left ? h->in.len : (size_t)s->left;
        if (*ret_data == 0 && h->fin) tc_h1_break(h, TC_ERR_BODY_CUT);
        break;
    case TC_H1_TUNNEL:
    case TC_H1_UNTIL_CLOSE:
        if (s->body == TC_H1_TUNNEL && !h->x->tunnel) break;
        *ret_data = h->in.len;
        if (*ret_data == 0 && h->fin) h->phase = TC_H1_END_READY;
        break;
    case TC_H1_CHUNKED: {
        tc_span in = h->in;
        bool done = false;
        const tc_err err = tc_chunked_next(&s->chunked, tc_h1_limits(h), h->engine.env->reached,
                                           &in, ret_data, &done);
        tc_h1_take(h, h->in.len - in.len);
        if (err) {
            tc_h1_break(h, err);
        } else if (done) {
            s->fields_bytes = s->field_lines = 0;
            h->phase = TC_H1_TRAILERS;
        } else if (*ret_data == 0 && h->fin) {
            tc_h1_break(h, TC_ERR_CHUNKS_CUT);
        }
        break;
    }
    }
}

bool tc_h1_read_content(tc_h1 *h, tc_span *ret_data, bool *ret_end)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    if (s->offered > 0) return false;
    size_t n;
    find_content(h, &n);
    s->offered = n;
    *ret_data = tc_span_first(h->in, n);
    *ret_end = s->body == TC_H1_LENGTH && n == s->left;
    return n > 0 || h->phase != TC_H1_CONTENT;
}

void tc_h1_take_content(tc_h1 *h, size_t n)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    tc_h1_take(h, n);
    if (s->body == TC_H1_CHUNKED) {
        tc_chunked_took(&s->chunked, n);
    } else if (s->body == TC_H1_LENGTH) {
        s->left -= n;
        if (s->left == 0) h->phase = TC_H1_DONE;
    }
}

uint64_t tc_h1_content_left(const tc_h1_stream *s)
{
    switch (s->body) {
    case TC_H1_NO_BODY: break;
    case TC_H1_LENGTH: return s->left;
    case TC_H1_CHUNKED:
    case TC_H1_UNTIL_CLOSE:
    case TC_H1_TUNNEL: return UINT64_MAX;
    }
    return 0;
}

bool tc_h1_swallow(tc_h1 *h)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    const uint64_t room = tc_h1_limits(h)->unread_body - s->swallowed;
    size_t n;
    s->offered = 0;
    find_content(h, &n);
    if (n > room || (s->body == TC_H1_LENGTH && s->left > room)) {
        h->engine.env->reached->unread_body++;
        s->close = s->unread = true;
        h->phase = TC_H1_DEAF;
        return true;
    }
    s->swallowed += n;
    if (n > 0) tc_h1_take_content(h, n);
    return n > 0 || h->phase != TC_H1_CONTENT;
}
