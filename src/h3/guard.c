/* guard.c - what a peer may do without use: frames that ask for nothing, streams that are broken
 * off as soon as they begin, heads that do not come, windows that are never opened. Each has a
 * limit (RFC 9114, 10.5). */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

bool tc_h3_count_reset(tc_h3 *c)
{
    if (tc_guard_reset(&c->guard, c->now, c->env->limits->h3_resets)) return true;
    c->env->reached->h3_resets++;
    tc_h3_fail(c, TC_H3_EXCESSIVE_LOAD, TC_ERR_TOO_BUSY, "too many streams broken off");
    return false;
}

bool tc_h3_count_frames(tc_h3 *c, uint64_t n)
{
    for (; n > 0; n--) {
        if (tc_guard_frame(&c->guard, c->now, c->env->limits->h3_frames)) continue;
        c->env->reached->h3_frames++;
        tc_h3_fail(c, TC_H3_EXCESSIVE_LOAD, TC_ERR_TOO_BUSY, "too many frames without use");
        return false;
    }
    return true;
}

void tc_h3_credit(tc_h3 *c, uint64_t frames)
{
    tc_guard_credit(&c->guard, c->env->limits->h3_frames, frames);
}

static int64_t span_of(uint64_t ms)
{
    return (int64_t)(ms < INT32_MAX ? ms : INT32_MAX) * TC_MS;
}

int64_t tc_h3_watch(tc_h3 *c, uint64_t ms)
{
    const int64_t at = c->now + span_of(ms);
    if (!c->guard_at || at < c->guard_at) c->guard_at = at;
    return at;
}

/* What is over for this stream; else when to look at it again. */
static int64_t judge(tc_h3 *c, tc_h3_stream *s)
{
    const tc_limits *l = c->env->limits;
    int64_t next = 0;
    if (s->begun && tc_h3_is_server(c)) {
        next = s->begun + span_of(l->header_ms);
        if (c->now >= next) {
            c->env->reached->header_ms++;
            tc_h3_fault(c, s, TC_H3_REQUEST_INCOMPLETE, TC_ERR_HEADER_TIME);
            return 0;
        }
    }
    if (s->linger_until && !s->theirs_ended && !s->their_stop) {
        next = s->linger_until;
        if (c->now >= next) {
            c->env->reached->linger_ms++;
            tc_h3_stop(c, s, TC_H3_NO_ERROR);
            tc_h3_say(c, s);
            next = 0;
        }
    }
    if (!s->stalled) return next;
    const int64_t span = span_of(l->h3_stall_ms);
    if (c->now - s->stalled >= span) {
        const uint64_t least = l->body_rate * (uint64_t)(span / TC_MS) / 1000;
        if (s->out.written - s->sent_mark < least) {
            c->env->reached->h3_stall_ms++;
            tc_h3_fault(c, s, TC_H3_REQUEST_CANCELLED, TC_ERR_SEND_TIME);
            return 0;
        }
        s->stalled = c->now; /* slow, but not too slow */
        s->sent_mark = s->out.written;
    }
    return next && next < s->stalled + span ? next : s->stalled + span;
}

void tc_h3_guard_tick(tc_h3 *c)
{
    if (!c->guard_at || c->now < c->guard_at) return;
    int64_t next = 0;
    for (int i = 0; i < TC_H3_BUCKETS && !c->deaf; i++)
        for (tc_h3_stream *s = c->buckets[i], *chain; s && !c->deaf; s = chain) {
            chain = s->chain;
            const int64_t at = s->closing ? 0 : judge(c, s);
            if (at && (!next || at < next)) next = at;
        }
    c->guard_at = next;
}
