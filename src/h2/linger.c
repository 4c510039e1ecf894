/* linger.c - the rest of a request whose answer is whole already (RFC 9113, 8.1).
 *
 * RST_STREAM with NO_ERROR is right at once, but there are clients that throw the answer away with
 * it (curl 7.88). So a bounded rest is read for a bounded while, and nobody sees it. */
// SPDX-License-Identifier: MIT
#include "h2/read.h"

bool tc_h2_linger(tc_h2 *c, tc_h2_stream *s)
{
    const tc_limits *l = c->env->limits;
    if (s->lingers) return true;
    if (!l->linger_ms || !l->unread_body || c->deaf) return false;
    const int64_t ms = l->linger_ms < INT32_MAX ? (int64_t)l->linger_ms : INT32_MAX;
    s->lingers = s->end_given = true;
    s->linger_until = c->now + ms * TC_MS;
    if (!c->linger_at) c->linger_at = s->linger_until; /* others began before, and end before */
    s->offered = 0;
    if (c->lent == s) c->lent = NULL;
    tc_buf_fini(&s->held);
    tc_h2_return(c, s, s->unreturned);
    if (c->data.stream == s->id)
        s->content += c->data.length - c->pad; /* of a frame that was begun */
    return true;
}

void tc_h2_throw_away(tc_h2 *c, tc_h2_stream *s, uint32_t bytes)
{
    s->window.left -= bytes;
    s->unreturned += bytes;
    s->thrown += bytes;
    s->x->wire_in += TC_H2_FRAME_HEAD + bytes;
    if (s->window.left < 0)
        tc_h2_break(c, s, TC_H2_FLOW_CONTROL_ERROR, TC_ERR_STREAM_RULES, true);
    else if (s->thrown > c->env->limits->unread_body) {
        c->env->reached->unread_body++;
        tc_h2_break(c, s, TC_H2_NO_ERROR, TC_OK, false);
    } else
        tc_h2_return(c, s, bytes);
}

int64_t tc_h2_linger_deadline(const tc_h2 *c)
{
    return c->linger_at ? c->linger_at : TC_NEVER;
}

void tc_h2_linger_tick(tc_h2 *c)
{
    if (!c->linger_at || c->now < c->linger_at) return;
    int64_t next = 0;
    for (int i = 0; i < TC_H2_BUCKETS; i++) {
        for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain) {
            if (!s->lingers || s->closing) continue;
            if (c->now >= s->linger_until) {
                c->env->reached->linger_ms++;
                tc_h2_break(c, s, TC_H2_NO_ERROR, TC_OK, false);
            } else if (!next || s->linger_until < next)
                next = s->linger_until;
        }
    }
    c->linger_at = next;
}
