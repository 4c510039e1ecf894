/* h2_push.c - what a server of HTTP/2 promises, and to whom (RFC 9113, 8.4). */
// SPDX-License-Identifier: MIT

#include "support/push_case.h"

static void begin_server(void)
{
    conn_init(&push_conn, &tc_h2_type, TC_SERVER);
    push_conn.any_close = true;
    push_conn.scripts[0] = (script){.status = 200,
                                    .run_count = 1,
                                    .runs = {TC_SPAN("page")},
                                    .push_count = 2,
                                    .pushes = {TC_SPAN("/one"), TC_SPAN("/two")}};
    push_conn.script_count = 1;
    push_conn.promised = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("asset")}};
    h2_peer_init(&push_peer);
    h2_peer_preface(&push_peer);
}

/* Where in c->out the nth frame of that type begins; SIZE_MAX: nowhere. */
static size_t place(unsigned type, uint32_t stream)
{
    tc_span out = tc_buf_span(&push_conn.out);
    while (out.len >= TC_H2_FRAME_HEAD) {
        const tc_h2_head head = tc_h2_head_read(out.at);
        if (head.type == type && head.stream == stream) return (size_t)(out.at - push_conn.out.at);
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
        push_conn.scripts[0].push_late = late;
        h2_peer_fields(&push_peer, ALL, 1, H2_GET);
        h2_peer_tell(&push_peer, &push_conn, (size_t)late);
        check_span(tc_buf_span(&push_conn.log),
                   "head GET / 2 host=a\npushed /one\npushed /two\nclosed\nclosed\nclosed\n");
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(h2_peer_find(&push_conn, TC_H2_PUSH_PROMISE, i, &payload).stream, 1);
            assert_int_equal(tc_h2_u32(payload.at), 2 + 2 * i);
            assert_true(place(TC_H2_PUSH_PROMISE, 1) < place(TC_H2_HEADERS, 2 + 2 * i));
        }
        assert_true(place(TC_H2_PUSH_PROMISE, 1) < place(TC_H2_HEADERS, 1));
        assert_true(place(TC_H2_DATA, 1) < place(TC_H2_DATA, 2)); /* who asked goes first */
        assert_int_equal(h2_peer_find(&push_conn, TC_H2_PUSH_PROMISE, 2, NULL).length, NONE);
        push_case_end();
    }
}

static void say_no(void)
{
    h2_peer_setting(&push_peer, TC_H2_ENABLE_PUSH, 0);
}

static void say_one(void)
{
    h2_peer_setting(&push_peer, TC_H2_MAX_CONCURRENT_STREAMS, 1);
}

static void have_one(void)
{
    push_conn.limits.h2_pushes = 1;
}

static void say_goaway(void)
{
    h2_peer_fields(&push_peer, OPEN, 1, H2_POST);
    h2_peer_frame(&push_peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\0\0\0\0\0"));
}

static void do_drain(void)
{
    h2_peer_fields(&push_peer, OPEN, 1, H2_POST);
    h2_peer_tell(&push_peer, &push_conn, 0);
    push_conn.type->drain(push_conn.engine);
}

static void have_long_path(void)
{
    push_conn.scripts[0].pushes[0] = TC_SPAN("no path");
    push_conn.scripts[0].pushes[1] = TC_SPAN("http://a/");
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
            h2_peer_frame(&push_peer, TC_H2_DATA, TC_H2_END_STREAM, 1, push_nothing);
        else
            h2_peer_fields(&push_peer, ALL, 1, H2_GET);
        h2_peer_tell(&push_peer, &push_conn, 0);
        check_case(h2_peer_logged(&push_conn, cases[i].log), cases[i].what);
        check_case(push_conn.reached.h2_pushes == cases[i].reached, cases[i].what);
        check_case(
            (h2_peer_find(&push_conn, TC_H2_PUSH_PROMISE, cases[i].promises, NULL).length == NONE),
            cases[i].what);
        push_case_end();
    }
}

/* One that is promised and not answered yet, and one of another's answer. */
static void begin_reserved(void)
{
    begin_server();
    push_conn.scripts[0].push_count = 1;
    push_conn.keep = true;
    h2_peer_fields(&push_peer, ALL, 1, H2_GET);
    h2_peer_tell(&push_peer, &push_conn, 0);
    assert_non_null(push_conn.kept);
}

static void test_no_push_with_a_push(void **state)
{
    (void)state;
    begin_reserved();
    tc_exchange *p = tc_slab_get(&push_conn.slab);
    assert_non_null(p);
    tc_exchange_init(p, 0, 4096);
    p->theirs.method = TC_METHOD_GET;
    p->theirs.scheme = TC_SPAN("http");
    p->theirs.authority = TC_SPAN("a");
    p->theirs.path = TC_SPAN("/");
    assert_int_equal(push_conn.type->push(push_conn.engine, push_conn.kept, p),
                     TC_ERR_NOT_SUPPORTED);
    tc_exchange_fini(p);
    tc_slab_put(&push_conn.slab, p);
    push_case_end();
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
    push_conn.scripts[0].push_count = 0;
    push_conn.scripts[0].unknown = true;
    h2_peer_setting(&push_peer, TC_H2_INITIAL_WINDOW_SIZE, 0); /* so that the answer stays */
    h2_peer_fields(&push_peer, ALL, 1, H2_GET);
    h2_peer_tell(&push_peer, &push_conn, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_exchange *p = tc_slab_get(&push_conn.slab);
        assert_non_null(p);
        tc_exchange_init(p, 0, 65536);
        p->theirs.method = cases[i].method;
        p->theirs.scheme = tc_span_str(cases[i].scheme);
        p->theirs.authority = tc_span_str(cases[i].authority);
        p->theirs.path = TC_SPAN("/");
        assert_int_equal(push_conn.type->push(push_conn.engine, push_conn.last, p), cases[i].err);
        if (cases[i].err) {
            tc_exchange_fini(p);
            tc_slab_put(&push_conn.slab, p);
        } else {
            push_conn.type->abort(push_conn.engine, p, TC_ERR_NO_ANSWER);
        }
    }
    push_case_end();
}

