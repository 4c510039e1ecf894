/* linger.c - the rest of a request whose answer is whole already (RFC 9114, 4.1).
 *
 * To stop it with NO_ERROR is right at once, but there are clients that throw the answer away with
 * it (curl 8.14 on OpenSSL's QUIC). So a bounded rest is read for a bounded while, and nobody sees
 * it. */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

bool tc_h3_linger(tc_h3 *c, tc_h3_stream *s)
{
    const tc_limits *l = c->env->limits;
    if (s->theirs_ended || s->linger_until) return true;
    if (s->deaf || s->offered > 0 || !l->linger_ms || !l->unread_body) return false;
    s->deaf = s->end_given = true;
    s->linger_until = tc_h3_watch(c, l->linger_ms);
    return true;
}

/* The peer has ended it, one way or the other; fields in it were not read (RFC 9204, 2.2.2.2). */
void tc_h3_linger_over(tc_h3 *c, tc_h3_stream *s)
{
    s->theirs_ended = true;
    tc_h3_cancel_sections(c, s->id);
    tc_h3_say(c, s);
}

void tc_h3_throw_away(tc_h3 *c, tc_h3_stream *s)
{
    const size_t n = c->in.len;
    tc_h3_take(c, n);
    if (s->closing || s->their_stop || s->theirs_ended || !s->linger_until) {
        s->theirs_ended |= c->fin;
        return;
    }
    s->thrown += n;
    s->x->wire_in += n;
    if (c->fin) {
        tc_h3_linger_over(c, s);
    } else if (s->thrown > c->env->limits->unread_body) {
        c->env->reached->unread_body++;
        tc_h3_stop(c, s, TC_H3_NO_ERROR);
        tc_h3_say(c, s);
    }
}
