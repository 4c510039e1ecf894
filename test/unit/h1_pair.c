/* h1_pair.c - the client's engine against the server's in memory: random messages in random pieces
 * must arrive as they were sent. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include "h0/h0.h"
#include "h1/h1.h"
#include "support/check.h"
#include "support/conn.h"

enum { ROUNDS = 400, EXCHANGES = 20, TEXT_MAX = 1 << 20 };

static char letters[4096];

static tc_span some(size_t most)
{
    return tc_span_of(letters + check_random_below(64), (size_t)check_random_below(most) + 1);
}

/* Content of up to SCRIPT_PARTS runs; trailers where the length is not stated. */
static void make_content(script *s)
{
    static const char *const trailers[] = {"x-sum: 1", "x-other: two words"};
    s->run_count = (size_t)check_random_below(SCRIPT_PARTS + 1);
    for (size_t i = 0; i < s->run_count; i++)
        s->runs[i] = some(check_random_below(8) ? 40 : 4000);
    s->unknown = check_random_below(2);
    if (s->unknown) s->trailer_count = (size_t)check_random_below(3);
    for (size_t i = 0; i < s->trailer_count; i++)
        s->trailers[i] = tc_span_str(trailers[i]);
}

static script make_request(bool old)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "FROB"};
    static const char *const paths[] = {"/", "/a?b=c", "/%20/x"};
    script s = {.old = old};
    s.method = tc_span_str(methods[check_random_below(6)]);
    s.path = tc_span_str(paths[check_random_below(3)]);
    s.host = TC_SPAN("h:81");
    if (check_random_below(2)) s.fields[s.field_count++] = TC_SPAN("x-one: 1");
    if (check_random_below(2)) make_content(&s);
    if (old) s.unknown = false, s.trailer_count = 0;
    if (s.unknown && s.run_count + s.trailer_count == 0) s.unknown = false;
    return s;
}

static script make_answer(bool old)
{
    static const unsigned statuses[] = {200, 201, 404, 299, 204, 304};
    script s = {.status = statuses[check_random_below(6)]};
    if (check_random_below(4) == 0) s.inform = 103;
    s.inform_count = 1 + (size_t)check_random_below(4);
    if (check_random_below(2)) s.fields[s.field_count++] = TC_SPAN("etag: \"x\"");
    if (s.status != 204 && s.status != 304) make_content(&s);
    if (old) s.unknown = false, s.trailer_count = 0; /* 1.0 would end the connection */
    if (s.unknown && s.run_count + s.trailer_count == 0) s.unknown = false;
    return s;
}

/* --- what either end should say --- */

static size_t length_of(const script *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->run_count; i++)
        n += s->runs[i].len;
    return n;
}

__attribute__((format(printf, 2, 3))) static void put(tc_buf *b, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (tc_buf_add(b, tc_span_of(text, (size_t)n))) abort();
}

static void put_quoted(tc_buf *b, tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        put(b, s.at[i] == '"' ? "\\\"" : "%c", s.at[i]);
}

static void put_fields(tc_buf *b, const script *s, bool length)
{
    const bool any = s->field_count > 0 || length;
    if (any) put(b, " [");
    for (size_t i = 0; i < s->field_count; i++) {
        if (i) put(b, "; ");
        put_quoted(b, s->fields[i]);
    }
    if (length) put(b, "%scontent-length: %zu", s->field_count ? "; " : "", length_of(s));
    if (any) put(b, "]");
    put(b, "\n");
}

static void put_content(tc_buf *b, const script *s)
{
    if (s->run_count > 0) {
        put(b, "data \"");
        for (size_t i = 0; i < s->run_count; i++)
            put_quoted(b, s->runs[i]);
        put(b, "\"\n");
    }
    for (size_t i = 0; i < s->trailer_count; i++)
        put(b, "%s%.*s%s", i ? "; " : "trailers [", TC_FMT(s->trailers[i]),
            i + 1 == s->trailer_count ? "]\n" : "");
}

