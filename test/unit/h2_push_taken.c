/* h2_push_taken.c - what a client of HTTP/2 is promised: taken, refused, bounded (RFC 9113, 8.4).
 */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "support/push_case.h"

static void begin_client(void)
{
    conn_init_taking(&push_conn, &tc_h2_type);
    push_conn.any_close = true;
    push_conn.scripts[0] = push_conn.scripts[1] =
        (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    push_conn.script_count = 2;
    conn_feed(&push_conn, push_nothing, false);
    h2_peer_init(&push_peer);
    h2_peer_frame(&push_peer, TC_H2_SETTINGS, 0, 0, push_nothing);
    h2_peer_tell(&push_peer, &push_conn, 0); /* before that only one stream is begun */
}

static void test_taken(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        tc_span settings;
        begin_client();
        assert_int_equal(h2_peer_find(&push_conn, TC_H2_SETTINGS, 0, &settings).length, 24);
        assert_memory_equal(settings.at + 12, "\0\2\0\0\0\1\0\3\0\0\0\x20", 12);
        h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE "accept: text/css\n");
        h2_peer_promise(&push_peer, OPEN, 3, 4,
                        ":method: HEAD\n:scheme: http\n:authority: A:80\n"
                        ":path: /h\n");
        h2_peer_frame(&push_peer, TC_H2_PRIORITY, 0, 2, TC_SPAN("\0\0\0\0\1"));
        h2_peer_fields(&push_peer, ALL, 4, ":status: 200\ncontent-length: 9\n");
        h2_peer_fields(&push_peer, OPEN, 2, ":status: 103\n");
        h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 2, 1);
        h2_peer_fields(&push_peer, OPEN, 2, ":status: 200\n");
        h2_peer_fields(&push_peer, ALL, 1, ":status: 204\n"); /* its promises go on */
        h2_peer_frame(&push_peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\x03\0\0\0\0"));
        h2_peer_frame(&push_peer, TC_H2_DATA, TC_H2_END_STREAM, 2, TC_SPAN("css"));
        h2_peer_fields(&push_peer, ALL, 3, ":status: 204\n");
        h2_peer_tell(&push_peer, &push_conn, step);
        check_span(tc_buf_span(&push_conn.log),
                   "promised GET /p\npromised HEAD /h\nhead 200 2 [content-length: 9]\nclosed\n"
                   "head 103 2\nhead 200 2 length=-1\nhead 204 2\nclosed\ndata \"css\"\nclosed\n"
                   "head 204 2\nclosed\nclose\n");
        assert_int_equal(h2_peer_goaway(&push_conn), NONE);
        push_case_end();
    }
}

static void test_promises_in_pieces(void **state)
{
    (void)state;
    begin_client();
    h2_peer_frame(&push_peer, TC_H2_PUSH_PROMISE, TC_H2_PADDED, 1,
                  TC_SPAN("\3\0\0\0\2\x82\x86\0\0\0"));
    h2_peer_frame(&push_peer, TC_H2_CONTINUATION, 0, 1, TC_SPAN("\x41\1a"));
    h2_peer_frame(&push_peer, TC_H2_CONTINUATION, OPEN, 1, TC_SPAN("\x84"));
    h2_peer_tell(&push_peer, &push_conn, 1);
    check_span(tc_buf_span(&push_conn.log), "promised GET /\n");
    push_case_end();
}

static void push_odd(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 5, PROMISE);
}

static void push_zero(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 0, PROMISE);
}

static void push_twice(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
}

static void push_falling(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 4, PROMISE);
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
}

static void push_on_nothing(void)
{
    h2_peer_promise(&push_peer, OPEN, 0, 2, PROMISE);
}

static void push_on_idle(void)
{
    h2_peer_promise(&push_peer, OPEN, 5, 2, PROMISE);
}

static void push_on_push(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_promise(&push_peer, OPEN, 2, 4, PROMISE);
}

static void push_too_late(void)
{
    h2_peer_fields(&push_peer, ALL, 1, ":status: 200\n");
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
}

static void push_after_reset(void)
{
    h2_peer_u32(&push_peer, TC_H2_RST_STREAM, 1, TC_H2_CANCEL);
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
}

static void push_padding(void)
{
    h2_peer_frame(&push_peer, TC_H2_PUSH_PROMISE, OPEN | TC_H2_PADDED, 1,
                  TC_SPAN("\6\0\0\0\2\x82"));
}

static void headers_within_a_promise(void)
{
    h2_peer_promise(&push_peer, 0, 1, 2, PROMISE);
    h2_peer_fields(&push_peer, ALL, 1, ":status: 200\n");
}

