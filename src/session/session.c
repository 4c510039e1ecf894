/* session.c - one turn of a session: read, let the engine parse, let handlers answer, write.
 *
 * Handlers' wishes are carried out in apply.c, timers and the end in life.c. Whatever happens, a
 * session ends in one place, life.c's end(): when a turn returns, s may be gone. */
// SPDX-License-Identifier: MIT
#include "session/session.h"

#include <assert.h>

#include "h0/h0.h"
#include "h1/h1.h"
#include "h2/h2.h"
#include "h3/h3.h"
#include "session/inside.h"

enum {
    RUNS_AT_ONCE = 16,
    READS_AT_ONCE = 16, /* of one session, before others get their turn */
    WRITE_BUDGET = 4 * 1024 * 1024
};

static void take_turn_again(tc_task *task)
{
    tc_session *s = (tc_session *)((char *)task - offsetof(tc_session, again));
    tc_session_turn(s, 0);
}

/* --- which engine -------------------------------------------------------------------------- */

static void engine_init(tc_session *s, const tc_engine_type *type)
{
    assert(type->size <= TC_ENGINE_BYTES);
    type->init(tc_session_engine(s), &s->env->engine);
    s->flags |= HAS_ENGINE;
    if (s->env->metrics) s->env->metrics->spoken[type->version]++;
}

#define VERSION(name) (1u << TC_HTTP_##name)

static const struct {
    tc_span name; /* RFC 7301 */
    const tc_engine_type *type;
    unsigned versions; /* that may be asked for where a client offers it */
} protocols[] = {
    {{"h2", 2}, &tc_h2_type, VERSION(NONE) | VERSION(2)},
    {{"http/1.1", 8}, &tc_h1_type, VERSION(NONE) | VERSION(1_1) | VERSION(1_0)},
    {{"http/1.0", 8}, &tc_h1_type, VERSION(1_0)},
    {{"h3", 2}, &tc_h3_type, VERSION(3)}, /* over QUIC, and there nothing else */
};

enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

size_t tc_session_protocols(enum tc_role role, enum tc_version version, tc_span *ret_names,
                            size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < PROTOCOLS && n < max; i++)
        if (role == TC_SERVER ? protocols[i].type != &tc_h3_type
                              : protocols[i].versions >> version & 1)
            ret_names[n++] = protocols[i].name;
    return n;
}

/* In clear text nobody is asked. */
static const tc_engine_type *const known_beforehand[] = {
    [TC_HTTP_NONE] = &tc_h1_type, [TC_HTTP_0_9] = &tc_h0_type, [TC_HTTP_1_0] = &tc_h1_type,
    [TC_HTTP_1_1] = &tc_h1_type,  [TC_HTTP_2] = &tc_h2_type,   [TC_HTTP_3] = &tc_h3_type,
};

const tc_engine_type *tc_session_engine_for(enum tc_version version)
{
    const size_t count = sizeof known_beforehand / sizeof *known_beforehand;
    return version < count ? known_beforehand[version] : NULL;
}

bool tc_session_forwards(enum tc_version version)
{
    return tc_session_engine_for(version)->whole_target;
}

bool tc_session_shares(enum tc_version version, bool secure)
{
    bool shares = !secure && tc_session_engine_for(version)->many_streams;
    for (size_t i = 0; i < PROTOCOLS; i++)
        shares |= secure && protocols[i].versions >> version & 1 && protocols[i].type->many_streams;
    return shares;
}

bool tc_session_has_version(const tc_session *s, enum tc_version version)
{
    const tc_engine *e = (const tc_engine *)(const void *)s->engine_room;
    return version == TC_HTTP_NONE || e->type == tc_session_engine_for(version);
}

/* By what the link agreed on with the peer; who agreed on nothing speaks HTTP/1. */
static const tc_engine_type *agreed_engine(const tc_session *s)
{
    tc_protection p;
    if (!s->link->type->protection || !s->link->type->protection(s->link, &p)) return &tc_h1_type;
    for (size_t i = 0; i < PROTOCOLS; i++)
        if (tc_span_eq(tc_span_str(p.protocol), protocols[i].name)) return protocols[i].type;
    return &tc_h1_type;
}