static void expect(tc_buf *server, tc_buf *client, const script *q, const script *a)
{
    const bool posts =
        tc_span_eq(q->method, TC_SPAN("POST")) || tc_span_eq(q->method, TC_SPAN("PUT"));
    const bool silent =
        tc_span_eq(q->method, TC_SPAN("HEAD")) || a->status == 204 || a->status == 304;
    put(server, "head %.*s %.*s %s host=h:81", TC_FMT(q->method), TC_FMT(q->path),
        q->old ? "1.0" : "1.1");
    if (q->unknown)
        put(server, " length=-1");
    else if (length_of(q))
        put(server, " length=%zu", length_of(q));
    put_fields(server, q, !q->unknown && (length_of(q) > 0 || posts));
    put_content(server, q);
    put(server, "closed\n");

    for (size_t i = a->inform_count ? a->inform_count : 1; a->inform && !q->old && i > 0; i--) {
        put(client, "head 103 1.1 'Early Hints'");
        put_fields(client, &(script){0}, false);
    }
    const tc_span reason = tc_status_reason(a->status);
    put(client, "head %u 1.1 '%.*s'", a->status, TC_FMT(reason));
    if (!silent && a->unknown)
        put(client, " length=-1");
    else if (!silent && length_of(a))
        put(client, " length=%zu", length_of(a));
    put_fields(client, a, !a->unknown && a->status != 204 && a->status != 304);
    if (!silent) put_content(client, a);
    put(client, "closed\n");
}

/* --- the wire between them --- */

/* Some of what one end sent reaches the other. */
static void carry(conn *from, conn *to)
{
    char piece[8192];
    const size_t most = check_random_below(3) ? 64 : sizeof piece;
    size_t n = (size_t)check_random_below(most) + 1;
    if (n > from->out.len) n = from->out.len;
    if (n == 0) return;
    memcpy(piece, from->out.at, n);
    tc_buf_drop(&from->out, n);
    conn_feed(to, tc_span_of(piece, n), false);
}

static void converse(bool old, unsigned exchanges)
{
    static conn client, server;
    tc_buf server_log, client_log;
    tc_buf_init(&server_log, CONN_BUF_MAX);
    tc_buf_init(&client_log, CONN_BUF_MAX);
    conn_init(&client, &tc_h1_type, TC_CLIENT);
    conn_init(&server, &tc_h1_type, TC_SERVER);
    for (unsigned i = 0; i < exchanges; i++) {
        client.scripts[i] = make_request(old);
        server.scripts[i] = make_answer(old);
        expect(&server_log, &client_log, &client.scripts[i], &server.scripts[i]);
    }
    client.script_count = server.script_count = exchanges;
    client.write_max = (size_t)check_random_below(100);
    server.write_max = (size_t)check_random_below(100);
    client.pause_every = (size_t)check_random_below(3);
    server.pause_every = (size_t)check_random_below(3);
    conn_feed(&client, (tc_span){0}, false);
    for (int i = 0; i < 1000000 && client.closed < exchanges && !client.ordered; i++)
        check_random_below(2) ? carry(&client, &server) : carry(&server, &client);
    conn_feed(&server, (tc_span){0}, true);
    conn_feed(&client, (tc_span){0}, true);
    put(&server_log, "close\n");
    put(&client_log, "close\n");
    if (!tc_span_eq(tc_buf_span(&server.log), tc_buf_span(&server_log)))
        fail_msg("server said:\n%.*s\nwanted:\n%.*s", TC_FMT(tc_buf_span(&server.log)),
                 TC_FMT(tc_buf_span(&server_log)));
    if (!tc_span_eq(tc_buf_span(&client.log), tc_buf_span(&client_log)))
        fail_msg("client said:\n%.*s\nwanted:\n%.*s", TC_FMT(tc_buf_span(&client.log)),
                 TC_FMT(tc_buf_span(&client_log)));
    conn_fini(&client);
    conn_fini(&server);
    tc_buf_fini(&server_log);
    tc_buf_fini(&client_log);
}

static void test_many_exchanges(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        converse(false, EXCHANGES);
}

