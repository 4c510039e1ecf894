/* session_tunnel.c - CONNECT through sessions of HTTP/1.1 and HTTP/2: bytes both ways with readers
 * that take what they like, ends in either order, breaks, and the end of the server. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h1/h1.h"
#include "h2/h2.h"
#include "session/session.h"
#include "support/check.h"
#include "support/link_pipe.h"

enum { MOST = 300000, TURNS_MAX = 400000, ROUNDS = 60 };

static char pattern[MOST + 1024];

/* One end of a tunnel. */
typedef struct talker {
    tc_exchange *x;
    uint64_t want, sent; /* bytes that it says */
    uint64_t got;
    bool erratic;  /* takes parts of runs */
    bool open;     /* the tunnel is there */
    bool keeps;    /* does not end its half by itself */
    bool told_end; /* theirs */
    bool waits;    /* server: answers later */
    unsigned status, closed;
    tc_err why;
    bool ended_first; /* it had ended its half before theirs ended */
} talker;

static tc_err talk(talker *t)
{
    while (t->open && t->sent < t->want) {
        const uint64_t left = t->want - t->sent;
        const size_t n = (size_t)(left < 9000 ? left : 1 + check_random_below(9000));
        const tc_err err = tc_exchange_send(t->x, tc_run_bytes(tc_span_of(pattern + t->sent, n)),
                                            n == left && !t->keeps);
        if (err == TC_ERR_FULL) return TC_OK;
        if (err) return err;
        t->sent += n;
    }
    return t->open && t->want == 0 && !t->keeps ? tc_exchange_end(t->x) : TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    talker *t = self;
    size_t n = run.len;
    if (t->erratic && check_random_below(2)) n = (size_t)check_random_below(n + 1);
    assert_memory_equal(run.at, pattern + t->got, n);
    t->got += n;
    if (n < run.len || (t->erratic && check_random_below(4) == 0)) tc_exchange_pause_after(x, n);
    return TC_OK;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    talker *t = self;
    t->told_end = true;
    t->ended_first = x->ended;
    return TC_OK;
}

static tc_err on_room(void *self, tc_exchange *x)
{
    (void)x;
    return talk(self);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    talker *t = self;
    (void)x;
    t->closed++;
    t->why = why;
    t->x = NULL;
}

static talker server, client;

static tc_err asked(void *self, tc_exchange *x)
{
    (void)self;
    assert_int_equal(x->theirs.method, TC_METHOD_CONNECT);
    server.x = x;
    if (server.waits) {
        tc_exchange_pause(x);
        return TC_OK;
    }
    if (server.status) return tc_exchange_reply(x, server.status, tc_run_bytes(TC_SPAN("no")));
    server.open = true;
    const tc_err err = tc_exchange_answer(x, 200, TC_LENGTH_UNKNOWN);
    return err ? err : talk(&server);
}

static tc_err answered(void *self, tc_exchange *x)
{
    talker *t = self;
    t->status = x->theirs.status;
    assert_int_equal(x->tunnel, t->status == 200);
    t->open = x->tunnel;
    return talk(t);
}

static tc_err client_data(void *self, tc_exchange *x, tc_span run)
{
    return client.open ? on_data(self, x, run) : TC_OK;
}

static const tc_handler server_end = {"server", asked, on_data, on_end, on_room, on_close};
static const tc_handler client_end = {"client", answered, client_data, on_end, on_room, on_close};

static void route(tc_session_env *env, tc_exchange *x)
{
    (void)env;
    x->handler = &server_end;
    x->self = &server;
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    assert_int_equal(tc_exchange_answer(x, (unsigned)tc_err_status(err), 0), TC_OK);
}

static struct world {
    tc_loop *loop;
    tc_limits limits;
    tc_reached reached;
    tc_session_env server_env, client_env;
    tc_session server, client;
    link_pipe server_link, client_link;
    bool server_over, client_over;
} w;

static void server_ready(tc_link *l, unsigned what)
{
    (void)l;
    tc_session_turn(&w.server, what);
}