void tc_session_look_whether_open(tc_session *s)
{
    if (s->link->type->opening(s->link)) return;
    if (s->flags & OPENING) {
        if (s->flags & BLOCKED) tc_loop_after(s->env->loop, &s->again);
        s->flags &= (uint16_t) ~(OPENING | BLOCKED);
        s->phase_began = tc_loop_now(s->env->loop);
        if (!(s->flags & HAS_ENGINE)) engine_init(s, agreed_engine(s));
    }
    s->flags &= (uint16_t)~EARLY;
    if (tc_link_is_early(s->link)) {
        s->flags |= EARLY;
        return;
    }
    if (s->env->metrics) tc_session_count_handshake(s);
    if (tc_watched(s->env->watch, TC_SEEN_PROTECTED)) {
        (void)tc_loop_tick(s->env->loop);
        tc_session_show(s, TC_SEEN_PROTECTED, NULL, TC_OK, (tc_span){0}, false);
    }
    if (s->env->opened) s->env->opened(s->env, s);
}

/* A server's session begins with a guess from the first line. False: more of it must come. */
static bool choose_engine(tc_session *s, tc_span in, bool fin)
{
    if (s->flags & HAS_ENGINE) return true;
    const enum tc_h2_guess prior = s->env->http2 ? tc_h2_first_bytes(in) : TC_H2_NO;
    if (prior == TC_H2_MORE && !fin) return false;
    if (prior == TC_H2_YES) {
        engine_init(s, &tc_h2_type);
        return true;
    }
    const enum tc_h0_guess guess = s->env->http09 ? tc_h0_first_line(in) : TC_H0_NO;
    if (guess == TC_H0_MORE && !fin && in.len <= s->env->engine.limits->request_line) return false;
    engine_init(s, guess == TC_H0_YES ? &tc_h0_type : &tc_h1_type);
    return true;
}

void tc_session_use_h1(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    tc_event ev;
    engine_init(s, &tc_h1_type);
    e->type->feed(e, s->phase_began, 0, tc_buf_span(&s->carry), false);
    while (e->type->next(e, &ev))
        tc_session_apply(s, &ev);
    tc_buf_drop(&s->carry, e->type->fed(e));
}

/* A head and what was read behind it. */
static size_t carry_most(const tc_session_env *env)
{
    const tc_limits *l = env->engine.limits;
    const uint64_t most = 1 << 30;
    size_t room;
    (void)tc_loop_read_room(env->loop, &room);
    return (size_t)((l->request_line < most ? l->request_line : most) +
                    (l->fields_bytes < most ? l->fields_bytes : most) + room);
}

void tc_session_begin(tc_session *s, tc_session_env *env, tc_link *link, const tc_engine_type *type)
{
    *s = (tc_session){.env = env, .link = link, .id = ++env->numbers->last_id};
    s->again.run = take_turn_again;
    s->alarm.ring = tc_session_ring;
    s->alarm.timer.deadline = TC_NEVER;
    s->phase_began = tc_loop_now(env->loop);
    tc_buf_init(&s->carry, carry_most(env));
    if (link->type->opening && link->type->opening(link)) s->flags |= OPENING;
    if (tc_link_is_early(link) && !(s->flags & OPENING)) s->flags |= EARLY;
    if (link->type->streams) s->flags |= STREAMS;
    if (env->metrics) env->metrics->connections[tc_session_way(s)]++;
    if (type)
        engine_init(s, type);
    else if (!env->http09 && !env->http2 && !(s->flags & OPENING))
        engine_init(s, &tc_h1_type);
}

/* --- output -------------------------------------------------------------------------------- */

/* The link takes no more. A server that refuses a request may answer before it closes, so a client
 * looks for that answer before it gives up (RFC 9112, 9.5). */
static void cannot_write(tc_session *s, tc_err err)
{
    const bool client = s->env->engine.role == TC_CLIENT;
    s->flags &= (uint16_t)~BLOCKED;
    if (client && err == TC_ERR_PEER_RESET && s->exchanges && !(s->flags & FIN)) {
        s->flags |= MUTE | READABLE | GONE;
        tc_loop_after(s->env->loop, &s->again);
        return;
    }
    s->why = err;
    s->flags |= DEAD;
}

/* Hands the engine's output to the link. True if anything moved. */
static bool push_out(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    const bool client = s->env->engine.role == TC_CLIENT;
    tc_run runs[RUNS_AT_ONCE];
    uint64_t sid;
    bool fin;
    if (s->flags & (BLOCKED | MUTE)) return false;
    const size_t count = e->type->output(e, &sid, runs, RUNS_AT_ONCE, WRITE_BUDGET, &fin);
    if (count == 0) {
        if (client) tc_session_show_requests(s, true);
        return false;
    }
    size_t taken, total = 0;
    for (size_t i = 0; i < count; i++)
        total += runs[i].len;
    const tc_err err = total ? s->link->type->write(s->link, runs, count, &taken) : TC_OK;
    if (err) {
        cannot_write(s, err);
        return false;
    }
    if (!total) taken = 0;
    if (fin && taken == total) s->half = ENDING;
    if (taken < total) {
        s->flags |= BLOCKED;
        if (!s->link->type->stuck(s->link)) /* its turn is over, not its room */
            tc_loop_after(s->env->loop, &s->again);
    }
    if (taken == 0 && total) return false;
    if (tc_watched(s->env->watch, TC_SEEN_BYTES)) tc_session_show_bytes(s, runs, taken);
    s->sent += taken;
    if (s->env->metrics) s->env->metrics->bytes_out += taken;
    e->type->wrote(e, sid, taken);
    e->type->acked(e, sid, taken);
    if (client) tc_session_show_requests(s, false);
    return true;
}

