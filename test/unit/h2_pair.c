/* h2_pair.c - the client's engine against the server's, in memory, cut at random places, with many
 * exchanges at a time; and what a client makes of a server that breaks rules. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/alloc.h"
#include "support/h2_peer.h"

enum { EXCHANGES = 40, ROUNDS = 60, BODY = 200000 };

static char letters[BODY];
static conn client, server;
static char paths[EXCHANGES][16];

static script make_answer(void)
{
    script s = {.status = 200};
    const size_t kind = (size_t)check_random_below(8);
    if (kind == 0) s.status = 204;
    s.at_head = check_random_below(4) == 0;
    s.unknown = check_random_below(2);
    if (check_random_below(6) == 0) s.inform = 103;
    s.inform_count = 1 + (size_t)check_random_below(3);
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

/* Bytes of one end reach the other, as many as happens. */
static void carry(conn *from, conn *to)
{
    const size_t most = check_random_below(2) ? 50 : 70000;
    size_t n = 1 + (size_t)check_random_below(most);
    if (n > from->out.len) n = from->out.len;
    char *copy = tc_alloc(n + 1);
    assert_non_null(copy);
    if (n) memcpy(copy, from->out.at, n);
    tc_buf_drop(&from->out, n);
    conn_feed(to, tc_span_of(copy, n), false);
    tc_free(copy);
}

static size_t times(const conn *c, const char *text)
{
    const char *at = c->log.at, *end = at + c->log.len;
    size_t n = 0;
    for (; at && (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++)
        n++;
    return n;
}

static void begin_pair(unsigned exchanges)
{
    conn_init(&client, &tc_h2_type, TC_CLIENT);
    conn_init(&server, &tc_h2_type, TC_SERVER);
    for (unsigned i = 0; i < exchanges; i++) {
        client.scripts[i] = make_request(i);
        server.scripts[i] = make_answer();
    }
    client.script_count = server.script_count = exchanges;
    client.env.notes = server.env.notes =
        (uint8_t)(check_random_below(4) ? 0 : 1 + check_random_below(3));
}

static void test_many_exchanges(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        begin_pair(EXCHANGES);
        client.write_max = (size_t)check_random_below(2) * 100;
        client.pause_every = (size_t)check_random_below(3);
        server.pause_every = (size_t)check_random_below(3);
        conn_feed(&client, (tc_span){0}, false);
        for (int i = 0; i < 10000000 && client.closed < EXCHANGES && !client.ordered; i++)
            check_random_below(2) ? carry(&client, &server) : carry(&server, &client);
        if (client.closed != EXCHANGES || times(&client, "closed\n") != EXCHANGES)
            fail_msg("client said:\n%.*s\nserver said:\n%.*s",
                     TC_FMT(tc_span_first(tc_buf_span(&client.log), 20000)),
                     TC_FMT(tc_span_first(tc_buf_span(&server.log), 20000)));
        assert_int_equal(times(&client, "RESET"), 0);
        server.type->drain(server.engine);
        for (int i = 0; i < 1000000 && !(client.ordered && server.ordered); i++)
            check_random_below(2) ? carry(&client, &server) : carry(&server, &client);
        assert_true(client.ordered && server.ordered);
        conn_fini(&client);
        conn_fini(&server);
    }
}

