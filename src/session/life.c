/* life.c - how long a session may wait for what, and how it ends: one way for all.
 *
 * After an answer that closes, our end is written first and theirs is drained for a bounded while,
 * so that the answer is not lost to a reset (RFC 9112, 9.6). So it is with what a client is told
 * when its handshake fails: it may have sent its first requests before (RFC 8446, 4.4.2). */
// SPDX-License-Identifier: MIT
#include <assert.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "session/inside.h"

tc_err tc_session_env_init(tc_session_env *env, tc_loop *loop, enum tc_role role,
                           const tc_limits *limits, tc_reached *reached)
{
    *env = (tc_session_env){.loop = loop, .numbers = env};
    tc_slab_init(&env->exchanges, sizeof(tc_exchange), UINT32_MAX);
    env->engine = (tc_engine_env){.role = role,
                                  .scheme = TC_SPAN("http"),
                                  .exchanges = &env->exchanges,
                                  .windows = &env->windows,
                                  .chance = tc_hash_key_random().k0,
                                  .limits = limits,
                                  .reached = reached};
    return TC_OK;
}

void tc_session_env_fini(tc_session_env *env)
{
    tc_slab_fini(&env->exchanges);
}

tc_exchange *tc_session_exchange(tc_session_env *env)
{
    tc_exchange *x = tc_slab_get(&env->exchanges);
    if (x) tc_exchange_init(x, ++env->numbers->last_exchange, env->engine.limits->exchange_bytes);
    return x;
}

static void not_opened(tc_session *s)
{
    const tc_link_type *link = s->link->type;
    s->flags &= (uint16_t) ~(OPENING | EARLY);
    if (s->env->metrics) tc_metrics_failed(s->env->metrics->handshake_failures, s->why);
    if (tc_watched(s->env->watch, TC_SEEN_PROTECTED))
        tc_session_show(s, TC_SEEN_PROTECTED, NULL, s->why,
                        link->why ? link->why(s->link) : (tc_span){0}, false);
}

static void end(tc_session *s)
{
    tc_session_env *env = s->env;
    tc_engine *e = tc_session_engine(s);
    if (s->flags & (OPENING | EARLY)) not_opened(s);
    if (s->exchanges && s->link->type->spoil) s->link->type->spoil(s->link);
    s->flags |= IN_TURN | DEAD; /* nothing that a handler asks for now can be done */
    while (s->exchanges)
        tc_session_close_exchange(s, s->exchanges, s->why ? s->why : TC_ERR_SESSION_ENDED);
    if (s->flags & HAS_ENGINE) e->type->fini(e);
    if (env->metrics) tc_session_count_end(s);
    if (tc_watched(env->watch, TC_SEEN_ENDED))
        tc_session_show(s, TC_SEEN_ENDED, NULL, s->why, (tc_span){0}, false);
    tc_loop_clear(env->loop, &s->alarm);
    tc_loop_cancel(env->loop, &s->again);
    tc_buf_fini(&s->carry);
    tc_free(s->pushed);
    s->pushed = NULL;
    s->link->type->close(s->link, s->why == TC_ERR_SEND_TIME || s->half == BROKEN);
    env->ended(env, s, s->why);
}

/* A limit in ns; one that is past all measure is some decades, so that it can be added to a time.
 */
static int64_t ms(uint64_t limit)
{
    return (int64_t)(limit < UINT32_MAX * 256ull ? limit : UINT32_MAX * 256ull) * TC_MS;
}

/* A link with streams closes when what was said has arrived. At the end that is not waited for
 * longer than a lingering peer is: it may be gone without a word. What is under way is not the end:
 * it may take its time as ever. */
static bool is_ending(const tc_session *s)
{
    const tc_limits *l = s->env->engine.limits;
    return s->flags & STREAMS && s->flags & (DRAINING | CLOSING) && !s->exchanges &&
           l->linger_ms < l->send_ms;
}

static uint64_t taking_ms(const tc_session *s)
{
    const tc_limits *l = s->env->engine.limits;
    return is_ending(s) ? l->linger_ms : l->send_ms;
}

/* Whether the peer is to take something that was said. */
static bool awaits_taking(const tc_session *s)
{
    if (s->flags & BLOCKED) return true;
    return s->flags & STREAMS && s->flags & DRAINING && s->link->type->untaken(s->link) > 0;
}

/* When their content, arriving at the slowest allowed rate, would have to be further than it is. */
static int64_t body_deadline(const tc_session *s, const tc_exchange *x)
{
    const tc_limits *l = s->env->engine.limits;
    if (s->env->engine.role == TC_CLIENT || x->theirs_done || x->paused || !x->rate_mark ||
        !l->body_rate || x->tunnel)
        return TC_NEVER;
    const uint64_t bytes = x->wire_in - x->rate_bytes; /* also what is thrown away */
    return x->rate_mark + ms(l->body_grace_ms) + (int64_t)(bytes / l->body_rate) * TC_S;
}

