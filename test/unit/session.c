/* session.c - the same handlers over a toy engine with two streams, over HTTP/1.1 and HTTP/2,
 * through a pipe in memory: what is above the engines cannot tell them apart. */
// SPDX-License-Identifier: MIT
#include "session/session.h"

#include "base/alloc.h"
#include "h1/h1.h"
#include "h2/h2.h"
#include "support/check.h"
#include "support/link_pipe.h"
#include "support/toy_engine.h"

enum { BODY_MAX = 1 << 20, TURNS_MAX = 100000 };

/* --- the application: answers with what the path says ----------------------------------------- */

static char pattern[BODY_MAX];

typedef struct sender {
    uint64_t left, at;
} sender;

static tc_err send_more(tc_exchange *x, sender *s)
{
    while (s->left) {
        const size_t n = s->left < 10000 ? (size_t)s->left : 10000;
        const tc_err err =
            tc_exchange_send(x, tc_run_bytes((tc_span){pattern + s->at, n}), s->left == n);
        if (err == TC_ERR_FULL) return TC_OK;
        if (err) return err;
        s->at += n;
        s->left -= n;
    }
    return TC_OK;
}

/* "/N": N bytes of the pattern. */
static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    sender *s = tc_exchange_alloc(x, sizeof *s);
    *s = (sender){0};
    x->self = s;
    if (!tc_span_number(tc_span_from(x->theirs.path, 1), &s->left)) return TC_ERR_TARGET;
    const tc_err err = tc_exchange_answer(x, 200, (int64_t)s->left);
    return err ? err : send_more(x, s);
}

static tc_err on_room(void *self, tc_exchange *x)
{
    return send_more(x, self);
}

static int server_closed;

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    (void)self;
    (void)x;
    (void)why;
    server_closed++;
}

static const tc_handler application = {
    .name = "numbers", .on_head = on_head, .on_room = on_room, .on_close = on_close};

static void route(tc_session_env *env, tc_exchange *x)
{
    (void)env;
    x->handler = &application;
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    assert_int_equal(tc_exchange_answer(x, (unsigned)tc_err_status(err), 0), TC_OK);
}

/* --- the client's side ------------------------------------------------------------------------ */

typedef struct errand {
    uint64_t want, got;
    unsigned status, heads, closed;
    tc_err why;
} errand;

static tc_err got_head(void *self, tc_exchange *x)
{
    errand *w = self;
    w->heads++;
    w->status = x->theirs.status;
    return TC_OK;
}

static tc_err got_data(void *self, tc_exchange *x, tc_span run)
{
    errand *w = self;
    (void)x;
    assert_true(w->got + run.len <= w->want);
    assert_memory_equal(run.at, pattern + w->got, run.len);
    w->got += run.len;
    return TC_OK;
}

static void got_close(void *self, tc_exchange *x, tc_err why)
{
    errand *w = self;
    (void)x;
    w->closed++;
    w->why = why;
}

static const tc_handler reader = {
    .name = "reader", .on_head = got_head, .on_data = got_data, .on_close = got_close};

/* --- both ends -------------------------------------------------------------------------------- */

typedef struct world {
    tc_loop *loop;
    tc_limits limits;
    tc_reached reached;
    tc_session_env server_env, client_env;
    tc_session server, client;
    link_pipe server_link, client_link;
    int ended;
} world;

static world *here;

static void server_ready(tc_link *l, unsigned what)
{
    (void)l;
    tc_session_turn(&here->server, what);
}

static void client_ready(tc_link *l, unsigned what)
{
    (void)l;
    tc_session_turn(&here->client, what);
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    (void)env;
    (void)s;
    (void)why;
    here->ended++;
}

static void world_init(world *w, const tc_engine_type *type, size_t room, size_t step)
{
    *w = (world){.limits = tc_limits_default};
    here = w;
    server_closed = 0;
    assert_int_equal(tc_loop_new(&w->loop), TC_OK);
    assert_int_equal(
        tc_session_env_init(&w->server_env, w->loop, TC_SERVER, &w->limits, &w->reached), TC_OK);
    assert_int_equal(
        tc_session_env_init(&w->client_env, w->loop, TC_CLIENT, &w->limits, &w->reached), TC_OK);
    w->server_env.route = route;
    w->server_env.refuse = refuse;
    w->server_env.ended = w->client_env.ended = ended;
    link_pipe_init(&w->server_link, &w->client_link, w->loop, room, step, server_ready,
                   client_ready);
    tc_session_begin(&w->server, &w->server_env, &w->server_link.link, type);
    tc_session_begin(&w->client, &w->client_env, &w->client_link.link, type);
}

