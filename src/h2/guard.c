/* guard.c - what a peer may do without use: frames that ask for nothing, streams that are broken
 * off as soon as they begin, windows that are never opened. Each has a limit, past it the
 * connection ends with ENHANCE_YOUR_CALM (RFC 9113, 10.5). */
// SPDX-License-Identifier: MIT
#include "h2/state.h"

bool tc_h2_count_reset(tc_h2 *c)
{
    if (tc_guard_reset(&c->guard, c->now, c->env->limits->h2_resets)) return true;
    c->env->reached->h2_resets++;
    tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_TOO_BUSY, "too many streams broken off");
    return false;
}

bool tc_h2_count_frame(tc_h2 *c)
{
    if (tc_guard_frame(&c->guard, c->now, c->env->limits->h2_frames)) return true;
    c->env->reached->h2_frames++;
    tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_TOO_BUSY, "too many frames without use");
    return false;
}

void tc_h2_credit(tc_h2 *c, uint64_t frames)
{
    tc_guard_credit(&c->guard, c->env->limits->h2_frames, frames);
}

static int64_t settings_deadline(const tc_h2 *c)
{
    const uint64_t ms = c->env->limits->h2_settings_ms;
    if (!c->settings_since || c->settings_acked || c->deaf || ms > INT32_MAX) return TC_NEVER;
    return c->settings_since + (int64_t)ms * TC_MS;
}

int64_t tc_h2_guard_deadline(const tc_h2 *c)
{
    const int64_t settings_at = settings_deadline(c);
    return c->stall_at && c->stall_at < settings_at ? c->stall_at : settings_at;
}

/* A stream that had something to send all that while and was let send less than the rate asks for.
 */
static bool stalls(const tc_h2 *c, const tc_h2_stream *s)
{
    const tc_limits *l = c->env->limits;
    const uint64_t ms = l->h2_stall_ms < INT32_MAX ? l->h2_stall_ms : INT32_MAX;
    return s->stalled && c->now - s->stalled >= (int64_t)ms * TC_MS &&
           s->sent - s->sent_mark < l->body_rate * ms / 1000;
}

void tc_h2_guard_tick(tc_h2 *c)
{
    if (c->now >= settings_deadline(c)) {
        c->env->reached->h2_settings_ms++;
        tc_h2_fail(c, TC_H2_SETTINGS_TIMEOUT, TC_ERR_FRAMES, "SETTINGS are not acknowledged");
    }
    if (!c->stall_at || c->now < c->stall_at) return;
    int64_t next = 0;
    const uint64_t ms = c->env->limits->h2_stall_ms;
    const int64_t span = (int64_t)(ms < INT32_MAX ? ms : INT32_MAX) * TC_MS;
    for (int i = 0; i < TC_H2_BUCKETS; i++) {
        for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain) {
            if (s->closing || !s->stalled) continue;
            if (s->ready && c->send_window > 0) { /* the link is what it waits for */
                s->stalled = 0;
                continue;
            }
            if (stalls(c, s)) {
                c->env->reached->h2_stall_ms++;
                tc_h2_break(c, s, TC_H2_CANCEL, TC_ERR_SEND_TIME, true);
                continue;
            }
            if (c->now - s->stalled >= span) { /* slow, but not too slow */
                s->stalled = c->now;
                s->sent_mark = s->sent;
            }
            if (!next || s->stalled + span < next) next = s->stalled + span;
        }
    }
    c->stall_at = next;
}
