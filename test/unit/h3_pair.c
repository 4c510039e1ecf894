/* h3_pair.c - the client's engine against the server's, in memory, over streams that overtake one
 * another, in pieces, with windows and late acknowledgements; and what happens without memory. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/h3_end.h"

enum { EXCHANGES = 40, ROUNDS = 25, BODY = 200000 };

static char letters[BODY];
static conn client_conn, server_conn;
static h3_end client, server;
static char paths[EXCHANGES][16];

static script make_answer(void)
{
    script s = {.status = 200};
    const size_t kind = (size_t)check_random_below(8);
    if (kind == 0) s.status = 204;
    s.at_head = check_random_below(4) == 0;
    s.unknown = check_random_below(2);
    if (check_random_below(6) == 0) s.inform = 103;
    s.fields[s.field_count++] = TC_SPAN("server: tercet");
    if (kind < 2) return s;
    s.run_count = 1 + (size_t)check_random_below(SCRIPT_PARTS);
    for (size_t i = 0; i < s.run_count; i++)
        s.runs[i] = tc_span_of(letters, (size_t)check_random_below(kind == 7 ? BODY / 4 : 3000));
    if (kind == 3) s.trailers[s.trailer_count++] = TC_SPAN("x-sum: 1");
    return s;
}

static script make_request(unsigned i)
{
    (void)snprintf(paths[i], sizeof *paths, "/%u", i);
    script s = {.method = TC_SPAN("GET"), .path = tc_span_str(paths[i]), .host = TC_SPAN("a")};
    s.fields[s.field_count++] = TC_SPAN("user-agent: tercet");
    if (check_random_below(3)) return s;
    script with = make_answer();
    with.inform = 0;
    with.unknown &= with.run_count > 0;
    with.at_head = false;
    with.method = TC_SPAN("POST");
    with.path = s.path;
    with.host = s.host;
    with.fields[with.field_count++] = TC_SPAN("x-cookie: crumbs");
    return with;
}

static size_t times(const h3_end *e, const char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < e->c->log.len; i++)
        n += tc_span_starts(tc_span_from(tc_buf_span(&e->c->log), i), tc_span_str(text));
    return n;
}

/* --- the network ------------------------------------------------------------------------------ */

static void any_step(void)
{
    check_random_below(2) ? h3_step(&client, &server) : h3_step(&server, &client);
}

static void begin_pair(unsigned exchanges)
{
    h3_end_init(&client, &client_conn, TC_CLIENT);
    h3_end_init(&server, &server_conn, TC_SERVER);
    client_conn.script_count = server_conn.script_count = exchanges;
}

static void end_pair(void)
{
    h3_end_fini(&client);
    h3_end_fini(&server);
}

static void show_and_fail(void)
{
    fail_msg("client (%u closed, code %llx) said:\n%.*s\nserver (%u, %llx) said:\n%.*s",
             client_conn.closed, (unsigned long long)client.close_code,
             TC_FMT(tc_span_first(tc_buf_span(&client_conn.log), 600)), server_conn.closed,
             (unsigned long long)server.close_code,
             TC_FMT(tc_span_first(tc_buf_span(&server_conn.log), 600)));
}

static void test_many_exchanges(void **state)
{
    (void)state;
    static const uint64_t windows[] = {0, 0, 300, 5000};
    for (int round = 0; round < ROUNDS; round++) {
        begin_pair(EXCHANGES);
        for (unsigned i = 0; i < EXCHANGES; i++) {
            client_conn.scripts[i] = make_request(i);
            server_conn.scripts[i] = make_answer();
        }
        client_conn.env.notes = server_conn.env.notes =
            (uint8_t)(check_random_below(4) ? 0 : 1 + check_random_below(3));
        client.window = windows[check_random_below(4)];
        server.window = windows[check_random_below(4)];
        client.acks_by_hand = server.acks_by_hand = true;
        client_conn.write_max = (size_t)check_random_below(2) * 100;
        client_conn.pause_every = (size_t)check_random_below(3);
        server_conn.pause_every = (size_t)check_random_below(3);
        client_conn.limits.h3_table = check_random_below(2) ? 300 : 4096;
        client_conn.limits.h3_blocked = check_random_below(2) ? 2 : 100;
        client_conn.type->fini(client_conn.engine); /* with these limits */
        client_conn.type->init(client_conn.engine, &client_conn.env);
        h3_turn(&client);
        h3_turn(&server);
        for (int i = 0; i < 2000000 && client_conn.closed < EXCHANGES && !client.closed; i++)
            any_step();
        if (client_conn.closed != EXCHANGES || times(&client, "closed\n") != EXCHANGES)
            show_and_fail();
        assert_int_equal(times(&client, "RESET"), 0);
        assert_int_equal(client_conn.content, server_conn.sent);
        server_conn.type->drain(server_conn.engine);
        for (int i = 0; i < 100000 && !client.closed && !server.closed; i++)
            any_step();
        if (!client.closed && !server.closed) show_and_fail();
        assert_int_equal(client.closed ? client.close_code : server.close_code, TC_H3_NO_ERROR);
        end_pair();
    }
}