/* A tunnel lasts as long as its handler lets it, but not as long as it likes once we are to end:
 * .phase_began is when that was. */
static int64_t tunnel_deadline(const tc_session *s, const tc_exchange *x)
{
    if (!x->tunnel || !(s->flags & DRAINING)) return TC_NEVER;
    return s->phase_began + ms(s->env->engine.limits->tunnel_drain_ms);
}

/* Nothing but tunnels is under way: how fast they go is not the session's to ask. */
static bool has_only_tunnels(const tc_session *s)
{
    bool only = s->exchanges != NULL;
    for (const tc_exchange *x = s->exchanges; x && only; x = x->next)
        only = x->tunnel;
    return only;
}

static uint64_t idle_ms(const tc_session *s)
{
    const tc_limits *l = s->env->engine.limits;
    return s->flags & DRAINING && l->handover_ms < l->idle_ms ? l->handover_ms : l->idle_ms;
}

static void count_idle(const tc_session *s)
{
    ++*(s->flags & DRAINING ? &s->env->engine.reached->handover_ms
                            : &s->env->engine.reached->idle_ms);
}

static int64_t deadline(tc_session *s)
{
    const tc_limits *l = s->env->engine.limits;
    tc_engine *e = tc_session_engine(s);
    int64_t at = TC_NEVER;
    if (s->flags & OPENING) return s->phase_began + ms(l->handshake_ms);
    if (s->flags & LINGERING) return s->phase_began + ms(l->linger_ms);
    if (s->send_window) at = s->send_window + ms(taking_ms(s));
    if (!(s->flags & HAS_ENGINE))
        return s->phase_began + ms(s->carry.len ? l->header_ms : idle_ms(s));
    const int64_t own = e->type->deadline(e);
    if (own < at) at = own;
    if (!s->exchanges && own == TC_NEVER && s->phase_began + ms(idle_ms(s)) < at)
        at = s->phase_began + ms(idle_ms(s));
    for (const tc_exchange *x = s->exchanges; x; x = x->next) {
        const int64_t body = body_deadline(s, x), tunnel = tunnel_deadline(s, x);
        if (body < at) at = body;
        if (tunnel < at) at = tunnel;
    }
    return at;
}

static void begin_lingering(tc_session *s)
{
    s->flags |= LINGERING;
    s->phase_began = tc_loop_now(s->env->loop);
    s->drained = 0;
    s->link->type->end_writing(s->link);
}

/* A link that could not be established, and whose peer is there to be told why. */
static bool was_refused(const tc_session *s)
{
    return (s->flags & (OPENING | STREAMS)) == OPENING && s->env->engine.role == TC_SERVER &&
           s->why != TC_ERR_PEER_CLOSED && s->why != TC_ERR_PEER_RESET;
}

void tc_session_settle(tc_session *s)
{
    const int64_t now = tc_loop_now(s->env->loop);
    if (s->flags & DEAD && was_refused(s)) {
        not_opened(s);
        s->flags &= (uint16_t)~DEAD;
        begin_lingering(s);
        tc_session_linger(s);
        return;
    }
    if (s->flags & DEAD) {
        end(s);
        return;
    }
    if (s->flags & CLOSING && !(s->flags & BLOCKED)) {
        if (!(s->flags & LINGER) || s->flags & FIN) {
            end(s);
            return;
        }
        begin_lingering(s);
        if (s->flags & READABLE) {
            tc_session_linger(s);
            return;
        }
    } else if (s->flags & FIN && !s->exchanges && !(s->flags & BLOCKED) && !s->again.queued) {
        end(s); /* nothing is under way and nothing more will come */
        return;
    }
    if (!awaits_taking(s) || has_only_tunnels(s)) {
        s->send_window = 0;
    } else if (!s->send_window && !(s->flags & OPENING)) {
        s->send_window = now;
        s->sent_mark = s->sent - s->link->type->untaken(s->link);
    }
    if (tc_loop_set(s->env->loop, &s->alarm, deadline(s)) != TC_OK) {
        s->why = TC_ERR_NO_MEMORY;
        end(s);
        return;
    }
    if (s->env->idle && s->begun && tc_session_can_start(s)) s->env->idle(s->env, s);
}

