/* h2_push_pair.c - promises between both ends of ours. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/alloc.h"
#include "support/push_case.h"

static conn client, server;

/* --- both ------------------------------------------------------------------------------------ */

static script some_answer(void)
{
    script s = {.status = 200, .push_late = check_random_below(2)};
    if (check_random_below(4) == 0) s.inform = 103;
    s.inform_count = (size_t)check_random_below(3);
    s.run_count = (size_t)check_random_below(3);
    for (size_t i = 0; i < s.run_count; i++)
        s.runs[i] = tc_span_of(push_letters, (size_t)check_random_below(BODY));
    s.push_count = (size_t)check_random_below(4);
    for (size_t i = 0; i < s.push_count; i++)
        s.pushes[i] = check_random_below(2) ? TC_SPAN("/style.css") : TC_SPAN("/logo.png?v=1");
    return s;
}

static void begin_pair(unsigned exchanges)
{
    conn_init_taking(&client, &tc_h2_type);
    conn_init(&server, &tc_h2_type, TC_SERVER);
    /* One is over for a server that has sent it, but not yet for a client that reads it slowly. */
    client.limits.h2_pushes = 2 * server.limits.h2_pushes;
    for (unsigned i = 0; i < exchanges; i++) {
        client.scripts[i] =
            (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
        server.scripts[i] = some_answer();
    }
    client.script_count = server.script_count = exchanges;
    server.promised = some_answer();
    server.promised.inform = 0;
    client.env.notes = server.env.notes =
        (uint8_t)(check_random_below(4) ? 0 : 1 + check_random_below(3));
}

static void carry(conn *from, conn *to)
{
    const size_t most = check_random_below(2) ? 50 : 70000;
    size_t n = 1 + (size_t)check_random_below(most);
    if (n > from->out.len) n = from->out.len;
    char *copy = malloc(n + 1); /* ours: it is not made to fail */
    assert_non_null(copy);
    if (n) memcpy(copy, from->out.at, n);
    tc_buf_drop(&from->out, n);
    conn_feed(to, tc_span_of(copy, n), false);
    free(copy);
}

static size_t times(const conn *of, const char *text)
{
    const char *at = of->log.at, *push_case_end = at + of->log.len;
    size_t n = 0;
    for (; at && (at = memmem(at, (size_t)(push_case_end - at), text, strlen(text))); at++)
        n++;
    return n;
}

static void test_pairs(void **state)
{
    (void)state;
    size_t all = 0;
    for (int round = 0; round < ROUNDS; round++) {
        begin_pair(EXCHANGES);
        client.write_max = (size_t)check_random_below(2) * 100;
        client.pause_every = (size_t)check_random_below(3);
        client.wants_none = check_random_below(4) == 0;
        conn_feed(&client, push_nothing, false);
        size_t pushed = 0;
        for (int i = 0; i < 200000 &&
                        (server.closed < EXCHANGES + pushed || client.closed < EXCHANGES + pushed);
             i++) {
            check_random_below(2) ? carry(&client, &server) : carry(&server, &client);
            if (client.ordered || server.ordered) break;
            pushed = times(&server, "\npushed /");
        }
        const size_t well = client.wants_none ? EXCHANGES : EXCHANGES + pushed;
        if (times(&client, "promised GET /") != pushed || times(&client, "closed\n") != well ||
            client.closed != EXCHANGES + pushed)
            fail_msg("%zu pushed; client said:\n%.*s\nserver said:\n%.*s", pushed,
                     TC_FMT(tc_span_first(tc_buf_span(&client.log), 20000)),
                     TC_FMT(tc_span_first(tc_buf_span(&server.log), 20000)));
        all += pushed;
        server.type->drain(server.engine);
        for (int i = 0; i < 1000000 && !(client.ordered && server.ordered); i++)
            check_random_below(2) ? carry(&client, &server) : carry(&server, &client);
        assert_true(client.ordered && server.ordered);
        conn_fini(&client);
        conn_fini(&server);
    }
    assert_true(all > ROUNDS);
}

static char long_path[40000];

/* A promise that is longer than a frame. */
static void test_long_promises(void **state)
{
    (void)state;
    conn_init_taking(&client, &tc_h2_type);
    conn_init(&server, &tc_h2_type, TC_SERVER);
    memset(long_path, '~', sizeof long_path);
    long_path[0] = '/';
    client.limits.request_line = sizeof long_path;
    client.scripts[0] =
        (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    server.scripts[0] = (script){
        .status = 204, .push_count = 1, .pushes = {tc_span_of(long_path, sizeof long_path)}};
    server.promised = (script){.status = 204};
    client.script_count = server.script_count = 1;
    server.env.notes = true;
    conn_feed(&client, push_nothing, false);
    for (int i = 0; i < 100000 && client.closed < 2; i++)
        i % 2 ? carry(&client, &server) : carry(&server, &client);
    assert_int_equal(times(&client, "closed\n"), 2);
    assert_int_equal(times(&server, "> \"PUSH_PROMISE stream 1, "), 1);
    assert_int_equal(times(&server, "promises stream 2"), 1);
    assert_true(times(&server, "> \"CONTINUATION stream 1, ") > 0);
    conn_fini(&client);
    conn_fini(&server);
}

/* Each allocation fails once: exchanges come back, and neither end hangs on the other. */
static void test_without_memory(void **state)
{
    (void)state;
    bool whole = false;
    for (int64_t n = 0; !whole && n < 2000; n++) {
        conn_init_taking(&client, &tc_h2_type);
        conn_init(&server, &tc_h2_type, TC_SERVER);
        client.scripts[0] =
            (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
        server.scripts[0] = (script){.status = 200,
                                     .run_count = 1,
                                     .runs = {tc_span_of(push_letters, 40000)},
                                     .push_count = 2,
                                     .pushes = {TC_SPAN("/one"), TC_SPAN("/two")}};
        server.promised = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("asset")}};
        client.script_count = server.script_count = 1;
        tc_alloc_fail_after(n);
        conn_feed(&client, push_nothing, false);
        for (int i = 0; i < 200 && !client.ordered && !server.ordered; i++)
            i % 2 ? carry(&server, &client) : carry(&client, &server);
        tc_alloc_fail_after(-1);
        whole = times(&client, "closed\n") == 3 && times(&server, "closed\n") == 3;
        conn_feed(&client, push_nothing, true);
        conn_feed(&server, push_nothing, true);
        conn_fini(&client);
        conn_fini(&server);
    }
    assert_true(whole);
}

int main(void)
{
    for (size_t i = 0; i < sizeof push_letters; i++)
        push_letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_long_promises),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests_name("h2_push_pair", tests, NULL, NULL);
}