/* Streams broken off by either end, at any time: the others go on. */
static void test_broken_off(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        begin_pair(EXCHANGES);
        for (unsigned i = 0; i < EXCHANGES; i++) {
            client_conn.scripts[i] = make_request(i);
            server_conn.scripts[i] = make_answer();
        }
        client.acks_by_hand = server.acks_by_hand = true;
        server.window = 2000;
        h3_turn(&client);
        h3_turn(&server);
        for (int i = 0; i < 1000000 && client_conn.closed < EXCHANGES && !client.closed; i++) {
            any_step();
            conn *c = check_random_below(2) ? &client_conn : &server_conn;
            if (check_random_below(60) == 0 && c->open[0])
                c->type->abort(c->engine, c->open[0], TC_ERR_INTERRUPTED);
        }
        if (client_conn.closed != EXCHANGES || client.closed) show_and_fail();
        for (int i = 0; i < 100000 && server_conn.open[0]; i++)
            any_step();
        assert_null(server_conn.open[0]);
        assert_true(client_conn.type->idle(client_conn.engine));
        assert_true(server_conn.type->idle(server_conn.engine));
        end_pair();
    }
}

/* Each allocation fails once: exchanges come back, and neither end hangs on the other. */
static void test_without_memory(void **state)
{
    (void)state;
    bool whole = false;
    for (int64_t n = 0; !whole && n < 2000; n++) {
        h3_end_init(&client, &client_conn, TC_CLIENT);
        h3_end_init(&server, &server_conn, TC_SERVER);
        client_conn.scripts[0] = (script){.method = TC_SPAN("POST"),
                                          .path = TC_SPAN("/"),
                                          .host = TC_SPAN("a"),
                                          .run_count = 1,
                                          .runs = {tc_span_of(letters, 30000)}};
        server_conn.scripts[0] =
            (script){.status = 200, .run_count = 1, .runs = {tc_span_of(letters, 40000)}};
        client_conn.script_count = server_conn.script_count = 1;
        server_conn.pause_every = 1;
        for (size_t i = 0; i < 20; i += 1) { /* the test's own memory does not fail */
            char *room;
            h3_flow *a = h3_flow_of(&client, i), *b = h3_flow_of(&server, i);
            tc_buf *bufs[] = {&a->in, &a->out, &b->in, &b->out};
            for (size_t j = 0; j < 4; j++)
                assert_int_equal(tc_buf_reserve(bufs[j], 1 << 17, &room), TC_OK);
        }
        tc_alloc_fail_after(n);
        h3_turn(&client);
        for (int i = 0; i < 200 && !client_conn.closed && !client.closed && !server.closed; i++) {
            h3_end *from = i % 2 ? &server : &client, *to = i % 2 ? &client : &server;
            for (size_t j = 0; j < from->count; j++)
                h3_carry(from, &from->flows[j], to);
            h3_turn(to);
        }
        tc_alloc_fail_after(-1);
        whole = times(&client, "closed\n") == 1 && times(&server, "closed\n") == 1;
        assert_true(whole || client.closed || server.closed || client_conn.closed ||
                    client_conn.used);
        end_pair();
    }
    assert_true(whole);
}

/* Without memory for its state an engine only says that the connection is to be closed. */
static void test_without_any_memory(void **state)
{
    (void)state;
    tc_engine_env env = {.role = TC_SERVER, .limits = &tc_limits_default};
    _Alignas(8) char room[96];
    tc_engine *e = (tc_engine *)(void *)room;
    tc_event ev;
    tc_order order;
    tc_alloc_fail_after(0);
    tc_h3_type.init(e, &env);
    tc_alloc_fail_after(-1);
    tc_h3_type.feed(e, 1, 0, TC_SPAN("x"), false);
    assert_false(tc_h3_type.next(e, &ev));
    assert_int_equal(tc_h3_type.fed(e), 0);
    assert_true(tc_h3_type.order(e, &order));
    assert_int_equal(order.kind, TC_ORDER_CLOSE);
    assert_int_equal(tc_h3_type.deadline(e), TC_NEVER);
    tc_h3_type.fini(e);
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_exchanges),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_without_any_memory),
    };
    return cmocka_run_group_tests_name("h3_pair", tests, NULL, NULL);
}