static void client_ready(tc_link *l, unsigned what)
{
    (void)l;
    tc_session_turn(&w.client, what);
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    (void)s;
    (void)why;
    *(env == &w.server_env ? &w.server_over : &w.client_over) = true;
}

static void begin(const tc_engine_type *type, size_t room, size_t step)
{
    memset(&w, 0, sizeof w);
    w.limits = tc_limits_default;
    assert_int_equal(tc_loop_new(&w.loop), TC_OK);
    assert_int_equal(tc_session_env_init(&w.server_env, w.loop, TC_SERVER, &w.limits, &w.reached),
                     TC_OK);
    assert_int_equal(tc_session_env_init(&w.client_env, w.loop, TC_CLIENT, &w.limits, &w.reached),
                     TC_OK);
    w.server_env.route = route;
    w.server_env.refuse = refuse;
    w.server_env.ended = w.client_env.ended = ended;
    link_pipe_init(&w.server_link, &w.client_link, w.loop, room, step, server_ready, client_ready);
    tc_session_begin(&w.server, &w.server_env, &w.server_link.link, type);
    tc_session_begin(&w.client, &w.client_env, &w.client_link.link, type);
    server = client = (talker){0};
}

static void ask(void)
{
    tc_exchange *x = tc_session_exchange(&w.client_env);
    assert_non_null(x);
    x->ours.method = TC_METHOD_CONNECT;
    x->ours.method_name = TC_SPAN("CONNECT");
    x->ours.authority = TC_SPAN("test:443");
    x->handler = &client_end;
    x->self = &client;
    client.x = x;
    tc_err err;
    for (int i = 0; (err = tc_session_start(&w.client, x)) == TC_ERR_FULL && i < TURNS_MAX; i++)
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    assert_int_equal(err, TC_OK);
}

static void turn(void)
{
    assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    talker *const both[] = {&server, &client};
    for (int i = 0; i < 2; i++)
        if (both[i]->x && both[i]->open && check_random_below(2)) tc_exchange_resume(both[i]->x);
}

static void run_until_closed(void)
{
    for (int i = 0; i < TURNS_MAX && !(server.closed && client.closed); i++)
        turn();
    assert_int_equal(server.closed, 1);
    assert_int_equal(client.closed, 1);
}

static void run(int turns)
{
    while (turns-- > 0)
        turn();
}

static void wait_for(int ms)
{
    while (ms-- > 0) {
        tc_clock_move(TC_MS);
        (void)tc_loop_tick(w.loop);
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    }
}

static void finish(void)
{
    if (!w.server_over) tc_session_drain(&w.server);
    for (int i = 0; i < 2000 && !(w.server_over && w.client_over); i++)
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    assert_true(w.server_over && w.client_over);
    assert_int_equal(w.server_env.exchanges.count, 0);
    assert_int_equal(w.client_env.exchanges.count, 0);
    tc_session_env_fini(&w.server_env);
    tc_session_env_fini(&w.client_env);
    tc_loop_free(w.loop);
}

static const tc_engine_type *const engines[] = {&tc_h1_type, &tc_h2_type};
enum { ENGINES = 2 };

/* Whatever is said arrives, however it is cut and taken, and whoever ends first. */
static void test_both_ways(void **state)
{
    (void)state;
    static const size_t steps[] = {100, 4096, 65536};
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t most = check_random_below(2) ? 2000 : MOST;
        begin(engines[i % ENGINES], 1000 + check_random_below(70000), steps[i % 3]);
        server.want = check_random_below(4) ? check_random_below(most) : 0;
        client.want = check_random_below(4) ? check_random_below(most) : 0;
        server.erratic = check_random_below(2);
        client.erratic = check_random_below(2);
        ask();
        run_until_closed();
        assert_int_equal(server.why, TC_OK);
        assert_int_equal(client.why, TC_OK);
        assert_int_equal(server.got, client.want);
        assert_int_equal(client.got, server.want);
        assert_true(server.told_end && client.told_end);
        finish();
    }
}