static void continuation_of_the_promised(void)
{
    h2_peer_promise(&push_peer, 0, 1, 2, PROMISE);
    h2_peer_frame(&push_peer, TC_H2_CONTINUATION, OPEN, 2, push_nothing);
}

static void headers_of_nothing(void)
{
    h2_peer_fields(&push_peer, ALL, 2, ":status: 200\n");
}

static void data_of_reserved(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_frame(&push_peer, TC_H2_DATA, 0, 2, TC_SPAN("x"));
}

static void window_of_reserved(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 2, 1);
}

static void window_of_nothing(void)
{
    h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 2, 1);
}

static void push_short(void)
{
    h2_peer_frame(&push_peer, TC_H2_PUSH_PROMISE, OPEN | TC_H2_PADDED, 1, TC_SPAN("\1\0\0\2\0"));
}

static void push_broken_block(void)
{
    h2_peer_frame(&push_peer, TC_H2_PUSH_PROMISE, OPEN, 1, TC_SPAN("\0\0\0\2\xff\x80\x01"));
}

static void test_servers_that_break_rules(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*say)(void);
        enum tc_h2_code code;
    } cases[] = {
        {"an odd stream", push_odd, TC_H2_PROTOCOL_ERROR},
        {"stream 0 promised", push_zero, TC_H2_PROTOCOL_ERROR},
        {"a stream twice", push_twice, TC_H2_PROTOCOL_ERROR},
        {"a smaller stream", push_falling, TC_H2_PROTOCOL_ERROR},
        {"on stream 0", push_on_nothing, TC_H2_PROTOCOL_ERROR},
        {"on an idle stream", push_on_idle, TC_H2_PROTOCOL_ERROR},
        {"on a promised stream", push_on_push, TC_H2_PROTOCOL_ERROR},
        {"behind the end", push_too_late, TC_H2_PROTOCOL_ERROR},
        {"behind their reset", push_after_reset, TC_H2_PROTOCOL_ERROR},
        {"too much padding", push_padding, TC_H2_PROTOCOL_ERROR},
        {"HEADERS within a promise", headers_within_a_promise, TC_H2_PROTOCOL_ERROR},
        {"CONTINUATION of the promised", continuation_of_the_promised, TC_H2_PROTOCOL_ERROR},
        {"HEADERS of a stream not promised", headers_of_nothing, TC_H2_PROTOCOL_ERROR},
        {"DATA of a reserved stream", data_of_reserved, TC_H2_PROTOCOL_ERROR},
        {"WINDOW_UPDATE of a reserved stream", window_of_reserved, TC_H2_PROTOCOL_ERROR},
        {"WINDOW_UPDATE of a stream not promised", window_of_nothing, TC_H2_PROTOCOL_ERROR},
        {"a promise of three bytes", push_short, TC_H2_FRAME_SIZE_ERROR},
        {"a block that makes no sense", push_broken_block, TC_H2_COMPRESSION_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 0; step < 2; step++) {
            begin_client();
            cases[i].say();
            h2_peer_tell(&push_peer, &push_conn, step);
            check_case(h2_peer_goaway(&push_conn) == (uint32_t)cases[i].code, cases[i].what);
            check_case(push_conn.ordered, cases[i].what);
            push_case_end();
        }
    }
}