static void take_orders(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    tc_order order;
    while (e->type->order && e->type->order(e, &order)) {
        assert(order.kind == TC_ORDER_CLOSE); /* those of streams are taken in streams.c */
        s->flags |= order.linger ? CLOSING | LINGER : CLOSING;
    }
}

/* Of counts that may begin again; one request can begin several exchanges. */
static bool is_past(uint32_t count, uint32_t mark)
{
    return (int32_t)(count - mark) >= 0;
}

/* Events, answers and output, until nothing moves or others are due their turn. True if it was the
 * number of requests that stopped it. */
static bool pump(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    tc_event ev;
    const uint64_t most = s->env->engine.limits->pipeline, enough = s->sent + WRITE_BUDGET;
    const uint32_t stop = s->begun + (most == 0          ? 1
                                      : most < INT32_MAX ? (uint32_t)most
                                                         : INT32_MAX);
    for (bool moved = true; moved && !(s->flags & DEAD);) {
        moved = false;
        while (!is_past(s->begun, stop) && !(s->flags & DEAD) && e->type->next(e, &ev)) {
            tc_session_apply(s, &ev);
            moved = true;
        }
        for (tc_exchange *x = s->exchanges, *next; x; x = next) {
            next = x->next;
            if (!x->want) continue;
            const unsigned wanted = x->want;
            tc_session_do_wants(s, x);
            moved |= x->want != wanted; /* the engine may have something to say about it */
        }
        while (!(s->flags & DEAD) && s->sent < enough && push_out(s))
            moved = true;
        if (is_past(s->begun, stop) || s->sent >= enough) {
            tc_loop_after(s->env->loop, &s->again);
            break;
        }
    }
    take_orders(s);
    return is_past(s->begun, stop);
}

/* --- input --------------------------------------------------------------------------------- */

/* The begin of a first line that names no engine yet: its time runs from here. */
static void hold_first_line(tc_session *s, tc_span in)
{
    if (in.len == 0) return;
    s->phase_began = tc_loop_now(s->env->loop);
    if (tc_buf_add(&s->carry, in) == TC_OK) return;
    s->why = TC_ERR_NO_MEMORY;
    s->flags |= DEAD;
}

/* Lends bytes to the engine and pumps; what it does not take stays in the carry. */
static void offer(tc_session *s, tc_span fresh)
{
    tc_engine *e = tc_session_engine(s);
    const bool fin = (s->flags & FIN) != 0;
    const bool carried = s->carry.len > 0;
    if (carried && fresh.len && tc_buf_add(&s->carry, fresh) != TC_OK) {
        s->why = TC_ERR_NO_MEMORY;
        s->flags |= DEAD;
        return;
    }
    const tc_span in = carried ? tc_buf_span(&s->carry) : fresh;
    if (!choose_engine(s, in, fin)) {
        if (!carried) hold_first_line(s, in);
        return;
    }
    e->type->feed(e, tc_loop_now(s->env->loop), 0, in, fin);
    const bool stopped = pump(s);
    const size_t taken = e->type->fed(e);
    assert(taken <= in.len);
    s->env->engine.reached->pipeline += stopped && taken < in.len;
    if (carried) {
        tc_buf_drop(&s->carry, taken);
        if (s->carry.len == 0) tc_buf_fini(&s->carry);
    } else if (taken < in.len && tc_buf_add(&s->carry, tc_span_from(in, taken)) != TC_OK) {
        s->why = TC_ERR_NO_MEMORY;
        s->flags |= DEAD;
    }
}

static bool wants_input(tc_session *s)
{
    tc_engine *e = tc_session_engine(s);
    if (s->flags & (FIN | DEAD | CLOSING)) return false;
    if (s->flags & OPENING) return true;
    return !(s->flags & HAS_ENGINE) || e->type->wants_input(e);
}