/* One half is over, and the other goes on for as long as it likes. */
static void test_half(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * ENGINES; i++) {
        begin(engines[i / 2], 65536, 4096);
        talker *first = i % 2 ? &server : &client, *last = i % 2 ? &client : &server;
        first->want = 10;
        last->keeps = true;
        ask();
        run(2000);
        assert_true(last->told_end && !last->closed && !first->closed);
        assert_int_equal(last->got, 10);
        last->want = 5000;
        last->keeps = false;
        assert_int_equal(talk(last), TC_OK);
        run_until_closed();
        assert_int_equal(first->got, 5000);
        assert_true(first->ended_first);
        assert_int_equal(first->why, TC_OK);
        assert_int_equal(last->why, TC_OK);
        finish();
    }
}

/* What the other end breaks off ends as an error, not as an end. */
static void test_broken(void **state)
{
    (void)state;
    for (int i = 0; i < ENGINES; i++) {
        begin(engines[i], 65536, 4096);
        server.keeps = client.keeps = true;
        ask();
        run(2000);
        assert_true(server.open && client.open);
        tc_exchange_abort(server.x, TC_ERR_TUNNEL);
        run_until_closed();
        assert_int_equal(server.why, TC_ERR_TUNNEL);
        finish();
    }
}

/* Nothing is read of the tunnel before it is there; then all of it is. */
static void test_late_answer(void **state)
{
    (void)state;
    for (int i = 0; i < ENGINES; i++) {
        begin(engines[i], 65536, 4096);
        server.waits = true;
        client.want = 70;
        ask();
        run(1000);
        assert_int_equal(server.got, 0);
        server.open = true;
        assert_int_equal(tc_exchange_answer(server.x, 200, TC_LENGTH_UNKNOWN), TC_OK);
        tc_exchange_resume(server.x);
        assert_int_equal(talk(&server), TC_OK);
        run_until_closed();
        assert_int_equal(server.got, 70);
        finish();
    }
}

static void test_refused(void **state)
{
    (void)state;
    for (int i = 0; i < ENGINES; i++) {
        begin(engines[i], 65536, 4096);
        server.status = 403;
        client.want = 70;
        ask();
        run_until_closed();
        assert_int_equal(client.status, 403);
        assert_int_equal(server.got, 0);
        finish();
    }
}

/* No limit on content, rate or taking is asked of a tunnel; but it does not hold up our end. */
static void test_limits(void **state)
{
    (void)state;
    for (int i = 0; i < ENGINES; i++) {
        tc_clock_stop();
        begin(engines[i], 4096, 4096);
        w.limits.body_bytes = 1000;
        w.limits.body_grace_ms = w.limits.send_ms = w.limits.h2_stall_ms = 1;
        w.limits.body_rate = 1000000;
        w.limits.tunnel_drain_ms = 100;
        server.want = client.want = MOST;
        server.keeps = client.keeps = true;
        ask();
        run(50);
        tc_exchange_pause(client.x);
        wait_for(50);
        for (int j = 0; j < TURNS_MAX && (server.got < MOST || client.got < MOST); j++)
            turn();
        assert_int_equal(server.got, MOST);
        assert_int_equal(client.got, MOST);
        assert_int_equal(w.reached.body_bytes + w.reached.body_rate + w.reached.send_ms +
                             w.reached.h2_stall_ms,
                         0);
        tc_session_drain(&w.server);
        wait_for(99);
        assert_int_equal(server.closed, 0);
        wait_for(2);
        assert_int_equal(server.closed, 1);
        assert_int_equal(server.why, TC_ERR_TUNNEL_DRAIN);
        assert_int_equal(w.reached.tunnel_drain_ms, 1);
        run_until_closed();
        finish();
        tc_clock_go();
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i * 31 + i / 251);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways), cmocka_unit_test(test_half),
        cmocka_unit_test(test_broken),    cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("session_tunnel", tests, NULL, NULL);
}