void tc_session_linger(tc_session *s)
{
    const tc_limits *l = s->env->engine.limits;
    tc_span in = {0};
    bool fin = false, more = true;
    tc_err err = TC_OK;
    while (more && !fin && !err) {
        err = s->link->type->read(s->link, &in, &fin, &more);
        s->drained += (uint32_t)in.len;
        if (s->drained > l->linger_bytes) {
            s->env->engine.reached->linger_bytes++;
            err = TC_ERR_UNASKED;
        }
        if (s->flags & GONE && in.len) more = true;
    }
    if (fin || err)
        end(s);
    else if (tc_loop_set(s->env->loop, &s->alarm, deadline(s)) != TC_OK)
        end(s);
}

/* The peer's taking is slow when a whole window went by and it took less than the rate asks for. */
static bool takes_too_slowly(tc_session *s, int64_t now)
{
    const uint64_t taken = s->sent - s->link->type->untaken(s->link);
    const uint64_t asked = s->env->engine.limits->body_rate * taking_ms(s) / 1000;
    const uint64_t least = asked || !is_ending(s) ? asked : 1;
    if ((int64_t)(taken - s->sent_mark) < (int64_t)least) return true; /* less: sent once more */
    s->sent_mark = taken;
    s->send_window = now;
    return false;
}

static void kill_counted(tc_session *s, uint64_t *reached, tc_err why)
{
    ++*reached;
    tc_session_kill(s, why);
}

void tc_session_ring(tc_alarm *alarm)
{
    tc_session *s = (tc_session *)((char *)alarm - offsetof(tc_session, alarm));
    tc_reached *reached = s->env->engine.reached;
    tc_engine *e = tc_session_engine(s);
    const int64_t now = tc_loop_now(s->env->loop);
    if (s->flags & OPENING) {
        kill_counted(s, &reached->handshake_ms, TC_ERR_TLS_TIME);
        return;
    }
    if (s->flags & LINGERING) {
        kill_counted(s, &reached->linger_ms, TC_OK);
        return;
    }
    if (s->send_window && now >= s->send_window + ms(taking_ms(s)) && takes_too_slowly(s, now)) {
        kill_counted(s, is_ending(s) ? &reached->linger_ms : &reached->send_ms,
                     s->exchanges || s->flags & BLOCKED ? TC_ERR_SEND_TIME : TC_OK);
        return;
    }
    if (!(s->flags & HAS_ENGINE)) {
        if (!s->carry.len) {
            count_idle(s);
            tc_session_kill(s, TC_OK);
            return;
        }
        tc_session_use_h1(s); /* a first line that never ended: it owes an answer */
    }
    e->type->tick(e, now);
    if (!s->exchanges && e->type->idle(e) && now >= s->phase_began + ms(idle_ms(s))) {
        count_idle(s);
        if (s->flags & (BLOCKED | CLOSING)) {
            tc_session_kill(s, TC_OK);
            return;
        }
        s->phase_began = now;
        e->type->drain(e); /* it may have a last word */
    }
    for (tc_exchange *x = s->exchanges, *next; x; x = next) {
        next = x->next;
        const bool tunnel = now >= tunnel_deadline(s, x);
        if (!tunnel && now < body_deadline(s, x)) continue;
        ++*(tunnel ? &reached->tunnel_drain_ms : &reached->body_rate);
        x->rate_mark = 0; /* said once: while the answer leaves, send_ms counts */
        s->flags |= IN_TURN;
        tc_session_break(s, x, tunnel ? TC_ERR_TUNNEL_DRAIN : TC_ERR_BODY_TIME);
    }
    tc_session_turn(s, 0);
}

void tc_session_drain(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    if (s->exchanges && !(s->flags & DRAINING)) s->phase_began = tc_loop_now(s->env->loop);
    s->flags |= DRAINING;
    if (s->flags & OPENING) {
        tc_session_kill(s, TC_OK);
        return;
    }
    if (s->flags & HAS_ENGINE)
        e->type->drain(e);
    else
        s->flags |= CLOSING; /* not even a first line came */
    tc_loop_after(s->env->loop, &s->again);
}

void tc_session_retire(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    const bool opening = s->flags & OPENING, begun = s->flags & HAS_ENGINE;
    if (!opening && begun && (e->type->many_streams || s->exchanges || !e->type->idle(e))) {
        tc_session_drain(s);
        return;
    }
    s->flags |= DRAINING; /* the engine hears of it with the next head (apply.c) */
    if (!opening && !s->carry.len) s->phase_began = tc_loop_now(s->env->loop);
    if (tc_loop_set(s->env->loop, &s->alarm, deadline(s)) != TC_OK)
        tc_session_kill(s, TC_ERR_NO_MEMORY);
}

void tc_session_kill(tc_session *s, tc_err why)
{
    s->why = why;
    s->flags |= DEAD;
    if (!(s->flags & IN_TURN)) end(s); /* else with the turn: its stack still needs s */
}