static void ask(world *w, errand *wish)
{
    tc_exchange *x = tc_session_exchange(&w->client_env);
    assert_non_null(x);
    x->ours.method = TC_METHOD_GET;
    x->ours.method_name = TC_SPAN("GET");
    x->ours.authority = TC_SPAN("test");
    x->ours.path = tc_arena_printf(&x->arena, "/%llu", (unsigned long long)wish->want);
    x->handler = &reader;
    x->self = wish;
    x->ended = true;
    tc_err err;
    for (int i = 0; (err = tc_session_start(&w->client, x)) == TC_ERR_FULL && i < TURNS_MAX; i++)
        assert_int_equal(tc_loop_turn(w->loop, 0), TC_OK); /* their settings are on the way */
    assert_int_equal(err, TC_OK);
}

static void settle(world *w, const errand *wishes, size_t count)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        size_t done = 0;
        for (size_t j = 0; j < count; j++)
            done += wishes[j].closed;
        if (done == count) return;
        assert_int_equal(tc_loop_turn(w->loop, 0), TC_OK);
    }
    fail_msg("it never ended");
}

static void world_fini(world *w)
{
    tc_session_drain(&w->server);
    for (int i = 0; i < 1000 && w->ended < 2; i++)
        assert_int_equal(tc_loop_turn(w->loop, 0), TC_OK);
    assert_int_equal(w->ended, 2);
    assert_int_equal(w->server_env.exchanges.count, 0);
    assert_int_equal(w->client_env.exchanges.count, 0);
    tc_session_env_fini(&w->server_env);
    tc_session_env_fini(&w->client_env);
    tc_loop_free(w->loop);
}

static void check_wish(const errand *w)
{
    assert_int_equal(w->why, TC_OK);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->heads, 1);
    assert_int_equal(w->got, w->want);
}

static void one_after_another(const tc_engine_type *type)
{
    static const size_t steps[] = {1, 7, 4096, 65536};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        world w;
        world_init(&w, type, 65536, steps[s]);
        errand wishes[] = {{.want = 0}, {.want = 1}, {.want = 612}, {.want = 100000}};
        for (size_t i = 0; i < 4; i++) {
            ask(&w, &wishes[i]);
            settle(&w, &wishes[i], 1);
            check_wish(&wishes[i]);
        }
        assert_int_equal(server_closed, 4);
        world_fini(&w);
    }
}

static void test_toy_one_after_another(void **state)
{
    (void)state;
    one_after_another(&toy_engine_type);
}

static void test_h1_one_after_another(void **state)
{
    (void)state;
    one_after_another(&tc_h1_type);
}

static void test_h2_one_after_another(void **state)
{
    (void)state;
    one_after_another(&tc_h2_type);
}

static void test_h2_many_at_a_time(void **state)
{
    (void)state;
    enum { MANY = 100 };
    static const size_t steps[] = {1000, 65536};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        world w;
        errand wishes[MANY];
        world_init(&w, &tc_h2_type, 70000, steps[i]);
        for (unsigned j = 0; j < MANY; j++) {
            wishes[j] = (errand){.want = j % 10 ? j * 37 : 100000};
            ask(&w, &wishes[j]);
        }
        tc_exchange *x = tc_session_exchange(&w.client_env);
        x->ours.method = TC_METHOD_GET;
        x->ended = true;
        assert_int_equal(tc_session_start(&w.client, x), TC_ERR_FULL);
        tc_exchange_fini(x);
        tc_slab_put(&w.client_env.exchanges, x);
        settle(&w, wishes, MANY);
        for (unsigned j = 0; j < MANY; j++)
            check_wish(&wishes[j]);
        assert_int_equal(server_closed, MANY);
        world_fini(&w);
    }
}

static void two_at_a_time(const tc_engine_type *type)
{
    world w;
    world_init(&w, type, 3000, 1000);
    errand wishes[2] = {{.want = 900000}, {.want = 612}};
    ask(&w, &wishes[0]);
    ask(&w, &wishes[1]);
    settle(&w, &wishes[1], 1);
    assert_true(wishes[0].got < wishes[0].want); /* the small one did not wait for the large one */
    settle(&w, wishes, 2);
    check_wish(&wishes[0]);
    check_wish(&wishes[1]);
    world_fini(&w);
}

