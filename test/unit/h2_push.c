/* h2_push.c - promises of a server and at a client (RFC 9113, 6.6 and 8.4): a pair in memory, cut
 * at random places, and each rule broken by raw frames, whole and byte by byte. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "support/h2_peer.h"

enum { ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS, OPEN = TC_H2_END_HEADERS };

#define NONE UINT32_MAX

#define PROMISE ":method: GET\n:scheme: http\n:authority: a\n:path: /p\n"

static h2_peer peer;
static conn c, client, server;
static const tc_span nothing = {0};

/* --- server: what it promises -------------------------------------------------------------- */

static void begin_server(void)
{
    conn_init(&c, &tc_h2_type, TC_SERVER);
    c.any_close = true;
    c.scripts[0] = (script){.status = 200,
                            .run_count = 1,
                            .runs = {TC_SPAN("page")},
                            .push_count = 2,
                            .pushes = {TC_SPAN("/one"), TC_SPAN("/two")}};
    c.script_count = 1;
    c.promised = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("asset")}};
    h2_peer_init(&peer);
    h2_peer_preface(&peer);
}

static void end(void)
{
    if (c.kept) c.type->abort(c.engine, c.kept, TC_ERR_NO_ANSWER);
    conn_fini(&c);
    h2_peer_fini(&peer);
}

/* Where in c->out the nth frame of that type begins; SIZE_MAX: nowhere. */
static size_t place(unsigned type, uint32_t stream)
{
    tc_span out = tc_buf_span(&c.out);
    while (out.len >= TC_H2_FRAME_HEAD) {
        const tc_h2_head head = tc_h2_head_read(out.at);
        if (head.type == type && head.stream == stream) return (size_t)(out.at - c.out.at);
        out = tc_span_from(out, TC_H2_FRAME_HEAD + head.length);
    }
    return SIZE_MAX;
}

static void test_promises_come_first(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        tc_span payload;
        begin_server();
        c.scripts[0].push_late = late;
        h2_peer_fields(&peer, ALL, 1, H2_GET);
        h2_peer_tell(&peer, &c, (size_t)late);
        check_span(tc_buf_span(&c.log),
                   "head GET / 2 host=a\npushed /one\npushed /two\nclosed\nclosed\nclosed\n");
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(h2_peer_find(&c, TC_H2_PUSH_PROMISE, i, &payload).stream, 1);
            assert_int_equal(tc_h2_u32(payload.at), 2 + 2 * i);
            assert_true(place(TC_H2_PUSH_PROMISE, 1) < place(TC_H2_HEADERS, 2 + 2 * i));
        }
        assert_true(place(TC_H2_PUSH_PROMISE, 1) < place(TC_H2_HEADERS, 1));
        assert_true(place(TC_H2_DATA, 1) < place(TC_H2_DATA, 2)); /* who asked goes first */
        assert_int_equal(h2_peer_find(&c, TC_H2_PUSH_PROMISE, 2, NULL).length, NONE);
        end();
    }
}