/* One read of the link, offered to the engine. False when there is nothing to read now. */
static bool read_once(tc_session *s)
{
    tc_span in = {0};
    bool fin = false, more = false;
    const tc_err err = s->link->type->read(s->link, &in, &fin, &more);
    if (err) {
        s->why = err;
        s->flags |= DEAD;
        return false;
    }
    if (s->flags & OPENING) tc_session_look_whether_open(s);
    if (!more) s->flags &= (uint16_t)~READABLE;
    if (s->flags & GONE && !fin)
        s->flags |= READABLE; /* an end or an error is still to be read behind this */
    if (in.len == 0 && !fin) {
        s->flags &= (uint16_t) ~(READABLE | GONE);
        return false;
    }
    if (fin) s->flags |= FIN;
    if (s->env->metrics) s->env->metrics->bytes_in += in.len;
    if (in.len && tc_watched(s->env->watch, TC_SEEN_BYTES))
        tc_session_show(s, TC_SEEN_BYTES, NULL, TC_OK, in, false);
    offer(s, in);
    return true;
}

/* --- a turn -------------------------------------------------------------------------------- */

void tc_session_turn(tc_session *s, unsigned ready)
{
    if (s->env->watch)
        (void)tc_loop_tick(s->env->loop); /* else the turn of the loop is near enough */
    if (ready & (TC_LINK_IN | TC_LINK_GONE)) s->flags |= READABLE;
    if (ready & TC_LINK_GONE) s->flags |= GONE;
    if (s->flags & STREAMS) {
        tc_session_turn_streams(s);
        return;
    }
    if (s->flags & LINGERING) {
        tc_session_linger(s);
        return;
    }
    s->flags |= IN_TURN;
    if (s->flags & BLOCKED) {
        const tc_err err = s->link->type->flush(s->link);
        if (s->flags & OPENING) tc_session_look_whether_open(s);
        if (err)
            cannot_write(s, err);
        else if (!s->link->type->stuck(s->link))
            s->flags &= (uint16_t)~BLOCKED;
    }
    tc_engine *e = tc_session_engine(s);
    bool offered = false;
    if (s->flags & HAS_ENGINE && !(s->flags & OPENING) &&
        (!(s->flags & READABLE) || s->exchanges || s->carry.len || !e->type->wants_input(e))) {
        offer(s, TC_SPAN("")); /* what was carried, answers that came meanwhile, a last order */
        offered = true;
    }
    for (int i = 0; s->flags & READABLE && wants_input(s) && !s->again.queued; i++) {
        if (i == READS_AT_ONCE)
            tc_loop_after(s->env->loop, &s->again);
        else if (!read_once(s))
            break;
        else
            offered = true;
    }
    if (!offered && (s->flags & (HAS_ENGINE | OPENING | READABLE | DEAD)) == HAS_ENGINE)
        offer(s, TC_SPAN("")); /* nothing was there to read, but a last order may be */
    if (!(s->flags & (BLOCKED | DEAD | MUTE))) {
        const tc_err err = s->link->type->flush(s->link);
        if (err)
            cannot_write(s, err);
        else if (s->link->type->stuck(s->link))
            s->flags |= BLOCKED;
    }
    if (s->half == ENDING && !(s->flags & (BLOCKED | DEAD))) {
        s->link->type->end_writing(s->link);
        s->half = ENDED;
    }
    s->flags &= (uint16_t)~IN_TURN;
    tc_session_settle(s);
}

tc_err tc_session_start(tc_session *s, tc_exchange *x)
{
    assert(s->env->engine.role == TC_CLIENT && s->flags & HAS_ENGINE);
    tc_engine *e = tc_session_engine(s);
    if (s->flags & (DEAD | CLOSING | FIN)) return TC_ERR_SESSION_ENDED;
    x->times.begun = tc_loop_now(s->env->loop);
    const tc_err err = e->type->start(e, x, x->ended && x->run_count == 0);
    if (err) return err;
    x->began = true;
    x->early = tc_session_early(s);
    x->want &= ~(unsigned)TC_WANT_HEAD;
    if (x->ended && x->run_count == 0) x->want &= ~(unsigned)TC_WANT_END;
    tc_session_adopt(s, x);
    tc_loop_after(s->env->loop, &s->again);
    return TC_OK;
}

bool tc_session_opening(const tc_session *s)
{
    return (s->flags & OPENING) != 0;
}

bool tc_session_early(const tc_session *s)
{
    return (s->flags & EARLY) != 0;
}

bool tc_session_goes_on(const tc_session *s)
{
    return !(s->flags & (OPENING | DEAD | CLOSING | FIN | LINGERING));
}

bool tc_session_can_start(const tc_session *s)
{
    const tc_engine *e = (const tc_engine *)(const void *)s->engine_room;
    return tc_session_goes_on(s) && (!s->exchanges || e->type->many_streams);
}