static void say_data_two(void)
{
    h2_peer_frame(&push_peer, TC_H2_DATA, 0, 2, TC_SPAN("x"));
}

static void say_headers_two(void)
{
    h2_peer_fields(&push_peer, ALL, 2, H2_GET);
}

static void say_promise(void)
{
    h2_peer_promise(&push_peer, OPEN, 1, 2, PROMISE);
}

static void say_window_four(void)
{
    h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 4, 1);
}

static void say_reset_four(void)
{
    h2_peer_u32(&push_peer, TC_H2_RST_STREAM, 4, 8);
}

static void say_data_four(void)
{
    h2_peer_frame(&push_peer, TC_H2_DATA, 0, 4, TC_SPAN("x"));
}

static void say_priority_four(void)
{
    h2_peer_u32(&push_peer, TC_H2_PRIORITY_UPDATE, 0, 4);
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
        h2_peer_tell(&push_peer, &push_conn, i % 2);
        check_case(h2_peer_goaway(&push_conn) == TC_H2_PROTOCOL_ERROR, cases[i].what);
        push_case_end();
    }
}

static void answer_kept(void)
{
    push_conn.kept->ours.status = 200;
    push_conn.kept->ours.length = 0;
    assert_int_equal(push_conn.type->head(push_conn.engine, push_conn.kept, true), TC_OK);
    conn_feed(&push_conn, push_nothing, false);
}

static void test_clients_that_may(void **state)
{
    (void)state;
    begin_reserved(); /* no longer wanted */
    h2_peer_u32(&push_peer, TC_H2_RST_STREAM, 2, TC_H2_CANCEL);
    h2_peer_tell(&push_peer, &push_conn, 1);
    assert_true(h2_peer_logged(&push_conn, "closed STREAM_RESET"));
    assert_int_equal(h2_peer_goaway(&push_conn), NONE);
    push_case_end();
    begin_reserved(); /* goes, and takes no pushes from stream 2 on */
    h2_peer_frame(&push_peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\0\0\0\0\0"));
    h2_peer_tell(&push_peer, &push_conn, 0);
    assert_true(h2_peer_logged(&push_conn, "closed REFUSED"));
    push_case_end();
    begin_reserved(); /* goes, and still takes that one */
    h2_peer_frame(&push_peer, TC_H2_GOAWAY, 0, 0, TC_SPAN("\0\0\0\x02\0\0\0\0"));
    h2_peer_tell(&push_peer, &push_conn, 0);
    answer_kept();
    assert_false(h2_peer_logged(&push_conn, "REFUSED"));
    assert_int_equal(push_conn.closed, 2);
    push_case_end();
    begin_reserved(); /* window and priority of a stream that is reserved */
    h2_peer_u32(&push_peer, TC_H2_WINDOW_UPDATE, 2, 5);
    h2_peer_frame(&push_peer, TC_H2_PRIORITY_UPDATE, 0, 0, TC_SPAN("\0\0\0\x02u=1"));
    h2_peer_tell(&push_peer, &push_conn, 0);
    answer_kept();
    assert_int_equal(h2_peer_goaway(&push_conn), NONE);
    assert_int_equal(push_conn.closed, 2);
    push_case_end();
    begin_reserved(); /* wants fewer than were promised */
    h2_peer_setting(&push_peer, TC_H2_MAX_CONCURRENT_STREAMS, 0);
    h2_peer_tell(&push_peer, &push_conn, 0);
    answer_kept();
    assert_int_equal(h2_peer_reset(&push_conn), TC_H2_CANCEL);
    assert_int_equal(place(TC_H2_HEADERS, 2), SIZE_MAX);
    assert_true(h2_peer_logged(&push_conn, "closed REFUSED"));
    push_case_end();
    begin_reserved(); /* none any more: what was promised still comes */
    h2_peer_setting(&push_peer, TC_H2_ENABLE_PUSH, 0);
    h2_peer_tell(&push_peer, &push_conn, 0);
    answer_kept();
    assert_true(place(TC_H2_HEADERS, 2) != SIZE_MAX);
    push_case_end();
}

/* Promised streams take no place of the client's own. */
static void test_requests_have_their_own_places(void **state)
{
    (void)state;
    begin_reserved();
    push_conn.limits.h2_streams = 1;
    push_conn.scripts[0].push_count = 0;
    h2_peer_fields(&push_peer, ALL, 3, H2_GET);
    h2_peer_tell(&push_peer, &push_conn, 0);
    assert_int_equal(h2_peer_reset(&push_conn), NONE);
    assert_int_equal(push_conn.reached.h2_streams, 0);
    push_case_end();
}

int main(void)
{
    for (size_t i = 0; i < sizeof push_letters; i++)
        push_letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises_come_first),
        cmocka_unit_test(test_what_is_not_promised),
        cmocka_unit_test(test_no_push_with_a_push),
        cmocka_unit_test(test_only_what_may_be_pushed),
        cmocka_unit_test(test_clients_that_break_rules),
        cmocka_unit_test(test_clients_that_may),
        cmocka_unit_test(test_requests_have_their_own_places),
    };
    return cmocka_run_group_tests_name("h2_push", tests, NULL, NULL);
}