static void test_one_of_10(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        static conn client, server;
        conn_init(&client, &tc_h1_type, TC_CLIENT);
        conn_init(&server, &tc_h1_type, TC_SERVER);
        client.scripts[0] = make_request(true);
        server.scripts[0] = make_answer(false);
        client.script_count = server.script_count = 1;
        conn_feed(&client, (tc_span){0}, false);
        while (client.out.len > 0)
            carry(&client, &server);
        assert_true(server.ordered);
        while (server.out.len > 0)
            carry(&server, &client);
        conn_feed(&client, (tc_span){0}, true);
        assert_int_equal(client.closed, 1);
        assert_true(client.ordered);
        for (size_t i = 0; i + 5 < client.log.len; i++)
            assert_int_not_equal(memcmp(client.log.at + i, "reset", 5), 0);
        conn_fini(&client);
        conn_fini(&server);
    }
}

static void test_09(void **state)
{
    (void)state;
    static conn client, server;
    conn_init(&client, &tc_h0_type, TC_CLIENT);
    conn_init(&server, &tc_h0_type, TC_SERVER);
    client.scripts[0] = (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/old?x")};
    server.scripts[0] = (script){
        .status = 200, .unknown = true, .run_count = 2, .runs = {TC_SPAN("one "), TC_SPAN("two")}};
    client.script_count = server.script_count = 1;
    conn_feed(&client, (tc_span){0}, false);
    while (client.out.len > 0)
        carry(&client, &server);
    while (server.out.len > 0)
        carry(&server, &client);
    conn_feed(&client, (tc_span){0}, true);
    check_span(tc_buf_span(&client.log),
               "head 200 0.9 length=-1\ndata \"one two\"\nclosed\nclose\n");
    check_span(tc_buf_span(&server.log), "head GET /old?x 0.9\nclosed\nclose\n");
    conn_fini(&client);
    conn_fini(&server);
}

static void test_first_line_of_09(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tc_h0_guess guess;
    } cases[] = {
        {"", TC_H0_MORE},           {"G", TC_H0_MORE},           {"GET ", TC_H0_MORE},
        {"GET /", TC_H0_MORE},      {"GET /a\r", TC_H0_MORE},    {"GET /a\r\n", TC_H0_YES},
        {"GET /\r\nX", TC_H0_YES},  {"GET /a \r\n", TC_H0_NO},   {"GET /a HTTP/1.0\r\n", TC_H0_NO},
        {"GET /a ", TC_H0_NO},      {"GET /a\n", TC_H0_NO},      {"GET /a\rX", TC_H0_NO},
        {"GET a\r\n", TC_H0_NO},    {"GET\r\n", TC_H0_NO},       {"get /\r\n", TC_H0_NO},
        {"POST /\r\n", TC_H0_NO},   {"HEAD /\r\n", TC_H0_NO},    {"\r\nGET /\r\n", TC_H0_NO},
        {"GET  /\r\n", TC_H0_NO},   {"GET\t/\r\n", TC_H0_NO},    {"GET /#\r\n", TC_H0_NO},
        {"GET /%00\r\n", TC_H0_NO}, {"GET /\xe4\r\n", TC_H0_NO}, {"GET http://a/\r\n", TC_H0_NO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span text = check_edge(tc_span_str(cases[i].text));
        check_case(tc_h0_first_line(text) == cases[i].guess, cases[i].text);
        if (cases[i].guess != TC_H0_YES) continue;
        for (size_t n = 0; n < 6; n++) /* until it is whole it may become one */
            assert_int_equal(tc_h0_first_line(tc_span_first(text, n)), TC_H0_MORE);
    }
    char flood[8192];
    memset(flood, 'a', sizeof flood);
    memcpy(flood, "GET /", 5);
    assert_int_equal(tc_h0_first_line(tc_span_of(flood, sizeof flood)), TC_H0_NO);
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_exchanges),
        cmocka_unit_test(test_one_of_10),
        cmocka_unit_test(test_09),
        cmocka_unit_test(test_first_line_of_09),
    };
    return cmocka_run_group_tests_name("h1_pair", tests, NULL, NULL);
}
