/* served.c - see served.h. */
// SPDX-License-Identifier: MIT
#include "support/served.h"

enum { HEARD_BYTES = 16 << 20, PATIENCE_S = 10 };

static void near_ready(tc_link *l, unsigned what)
{
    served_peer *p = (served_peer *)((char *)l - offsetof(served_peer, near));
    tc_session_turn(&p->session, what);
}

static void hear(served_peer *p)
{
    tc_span in;
    bool fin = false, more = true;
    while (!p->deaf && more && !p->over) {
        const tc_err err = p->far.link.type->read(&p->far.link, &in, &fin, &more);
        assert_int_equal(err, p->far.reset && !in.len ? TC_ERR_PEER_RESET : TC_OK);
        fin |= err != TC_OK;
        assert_int_equal(tc_buf_add(&p->heard, in), TC_OK);
        p->over |= fin;
    }
}

static void far_ready(tc_link *l, unsigned what)
{
    (void)what;
    hear((served_peer *)((char *)l - offsetof(served_peer, far)));
}

static void route(tc_session_env *env, tc_exchange *x)
{
    served *w = (served *)env;
    x->handler = w->handler;
    x->self = w;
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    assert_int_equal(tc_exchange_answer(x, (unsigned)tc_err_status(err), 0), TC_OK);
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    served_peer *p = (served_peer *)s;
    (void)env;
    assert_false(p->ended);
    p->ended = true;
    p->why = why;
    memset(&p->session, 0xee, sizeof p->session); /* whoever still calls it is found out */
}

void served_init(served *w, const tc_handler *handler)
{
    *w = (served){.limits = tc_limits_default, .handler = handler};
    tc_clock_stop();
    assert_int_equal(tc_loop_new(&w->loop), TC_OK);
    assert_int_equal(tc_session_env_init(&w->env, w->loop, TC_SERVER, &w->limits, &w->reached),
                     TC_OK);
    w->env.http09 = true;
    w->env.route = route;
    w->env.refuse = refuse;
    w->env.ended = ended;
}

served_peer *served_connect(served *w, int which, const tc_engine_type *type, size_t room)
{
    served_peer *p = &w->peers[which];
    *p = (served_peer){.served = w};
    char *at;
    tc_buf_init(&p->heard, HEARD_BYTES);
    assert_int_equal(tc_buf_reserve(&p->heard, HEARD_BYTES, &at), TC_OK);
    link_pipe_init(&p->near, &p->far, w->loop, room, room, near_ready, far_ready);
    tc_session_begin(&p->session, &w->env, &p->near.link, type);
    return p;
}

void served_fini(served *w)
{
    for (int i = 0; i < SERVED_PEERS; i++) {
        served_peer *p = &w->peers[i];
        if (!p->served) continue;
        if (!p->ended) tc_session_kill(&p->session, TC_OK);
        p->far.link.type->close(&p->far.link, false);
        tc_buf_fini(&p->heard);
    }
    assert_int_equal(w->env.exchanges.count, 0);
    tc_session_env_fini(&w->env);
    tc_loop_free(w->loop);
    tc_clock_go();
}

void served_say(served_peer *p, tc_span bytes)
{
    while (bytes.len && !p->ended) {
        const tc_run run = tc_run_bytes(bytes);
        size_t taken = 0;
        assert_int_equal(p->far.link.type->write(&p->far.link, &run, 1, &taken), TC_OK);
        (void)tc_span_take(&bytes, taken);
        if (bytes.len) served_turns(p->served, 1);
    }
}

void served_end(served_peer *p)
{
    p->far.link.type->end_writing(&p->far.link);
}

void served_hear(served_peer *p)
{
    p->deaf = false;
    hear(p);
}

static bool turn(served *w, int64_t deadline)
{
    tc_clock_move(TC_MS);
    assert_int_equal(tc_loop_turn(w->loop, 0), TC_OK);
    return tc_loop_now(w->loop) < deadline;
}

static int64_t from_now(const served *w, int64_t ns)
{
    return tc_loop_tick(w->loop) + ns;
}

bool served_has(const served_peer *p, const char *text)
{
    return served_times(p, text) > 0;
}

size_t served_times(const served_peer *p, const char *text)
{
    size_t times = 0;
    tc_span rest = tc_buf_span(&p->heard);
    const tc_span wanted = tc_span_str(text);
    while (rest.len) {
        const char *at = memmem(rest.at, rest.len, wanted.at, wanted.len);
        if (!at) break;
        rest = tc_span_from(rest, (size_t)(at - rest.at) + wanted.len);
        times++;
    }
    return times;
}

void served_until_heard(served_peer *p, const char *text)
{
    const int64_t deadline = from_now(p->served, PATIENCE_S * TC_S);
    while (!served_has(p, text))
        if (!turn(p->served, deadline))
            fail_msg("waited for \"%s\", heard \"%.*s\"", text, TC_FMT(tc_buf_span(&p->heard)));
}

void served_until_over(served_peer *p)
{
    const int64_t deadline = from_now(p->served, PATIENCE_S * TC_S);
    while (!p->over)
        if (!turn(p->served, deadline)) fail_msg("no end was heard");
}

void served_until_ended(served_peer *p)
{
    const int64_t deadline = from_now(p->served, PATIENCE_S * TC_S);
    while (!p->ended)
        if (!turn(p->served, deadline)) fail_msg("the session did not end");
}

void served_for(served *w, int64_t ms)
{
    const int64_t deadline = from_now(w, ms * TC_MS);
    while (turn(w, deadline))
        ;
}

void served_turns(served *w, int count)
{
    while (count-- > 0)
        assert_int_equal(tc_loop_turn(w->loop, 0), TC_OK);
}