/* Each allocation fails once: exchanges come back, and neither end hangs on the other. */
static void test_without_memory(void **state)
{
    (void)state;
    bool whole = false;
    for (int64_t n = 0; !whole && n < 2000; n++) {
        conn_init(&client, &tc_h2_type, TC_CLIENT);
        conn_init(&server, &tc_h2_type, TC_SERVER);
        client.scripts[0] = (script){.method = TC_SPAN("POST"),
                                     .path = TC_SPAN("/"),
                                     .host = TC_SPAN("a"),
                                     .run_count = 1,
                                     .runs = {tc_span_of(letters, 30000)}};
        server.scripts[0] =
            (script){.status = 200, .run_count = 1, .runs = {tc_span_of(letters, 40000)}};
        client.script_count = server.script_count = 1;
        server.pause_every = 1;
        tc_alloc_fail_after(n);
        conn_feed(&client, (tc_span){0}, false);
        for (int i = 0; i < 200 && client.closed == 0 && !client.ordered && !server.ordered; i++) {
            char copy[4096];
            conn *from = i % 2 ? &server : &client;
            const size_t len = from->out.len < sizeof copy ? from->out.len : sizeof copy;
            if (len) memcpy(copy, from->out.at, len);
            tc_buf_drop(&from->out, len);
            conn_feed(i % 2 ? &client : &server, tc_span_of(copy, len), false);
        }
        tc_alloc_fail_after(-1);
        whole = times(&client, "closed\n") == 1 && times(&server, "closed\n") == 1;
        conn_feed(&client, (tc_span){0}, true);
        conn_feed(&server, (tc_span){0}, true);
        conn_fini(&client);
        conn_fini(&server);
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
    tc_h2_type.init(e, &env);
    tc_alloc_fail_after(-1);
    tc_h2_type.feed(e, 1, 0, TC_SPAN(TC_H2_PREFACE), false);
    assert_false(tc_h2_type.next(e, &ev));
    assert_int_equal(tc_h2_type.fed(e), 0);
    assert_true(tc_h2_type.order(e, &order));
    assert_int_equal(order.kind, TC_ORDER_CLOSE);
    assert_int_equal(tc_h2_type.deadline(e), TC_NEVER);
    tc_h2_type.fini(e);
}

/* --- servers that break rules ------------------------------------------------------------------
 */

static h2_peer peer;

static void begin_client(void)
{
    conn_init(&client, &tc_h2_type, TC_CLIENT);
    client.scripts[0] = client.scripts[1] =
        (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    client.script_count = 2;
    conn_feed(&client, (tc_span){0}, false);
    h2_peer_init(&peer);
    h2_peer_frame(&peer, TC_H2_SETTINGS, 0, 0, (tc_span){0});
    h2_peer_tell(&peer, &client, 0); /* before that only one stream is begun */
}

static void end_client(void)
{
    conn_fini(&client);
    h2_peer_fini(&peer);
}

/* What comes again is said by a number; what could be guessed is spelt out each time. */
static void test_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool again;
    } cases[] = {{"cookie: session=0123456789abcdef", true},
                 {"cookie: short=1", false},
                 {"authorization: Bearer 0123456789abcdef", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        conn_init(&client, &tc_h2_type, TC_CLIENT);
        client.scripts[0] =
            (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
        client.scripts[0].fields[0] = tc_span_str(cases[i].field);
        client.scripts[0].field_count = 1;
        client.scripts[1] = client.scripts[0];
        client.script_count = 2;
        conn_feed(&client, (tc_span){0}, false);
        h2_peer_init(&peer);
        h2_peer_frame(&peer, TC_H2_SETTINGS, 0, 0, (tc_span){0});
        h2_peer_tell(&peer, &client, 0);
        const uint32_t second = h2_peer_find(&client, TC_H2_HEADERS, 1, NULL).length;
        check_case(second != UINT32_MAX && (second <= 5) == cases[i].again, cases[i].field);
        conn_fini(&client);
        h2_peer_fini(&peer);
    }
}

static void test_refused_and_gone(void **state)
{
    (void)state;
    begin_client();
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 1, TC_H2_REFUSED_STREAM);
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 3, TC_H2_CANCEL);
    h2_peer_tell(&peer, &client, 1);
    check_span(tc_buf_span(&client.log), "closed REFUSED\nclosed STREAM_RESET\n");
    end_client();
    begin_client();
    h2_peer_frame(&peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\x01\0\0\0\0"));
    h2_peer_fields(&peer, TC_H2_END_STREAM | TC_H2_END_HEADERS, 1, ":status: 200\n");
    h2_peer_tell(&peer, &client, 0);
    check_span(tc_buf_span(&client.log), "closed REFUSED\nhead 200 2\nclosed\nclose\n");
    end_client();
}

static void test_wrong_servers(void **state)
{
    (void)state;
    enum { ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS };
    static const char *const wrong[] = {
        "x: y\n",
        ":status: 20\n",
        ":status: 101\n",
        ":status: 200\n:path: /\n",
        ":status: 2000\n",
        ":status: 200\nX: y\n",
        ":status: 100\n",
        ":status: 200\ncontent-length: 4\n",
        ":status: 200\nconnection: close\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin_client();
        h2_peer_fields(&peer, ALL, 1, wrong[i]);
        h2_peer_tell(&peer, &client, i % 2);
        check_case(h2_peer_reset(&client) == TC_H2_PROTOCOL_ERROR, wrong[i]);
        check_case(h2_peer_logged(&client, "closed STREAM_RULES"), wrong[i]);
        end_client();
    }
    begin_client(); /* a push, which our SETTINGS forbid */
    h2_peer_frame(&peer, TC_H2_PUSH_PROMISE, 4, 1, TC_SPAN("\0\0\0\x02\x82"));
    h2_peer_tell(&peer, &client, 0);
    assert_int_equal(h2_peer_goaway(&client), TC_H2_PROTOCOL_ERROR);
    assert_true(h2_peer_logged(&client, "closed FRAMES"));
    end_client();
    begin_client(); /* 1xx without an end */
    for (int i = 0; i < 40; i++)
        h2_peer_fields(&peer, TC_H2_END_HEADERS, 1, ":status: 103\n");
    h2_peer_tell(&peer, &client, 0);
    assert_true(h2_peer_logged(&client, "closed TOO_MANY_1XX"));
    end_client();
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_exchanges),     cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_without_any_memory), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_refused_and_gone),   cmocka_unit_test(test_wrong_servers),
    };
    return cmocka_run_group_tests_name("h2_pair", tests, NULL, NULL);
}