static void say_no(void)
{
    h2_peer_setting(&peer, TC_H2_ENABLE_PUSH, 0);
}
static void say_one(void)
{
    h2_peer_setting(&peer, TC_H2_MAX_CONCURRENT_STREAMS, 1);
}
static void have_one(void)
{
    c.limits.h2_pushes = 1;
}
static void say_goaway(void)
{
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_frame(&peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\0\0\0\0\0"));
}
static void do_drain(void)
{
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_tell(&peer, &c, 0);
    c.type->drain(c.engine);
}
static void have_long_path(void)
{
    c.scripts[0].pushes[0] = TC_SPAN("no path");
    c.scripts[0].pushes[1] = TC_SPAN("http://a/");
}

static void test_what_is_not_promised(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*say)(void);
        const char *log;
        unsigned promises, reached;
    } cases[] = {
        {"ENABLE_PUSH 0", say_no, "not pushed NOT_SUPPORTED\nnot pushed NOT_SUPPORTED\n", 0, 0},
        {"one stream at a time", say_one, "pushed /one\nnot pushed FULL\n", 1, 0},
        {"our limit", have_one, "pushed /one\nnot pushed FULL\n", 1, 1},
        {"GOAWAY", say_goaway, "not pushed SESSION_ENDED\nnot pushed SESSION_ENDED\n", 0, 0},
        {"drain", do_drain, "not pushed SESSION_ENDED\nnot pushed SESSION_ENDED\n", 0, 0},
        {"paths", have_long_path, "not pushed NOT_SUPPORTED\nnot pushed NOT_SUPPORTED\n", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin_server();
        cases[i].say();
        if (cases[i].say == say_goaway || cases[i].say == do_drain)
            h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 1, nothing);
        else
            h2_peer_fields(&peer, ALL, 1, H2_GET);
        h2_peer_tell(&peer, &c, 0);
        check_case(h2_peer_logged(&c, cases[i].log), cases[i].what);
        check_case(c.reached.h2_pushes == cases[i].reached, cases[i].what);
        check_case((h2_peer_find(&c, TC_H2_PUSH_PROMISE, cases[i].promises, NULL).length == NONE),
                   cases[i].what);
        end();
    }
}

/* One that is promised and not answered yet, and one of another's answer. */
static void begin_reserved(void)
{
    begin_server();
    c.scripts[0].push_count = 1;
    c.keep = true;
    h2_peer_fields(&peer, ALL, 1, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    assert_non_null(c.kept);
}

static void test_no_push_with_a_push(void **state)
{
    (void)state;
    begin_reserved();
    tc_exchange *p = tc_slab_get(&c.slab);
    assert_non_null(p);
    tc_exchange_init(p, 0, 4096);
    p->theirs.method = TC_METHOD_GET;
    p->theirs.scheme = TC_SPAN("http");
    p->theirs.authority = TC_SPAN("a");
    p->theirs.path = TC_SPAN("/");
    assert_int_equal(c.type->push(c.engine, c.kept, p), TC_ERR_NOT_SUPPORTED);
    tc_exchange_fini(p);
    tc_slab_put(&c.slab, p);
    end();
}

static void test_only_what_may_be_pushed(void **state)
{
    (void)state;
    static const struct {
        enum tc_method method;
        const char *scheme, *authority;
        tc_err err;
    } cases[] = {
        {TC_METHOD_POST, "http", "a", TC_ERR_NOT_SUPPORTED},
        {TC_METHOD_OPTIONS, "http", "a", TC_ERR_NOT_SUPPORTED},
        {TC_METHOD_GET, "https", "a", TC_ERR_NOT_SUPPORTED},
        {TC_METHOD_GET, "http", "b", TC_ERR_NOT_SUPPORTED},
        {TC_METHOD_GET, "http", "a:81", TC_ERR_NOT_SUPPORTED},
        {TC_METHOD_GET, "http", "A:80", TC_OK},
        {TC_METHOD_HEAD, "http", "a", TC_OK},
    };
    begin_server();
    c.scripts[0].push_count = 0;
    c.scripts[0].unknown = true;
    h2_peer_setting(&peer, TC_H2_INITIAL_WINDOW_SIZE, 0); /* so that the answer stays */
    h2_peer_fields(&peer, ALL, 1, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_exchange *p = tc_slab_get(&c.slab);
        assert_non_null(p);
        tc_exchange_init(p, 0, 65536);
        p->theirs.method = cases[i].method;
        p->theirs.scheme = tc_span_str(cases[i].scheme);
        p->theirs.authority = tc_span_str(cases[i].authority);
        p->theirs.path = TC_SPAN("/");
        assert_int_equal(c.type->push(c.engine, c.last, p), cases[i].err);
        if (cases[i].err) {
            tc_exchange_fini(p);
            tc_slab_put(&c.slab, p);
        } else {
            c.type->abort(c.engine, p, TC_ERR_NO_ANSWER);
        }
    }
    end();
}

static void say_data_two(void)
{
    h2_peer_frame(&peer, TC_H2_DATA, 0, 2, TC_SPAN("x"));
}
static void say_headers_two(void)
{
    h2_peer_fields(&peer, ALL, 2, H2_GET);
}
static void say_promise(void)
{
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
}
static void say_window_four(void)
{
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 4, 1);
}
static void say_reset_four(void)
{
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 4, 8);
}
static void say_data_four(void)
{
    h2_peer_frame(&peer, TC_H2_DATA, 0, 4, TC_SPAN("x"));
}
static void say_priority_four(void)
{
    h2_peer_u32(&peer, TC_H2_PRIORITY_UPDATE, 0, 4);
}