static void test_toy_two_at_a_time(void **state)
{
    (void)state;
    two_at_a_time(&toy_engine_type);
}

static void test_h1_refuses_a_second_at_a_time(void **state)
{
    (void)state;
    world w;
    world_init(&w, &tc_h1_type, 65536, 65536);
    errand first = {.want = 10};
    ask(&w, &first);
    tc_exchange *x = tc_session_exchange(&w.client_env);
    x->ours.method = TC_METHOD_GET;
    x->ended = true;
    assert_int_equal(tc_session_start(&w.client, x), TC_ERR_FULL);
    tc_exchange_fini(x);
    tc_slab_put(&w.client_env.exchanges, x);
    settle(&w, &first, 1);
    check_wish(&first);
    world_fini(&w);
}

static void warm_requests_allocate_nothing(const tc_engine_type *type)
{
    world w;
    world_init(&w, type, 65536, 65536);
    for (int i = 0; i < 3; i++) { /* what comes twice may be worth an allocation */
        errand warm = {.want = 612};
        ask(&w, &warm);
        settle(&w, &warm, 1);
    }
    const uint64_t before = tc_alloc_count();
    for (int i = 0; i < 10; i++) {
        errand wish = {.want = 612};
        ask(&w, &wish);
        settle(&w, &wish, 1);
        check_wish(&wish);
    }
    assert_int_equal(tc_alloc_count() - before, 0);
    world_fini(&w);
}

static void test_warm_requests_allocate_nothing(void **state)
{
    (void)state;
    warm_requests_allocate_nothing(&tc_h1_type);
    warm_requests_allocate_nothing(&tc_h2_type);
}

static void test_a_cut_connection_closes_the_exchange(void **state)
{
    (void)state;
    world w;
    world_init(&w, &tc_h1_type, 3000, 1000);
    errand wish = {.want = 500000};
    ask(&w, &wish);
    while (wish.got < 5000)
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    tc_session_kill(&w.server, TC_ERR_SYSTEM);
    settle(&w, &wish, 1);
    assert_int_equal(wish.why, TC_ERR_BODY_CUT);
    assert_int_equal(server_closed, 1);
    for (int i = 0; i < 100 && w.ended < 2; i++)
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    assert_int_equal(w.ended, 2);
    tc_session_env_fini(&w.server_env);
    tc_session_env_fini(&w.client_env);
    tc_loop_free(w.loop);
}

/* --- a client that does not give up ------------------------------------------------------------
 */

static int refused;

static void closed_and_again(void *self, tc_exchange *x, tc_err why)
{
    got_close(self, x, why);
    tc_exchange *again = tc_session_exchange(&here->client_env);
    assert_non_null(again);
    again->ours.method = TC_METHOD_GET;
    again->ended = true;
    if (tc_session_start(&here->client, again) == TC_OK) return;
    refused++;
    tc_exchange_fini(again);
    tc_slab_put(&here->client_env.exchanges, again);
}

static const tc_handler stubborn = {
    .name = "stubborn", .on_head = got_head, .on_data = got_data, .on_close = closed_and_again};

static void nothing_starts_on_a_session_that_ends(const tc_engine_type *type)
{
    world w;
    world_init(&w, type, 3000, 1000);
    errand wish = {.want = 500000};
    refused = 0;
    ask(&w, &wish);
    w.client.exchanges->handler = &stubborn;
    while (wish.got < 5000)
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
    tc_session_kill(&w.client, TC_ERR_INTERRUPTED);
    assert_int_equal(wish.closed, 1);
    assert_int_equal(refused, 1);
    assert_int_equal(w.ended, 1);
    world_fini(&w);
}

static void test_nothing_starts_on_a_session_that_ends(void **state)
{
    (void)state;
    nothing_starts_on_a_session_that_ends(&tc_h1_type);
    nothing_starts_on_a_session_that_ends(&toy_engine_type);
}

int main(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i * 131 + i / 251);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toy_one_after_another),
        cmocka_unit_test(test_h1_one_after_another),
        cmocka_unit_test(test_h2_one_after_another),
        cmocka_unit_test(test_h2_many_at_a_time),
        cmocka_unit_test(test_toy_two_at_a_time),
        cmocka_unit_test(test_h1_refuses_a_second_at_a_time),
        cmocka_unit_test(test_warm_requests_allocate_nothing),
        cmocka_unit_test(test_a_cut_connection_closes_the_exchange),
        cmocka_unit_test(test_nothing_starts_on_a_session_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