static void test_wrong_promises(void **state)
{
    (void)state;
    static const struct {
        const char *request, *why;
    } cases[] = {
        {":method: POST\n:scheme: http\n:authority: a\n:path: /\n", "PUSH_METHOD"},
        {":method: OPTIONS\n:scheme: http\n:authority: a\n:path: *\n", "PUSH_METHOD"},
        {":method: WHAT\n:scheme: http\n:authority: a\n:path: /\n", "PUSH_METHOD"},
        {":method: GET\n:scheme: http\n:authority: b\n:path: /\n", "PUSH_ORIGIN"},
        {":method: GET\n:scheme: http\n:authority: a:81\n:path: /\n", "PUSH_ORIGIN"},
        {":method: GET\n:scheme: https\n:authority: a\n:path: /\n", "PUSH_ORIGIN"},
        {PROMISE "content-length: 1\n", "STREAM_RULES"},
        {PROMISE "Upper: 1\n", "STREAM_RULES"},
        {PROMISE "connection: close\n", "STREAM_RULES"},
        {PROMISE ":path: /2\n", "STREAM_RULES"},
        {":method: GET\n:scheme: http\n:path: /\n", "STREAM_RULES"},
        {":status: 200\n", "STREAM_RULES"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[64];
        begin_client();
        h2_peer_promise(&push_peer, OPEN, 1, 2, cases[i].request);
        h2_peer_fields(&push_peer, ALL, 2, ":status: 200\n"); /* was on its way */
        h2_peer_fields(&push_peer, ALL, 1, ":status: 204\n");
        h2_peer_tell(&push_peer, &push_conn, i % 2);
        (void)snprintf(expected, sizeof expected, " %s\nclosed %s\nhead 204 2\nclosed\n",
                       cases[i].why, cases[i].why);
        check_case(h2_peer_logged(&push_conn, expected), cases[i].request);
        check_case(h2_peer_find(&push_conn, TC_H2_RST_STREAM, 0, NULL).stream == 2,
                   cases[i].request);
        check_case(h2_peer_reset(&push_conn) == TC_H2_PROTOCOL_ERROR, cases[i].request);
        check_case(h2_peer_goaway(&push_conn) == NONE, cases[i].request);
        push_case_end();
    }
}

static void test_not_wanted(void **state)
{
    (void)state;
    begin_client();
    push_conn.wants_none = true;
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_fields(&push_peer, OPEN, 2, ":status: 200\n");
    h2_peer_frame(&push_peer, TC_H2_DATA, TC_H2_END_STREAM, 2, TC_SPAN("on its way"));
    h2_peer_tell(&push_peer, &push_conn, 0);
    assert_int_equal(h2_peer_reset(&push_conn), TC_H2_CANCEL);
    check_span(tc_buf_span(&push_conn.log), "promised GET /p\nclosed REFUSED\n");
    push_case_end();
    /* with an answer that we broke off ourselves: the promise may have been on its way */
    begin_client();
    h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 1, 0);
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_tell(&push_peer, &push_conn, 0);
    tc_span code;
    assert_int_equal(h2_peer_find(&push_conn, TC_H2_RST_STREAM, 1, &code).stream, 2);
    assert_int_equal(tc_h2_u32(code.at), TC_H2_CANCEL);
    assert_int_equal(h2_peer_goaway(&push_conn), NONE);
    check_span(tc_buf_span(&push_conn.log), "closed STREAM_RULES\n");
    push_case_end();
    begin_client(); /* and when we drain */
    h2_peer_tell(&push_peer, &push_conn, 0);
    push_conn.type->drain(push_conn.engine);
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
    h2_peer_tell(&push_peer, &push_conn, 0);
    assert_int_equal(h2_peer_reset(&push_conn), TC_H2_CANCEL);
    check_span(tc_buf_span(&push_conn.log), "");
    push_case_end();
}

/* A server that promises without end is bounded in what is held, and then told to be calm. */
static void flood(unsigned kind, uint32_t least, uint32_t most)
{
    begin_client();
    uint32_t n = 0;
    for (; n < 5000 && !push_conn.ordered; n++) {
        const uint32_t id = 2 * n + 2;
        h2_peer_promise(&push_peer, OPEN, 1, id, kind == 3 ? ":status: 200\n" : PROMISE);
        if (kind == 1) h2_peer_u32(&push_peer, TC_H2_RST_STREAM, id, TC_H2_CANCEL);
        if (kind == 2) h2_peer_fields(&push_peer, ALL, id, ":status: 204\n");
        h2_peer_tell(&push_peer, &push_conn, 0);
        assert_true(push_conn.slab.count <= 2 + 32);
        if (push_conn.out.len > 100000 && !push_conn.ordered) tc_buf_reset(&push_conn.out);
    }
    assert_in_range(n, least, most);
    assert_int_equal(h2_peer_goaway(&push_conn), TC_H2_ENHANCE_YOUR_CALM);
    assert_true(kind != 0 || push_conn.reached.h2_pushes >= 1000);
    push_case_end();
}

static void test_floods(void **state)
{
    (void)state;
    flood(0, 1000, 1100); /* never answered: refused past the limit */
    flood(1, 1000, 1100); /* broken off */
    flood(2, 1900, 2100); /* answered with nothing */
    flood(3, 1000, 1100); /* no requests at all */
}

int main(void)
{
    for (size_t i = 0; i < sizeof push_letters; i++)
        push_letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_promises_in_pieces),
        cmocka_unit_test(test_servers_that_break_rules),
        cmocka_unit_test(test_wrong_promises),
        cmocka_unit_test(test_not_wanted),
        cmocka_unit_test(test_floods),
    };
    return cmocka_run_group_tests_name("h2_push_taken", tests, NULL, NULL);
}