static void test_clients_that_break_rules(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*say)(void);
    } cases[] = {
        {"DATA of a reserved stream", say_data_two},
        {"HEADERS of a reserved stream", say_headers_two},
        {"PUSH_PROMISE of a client", say_promise},
        {"WINDOW_UPDATE of a stream not promised", say_window_four},
        {"RST_STREAM of a stream not promised", say_reset_four},
        {"DATA of a stream not promised", say_data_four},
        {"PRIORITY_UPDATE of a stream not promised", say_priority_four},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin_reserved();
        cases[i].say();
        h2_peer_tell(&peer, &c, i % 2);
        check_case(h2_peer_goaway(&c) == TC_H2_PROTOCOL_ERROR, cases[i].what);
        end();
    }
}

static void answer_kept(void)
{
    c.kept->ours.status = 200;
    c.kept->ours.length = 0;
    assert_int_equal(c.type->head(c.engine, c.kept, true), TC_OK);
    conn_feed(&c, nothing, false);
}

static void test_clients_that_may(void **state)
{
    (void)state;
    begin_reserved(); /* no longer wanted */
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 2, TC_H2_CANCEL);
    h2_peer_tell(&peer, &c, 1);
    assert_true(h2_peer_logged(&c, "closed STREAM_RESET"));
    assert_int_equal(h2_peer_goaway(&c), NONE);
    end();
    begin_reserved(); /* goes, and takes no pushes from stream 2 on */
    h2_peer_frame(&peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\0\0\0\0\0"));
    h2_peer_tell(&peer, &c, 0);
    assert_true(h2_peer_logged(&c, "closed REFUSED"));
    end();
    begin_reserved(); /* goes, and still takes that one */
    h2_peer_frame(&peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\x02\0\0\0\0"));
    h2_peer_tell(&peer, &c, 0);
    answer_kept();
    assert_false(h2_peer_logged(&c, "REFUSED"));
    assert_int_equal(c.closed, 2);
    end();
    begin_reserved(); /* window and priority of a stream that is reserved */
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 2, 5);
    h2_peer_frame(&peer, TC_H2_PRIORITY_UPDATE, 0, 0, TC_SPAN("\0\0\0\x02u=1"));
    h2_peer_tell(&peer, &c, 0);
    answer_kept();
    assert_int_equal(h2_peer_goaway(&c), NONE);
    assert_int_equal(c.closed, 2);
    end();
    begin_reserved(); /* wants fewer than were promised */
    h2_peer_setting(&peer, TC_H2_MAX_CONCURRENT_STREAMS, 0);
    h2_peer_tell(&peer, &c, 0);
    answer_kept();
    assert_int_equal(h2_peer_reset(&c), TC_H2_CANCEL);
    assert_int_equal(place(TC_H2_HEADERS, 2), SIZE_MAX);
    assert_true(h2_peer_logged(&c, "closed REFUSED"));
    end();
    begin_reserved(); /* none any more: what was promised still comes */
    h2_peer_setting(&peer, TC_H2_ENABLE_PUSH, 0);
    h2_peer_tell(&peer, &c, 0);
    answer_kept();
    assert_true(place(TC_H2_HEADERS, 2) != SIZE_MAX);
    end();
}

/* Promised streams take no place of the client's own. */
static void test_requests_have_their_own_places(void **state)
{
    (void)state;
    begin_reserved();
    c.limits.h2_streams = 1;
    c.scripts[0].push_count = 0;
    h2_peer_fields(&peer, ALL, 3, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), NONE);
    assert_int_equal(c.reached.h2_streams, 0);
    end();
}

/* --- client: what it is promised ----------------------------------------------------------- */

static void begin_client(void)
{
    conn_init_taking(&c, &tc_h2_type);
    c.any_close = true;
    c.scripts[0] = c.scripts[1] =
        (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    c.script_count = 2;
    conn_feed(&c, nothing, false);
    h2_peer_init(&peer);
    h2_peer_frame(&peer, TC_H2_SETTINGS, 0, 0, nothing);
    h2_peer_tell(&peer, &c, 0); /* before that only one stream is begun */
}

static void test_taken(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        tc_span settings;
        begin_client();
        assert_int_equal(h2_peer_find(&c, TC_H2_SETTINGS, 0, &settings).length, 24);
        assert_memory_equal(settings.at + 12, "\0\2\0\0\0\1\0\3\0\0\0\x20", 12);
        h2_peer_promise(&peer, OPEN, 1, 2, PROMISE "accept: text/css\n");
        h2_peer_promise(&peer, OPEN, 3, 4,
                        ":method: HEAD\n:scheme: http\n:authority: A:80\n"
                        ":path: /h\n");
        h2_peer_frame(&peer, TC_H2_PRIORITY, 0, 2, TC_SPAN("\0\0\0\0\1"));
        h2_peer_fields(&peer, ALL, 4, ":status: 200\ncontent-length: 9\n");
        h2_peer_fields(&peer, OPEN, 2, ":status: 103\n");
        h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 2, 1);
        h2_peer_fields(&peer, OPEN, 2, ":status: 200\n");
        h2_peer_fields(&peer, ALL, 1, ":status: 204\n"); /* its promises go on */
        h2_peer_frame(&peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\x03\0\0\0\0"));
        h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 2, TC_SPAN("css"));
        h2_peer_fields(&peer, ALL, 3, ":status: 204\n");
        h2_peer_tell(&peer, &c, step);
        check_span(tc_buf_span(&c.log),
                   "promised GET /p\npromised HEAD /h\nhead 200 2 [content-length: 9]\nclosed\n"
                   "head 103 2\nhead 200 2 length=-1\nhead 204 2\nclosed\ndata \"css\"\nclosed\n"
                   "head 204 2\nclosed\nclose\n");
        assert_int_equal(h2_peer_goaway(&c), NONE);
        end();
    }
}

static void test_promises_in_pieces(void **state)
{
    (void)state;
    begin_client();
    h2_peer_frame(&peer, TC_H2_PUSH_PROMISE, TC_H2_PADDED, 1, TC_SPAN("\3\0\0\0\2\x82\x86\0\0\0"));
    h2_peer_frame(&peer, TC_H2_CONTINUATION, 0, 1, TC_SPAN("\x41\1a"));
    h2_peer_frame(&peer, TC_H2_CONTINUATION, OPEN, 1, TC_SPAN("\x84"));
    h2_peer_tell(&peer, &c, 1);
    check_span(tc_buf_span(&c.log), "promised GET /\n");
    end();
}

static void push_odd(void)
{
    h2_peer_promise(&peer, OPEN, 1, 5, PROMISE);
}
static void push_zero(void)
{
    h2_peer_promise(&peer, OPEN, 1, 0, PROMISE);
}
static void push_twice(void)
{
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
}
static void push_falling(void)
{
    h2_peer_promise(&peer, OPEN, 1, 4, PROMISE);
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
}
static void push_on_nothing(void)
{
    h2_peer_promise(&peer, OPEN, 0, 2, PROMISE);
}
static void push_on_idle(void)
{
    h2_peer_promise(&peer, OPEN, 5, 2, PROMISE);
}
static void push_on_push(void)
{
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_promise(&peer, OPEN, 2, 4, PROMISE);
}
static void push_too_late(void)
{
    h2_peer_fields(&peer, ALL, 1, ":status: 200\n");
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
}
static void push_after_reset(void)
{
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 1, TC_H2_CANCEL);
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
}
static void push_padding(void)
{
    h2_peer_frame(&peer, TC_H2_PUSH_PROMISE, OPEN | TC_H2_PADDED, 1, TC_SPAN("\6\0\0\0\2\x82"));
}
static void headers_within_a_promise(void)
{
    h2_peer_promise(&peer, 0, 1, 2, PROMISE);
    h2_peer_fields(&peer, ALL, 1, ":status: 200\n");
}
static void continuation_of_the_promised(void)
{
    h2_peer_promise(&peer, 0, 1, 2, PROMISE);
    h2_peer_frame(&peer, TC_H2_CONTINUATION, OPEN, 2, nothing);
}
static void headers_of_nothing(void)
{
    h2_peer_fields(&peer, ALL, 2, ":status: 200\n");
}
static void data_of_reserved(void)
{
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_frame(&peer, TC_H2_DATA, 0, 2, TC_SPAN("x"));
}
static void window_of_reserved(void)
{
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 2, 1);
}
static void window_of_nothing(void)
{
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 2, 1);
}
static void push_short(void)
{
    h2_peer_frame(&peer, TC_H2_PUSH_PROMISE, OPEN | TC_H2_PADDED, 1, TC_SPAN("\1\0\0\2\0"));
}
static void push_broken_block(void)
{
    h2_peer_frame(&peer, TC_H2_PUSH_PROMISE, OPEN, 1, TC_SPAN("\0\0\0\2\xff\x80\x01"));
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
            h2_peer_tell(&peer, &c, step);
            check_case(h2_peer_goaway(&c) == (uint32_t)cases[i].code, cases[i].what);
            check_case(c.ordered, cases[i].what);
            end();
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
        h2_peer_promise(&peer, OPEN, 1, 2, cases[i].request);
        h2_peer_fields(&peer, ALL, 2, ":status: 200\n"); /* was on its way */
        h2_peer_fields(&peer, ALL, 1, ":status: 204\n");
        h2_peer_tell(&peer, &c, i % 2);
        (void)snprintf(expected, sizeof expected, " %s\nclosed %s\nhead 204 2\nclosed\n",
                       cases[i].why, cases[i].why);
        check_case(h2_peer_logged(&c, expected), cases[i].request);
        check_case(h2_peer_find(&c, TC_H2_RST_STREAM, 0, NULL).stream == 2, cases[i].request);
        check_case(h2_peer_reset(&c) == TC_H2_PROTOCOL_ERROR, cases[i].request);
        check_case(h2_peer_goaway(&c) == NONE, cases[i].request);
        end();
    }
}

static void test_not_wanted(void **state)
{
    (void)state;
    begin_client();
    c.wants_none = true;
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_fields(&peer, OPEN, 2, ":status: 200\n");
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 2, TC_SPAN("on its way"));
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), TC_H2_CANCEL);
    check_span(tc_buf_span(&c.log), "promised GET /p\nclosed REFUSED\n");
    end();
    /* with an answer that we broke off ourselves: the promise may have been on its way */
    begin_client();
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 1, 0);
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_tell(&peer, &c, 0);
    tc_span code;
    assert_int_equal(h2_peer_find(&c, TC_H2_RST_STREAM, 1, &code).stream, 2);
    assert_int_equal(tc_h2_u32(code.at), TC_H2_CANCEL);
    assert_int_equal(h2_peer_goaway(&c), NONE);
    check_span(tc_buf_span(&c.log), "closed STREAM_RULES\n");
    end();
    begin_client(); /* and when we drain */
    h2_peer_tell(&peer, &c, 0);
    c.type->drain(c.engine);
    h2_peer_promise(&peer, OPEN, 1, 2, PROMISE);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), TC_H2_CANCEL);
    check_span(tc_buf_span(&c.log), "");
    end();
}

/* A server that promises without end is bounded in what is held, and then told to be calm. */
static void flood(unsigned kind, uint32_t least, uint32_t most)
{
    begin_client();
    uint32_t n = 0;
    for (; n < 5000 && !c.ordered; n++) {
        const uint32_t id = 2 * n + 2;
        h2_peer_promise(&peer, OPEN, 1, id, kind == 3 ? ":status: 200\n" : PROMISE);
        if (kind == 1) h2_peer_u32(&peer, TC_H2_RST_STREAM, id, TC_H2_CANCEL);
        if (kind == 2) h2_peer_fields(&peer, ALL, id, ":status: 204\n");
        h2_peer_tell(&peer, &c, 0);
        assert_true(c.slab.count <= 2 + 32);
        if (c.out.len > 100000 && !c.ordered) tc_buf_reset(&c.out);
    }
    assert_in_range(n, least, most);
    assert_int_equal(h2_peer_goaway(&c), TC_H2_ENHANCE_YOUR_CALM);
    assert_true(kind != 0 || c.reached.h2_pushes >= 1000);
    end();
}

static void test_floods(void **state)
{
    (void)state;
    flood(0, 1000, 1100); /* never answered: refused past the limit */
    flood(1, 1000, 1100); /* broken off */
    flood(2, 1900, 2100); /* answered with nothing */
    flood(3, 1000, 1100); /* no requests at all */
}

/* --- both ------------------------------------------------------------------------------------ */

enum { EXCHANGES = 20, ROUNDS = 25, BODY = 60000 };

static char letters[BODY];

static script some_answer(void)
{
    script s = {.status = 200, .push_late = check_random_below(2)};
    if (check_random_below(4) == 0) s.inform = 103;
    s.inform_count = (size_t)check_random_below(3);
    s.run_count = (size_t)check_random_below(3);
    for (size_t i = 0; i < s.run_count; i++)
        s.runs[i] = tc_span_of(letters, (size_t)check_random_below(BODY));
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
    const char *at = of->log.at, *end = at + of->log.len;
    size_t n = 0;
    for (; at && (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++)
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
        conn_feed(&client, nothing, false);
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
    conn_feed(&client, nothing, false);
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
                                     .runs = {tc_span_of(letters, 40000)},
                                     .push_count = 2,
                                     .pushes = {TC_SPAN("/one"), TC_SPAN("/two")}};
        server.promised = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("asset")}};
        client.script_count = server.script_count = 1;
        tc_alloc_fail_after(n);
        conn_feed(&client, nothing, false);
        for (int i = 0; i < 200 && !client.ordered && !server.ordered; i++)
            i % 2 ? carry(&server, &client) : carry(&client, &server);
        tc_alloc_fail_after(-1);
        whole = times(&client, "closed\n") == 3 && times(&server, "closed\n") == 3;
        conn_feed(&client, nothing, true);
        conn_feed(&server, nothing, true);
        conn_fini(&client);
        conn_fini(&server);
    }
    assert_true(whole);
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises_come_first),
        cmocka_unit_test(test_what_is_not_promised),
        cmocka_unit_test(test_no_push_with_a_push),
        cmocka_unit_test(test_only_what_may_be_pushed),
        cmocka_unit_test(test_clients_that_break_rules),
        cmocka_unit_test(test_clients_that_may),
        cmocka_unit_test(test_requests_have_their_own_places),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_promises_in_pieces),
        cmocka_unit_test(test_servers_that_break_rules),
        cmocka_unit_test(test_wrong_promises),
        cmocka_unit_test(test_not_wanted),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_long_promises),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests_name("h2_push", tests, NULL, NULL);
}
