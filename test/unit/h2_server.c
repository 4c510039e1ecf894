/* h2_server.c - what a server does with what clients of HTTP/2 say: messages, windows, priorities
 * and its end (RFC 9113). */
// SPDX-License-Identifier: MIT

#include "base/clock.h"
#include "support/h2_case.h"

/* --- messages -------------------------------------------------------------------------------- */

static void test_malformed_requests(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        ":scheme: http\n:authority: a\n:path: /\n",
        ":method: GET\n:authority: a\n:path: /\n",
        ":method: GET\n:scheme: http\n:authority: a\n",
        ":method: GET\n:scheme: http\n:path: /\n",
        H2_GET ":path: /2\n",
        H2_GET ":status: 200\n",
        H2_GET ":new: 1\n",
        H2_GET "x: 1\n:extra: 1\n",
        "x: 1\n" H2_GET,
        H2_GET "Upper: 1\n",
        H2_GET "sp ace: 1\n",
        H2_GET "connection: close\n",
        H2_GET "keep-alive: 1\n",
        H2_GET "proxy-connection: x\n",
        H2_GET "transfer-encoding: chunked\n",
        H2_GET "upgrade: x\n",
        H2_GET "te: gzip\n",
        H2_GET "x:  leading\n",
        H2_GET "x: trailing \n",
        H2_GET "x: a\rb\n",
        H2_GET "x: a\x01"
               "b\n",
        H2_GET "host: other\n",
        H2_GET "host: a\nhost: a\n",
        H2_GET "content-length: 5\n",
        H2_GET "content-length: 0\ncontent-length: 0\n",
        H2_GET "content-length: x\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: \n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: http://a/\n",
        ":method: GET\n:scheme: http\n:authority: u@a\n:path: /\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: *\n",
        ":method: G T\n:scheme: http\n:authority: a\n:path: /\n",
        ":method: GET\n:scheme: ftp\n:authority: a\n:path: /\n",
        ":method: CONNECT\n:scheme: http\n:authority: a:1\n:path: /\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        h2_case_begin();
        h2_peer_fields(&h2_client, ALL, 1, wrong[i]);
        h2_peer_fields(&h2_client, ALL, 3, H2_GET);
        h2_peer_tell(&h2_client, &h2_conn, i % 2);
        check_case(h2_peer_reset(&h2_conn) == TC_H2_PROTOCOL_ERROR, wrong[i]);
        check_case(h2_peer_goaway(&h2_conn) == UINT32_MAX, wrong[i]);
        /* nobody saw it, and the next one is served */
        check_span(tc_buf_span(&h2_conn.log), "head GET / 2 host=a\nclosed\n");
        h2_case_end();
    }
}

/* The wrong byte is not HTTP's: whoever wrote the URL is told. */
static void test_wrong_targets(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        ":method: GET\n:scheme: http\n:authority: a\n:path: /a b\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /%zz\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /a|b\ncookie: a\ncookie: b\n",
        ":method: GET\n:scheme: http\n:authority: a b\n:path: /\n",
        ":method: GET\n:scheme: http\n:path: /\nhost: a/b\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        h2_case_begin();
        h2_peer_fields(&h2_client, ALL, 1, wrong[i]);
        h2_peer_tell(&h2_client, &h2_conn, i % 2);
        check_case(h2_peer_reset(&h2_conn) == UINT32_MAX, wrong[i]);
        check_case(h2_peer_logged(&h2_conn, "broken "), wrong[i]);
        check_case(h2_peer_logged(&h2_conn, " 400 GET"), wrong[i]);
        h2_case_end();
    }
}

static void test_good_requests(void **state)
{
    (void)state;
    h2_case_begin();
    h2_peer_fields(&h2_client, ALL, 1,
                   H2_GET "cookie: a=1\nx: y\ncookie: b=2\nte: trailers\nhost: A\n");
    h2_peer_fields(&h2_client, OPEN, 3, H2_POST "content-length: 3\nexpect: 100-continue\n");
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_PADDED, 3,
                  TC_SPAN("\x02"
                          "abc\0\0"));
    h2_peer_frame(&h2_client, TC_H2_DATA, 0, 3, h2_nothing);
    h2_peer_fields(&h2_client, ALL, 3, "x-sum: 3\n");
    h2_peer_fields(&h2_client, ALL, 5, ":method: OPTIONS\n:scheme: http\n:path: *\nhost: a\n");
    h2_peer_tell(&h2_client, &h2_conn, 1);
    check_span(tc_buf_span(&h2_conn.log),
               "head GET / 2 host=a [cookie: a=1; b=2; x: y]\nclosed\n"
               "head POST / 2 host=a length=3 continue [content-length: 3; expect: 100-continue]\n"
               "data \"abc\"\ntrailers [x-sum: 3]\nclosed\n"
               "head OPTIONS * 2 host=a\nclosed\n");
    h2_case_end();
}

static void test_lengths(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        h2_case_begin();
        h2_peer_fields(&h2_client, OPEN, 1, H2_POST "content-length: 3\n");
        if (i == 0) h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, TC_SPAN("four"));
        if (i == 1) h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("tw"));
        if (i == 2) h2_peer_fields(&h2_client, ALL, 1, "x: y\n");
        h2_peer_tell(&h2_client, &h2_conn, (size_t)i);
        assert_int_equal(h2_peer_reset(&h2_conn), TC_H2_PROTOCOL_ERROR);
        assert_true(h2_peer_logged(&h2_conn, "closed STREAM_RULES"));
        h2_case_end();
    }
}

static void test_limits_of_fields(void **state)
{
    (void)state;
    h2_case_begin();
    h2_conn.limits.fields_count = 3;
    h2_peer_fields(&h2_client, ALL, 1, H2_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_true(h2_peer_logged(&h2_conn, "broken FIELDS_TOO_MANY 431"));
    assert_int_equal(h2_conn.reached.fields_count, 1);
    h2_case_end();
    h2_case_begin();
    h2_conn.limits.fields_bytes = 300;
    h2_peer_fields(&h2_client, ALL, 1, H2_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_true(h2_peer_logged(&h2_conn, "broken FIELDS_TOO_LARGE 431"));
    h2_case_end();
}

/* --- windows and priorities ------------------------------------------------------------------ */

static char big[100000];

static void test_settings_are_acknowledged(void **state)
{
    (void)state;
    for (int acked = 0; acked < 2; acked++) {
        h2_case_begin();
        tc_buf_reset(&h2_client.say);
        assert_int_equal(tc_buf_add(&h2_client.say, TC_SPAN(TC_H2_PREFACE)), TC_OK);
        h2_peer_frame(&h2_client, TC_H2_SETTINGS, 0, 0, h2_nothing);
        h2_peer_fields(&h2_client, ALL, 1, H2_GET);
        h2_peer_tell(&h2_client, &h2_conn, 0);
        assert_int_equal(h2_conn.closed, 1);
        const int64_t when = h2_conn.type->deadline(h2_conn.engine);
        assert_true(when != TC_NEVER && when - h2_conn.now <= 10 * TC_S);
        h2_conn.now = when - 1;
        h2_conn.type->tick(h2_conn.engine, h2_conn.now);
        if (acked) h2_peer_frame(&h2_client, TC_H2_SETTINGS, TC_H2_ACK, 0, h2_nothing);
        h2_peer_tell(&h2_client, &h2_conn, 0);
        assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
        if (acked) assert_true(h2_conn.type->deadline(h2_conn.engine) == TC_NEVER);
        h2_conn.now = when;
        h2_conn.type->tick(h2_conn.engine, h2_conn.now);
        conn_feed(&h2_conn, h2_nothing, false);
        assert_int_equal(h2_peer_goaway(&h2_conn), acked ? UINT32_MAX : TC_H2_SETTINGS_TIMEOUT);
        assert_int_equal(h2_conn.reached.h2_settings_ms, !acked);
        h2_case_end();
    }
}

/* A literal that the table keeps, with a value of so many bytes, and what is to be kept later. */
static void say_large(unsigned type, unsigned flags, uint32_t stream, size_t len,
                      const char *behind)
{
    char text[1024] = {0x40, 1, 'x', 0x7f};
    size_t n = 4;
    text[n++] = (char)(((len - 0x7f) & 0x7f) | 0x80);
    text[n++] = (char)((len - 0x7f) >> 7);
    memset(text + n, 'v', len);
    n += len;
    memcpy(text + n, behind, strlen(behind));
    h2_peer_frame(&h2_client, type, flags, stream, tc_span_of(text, n + strlen(behind)));
}

static void test_a_block_that_is_too_large(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        h2_case_begin();
        h2_conn.limits.fields_bytes = 400;
        h2_peer_fields(&h2_client, TC_H2_END_STREAM, 1, H2_GET);
        say_large(TC_H2_CONTINUATION, 0, 1, 300, "");
        say_large(TC_H2_CONTINUATION, TC_H2_END_HEADERS, 1, 300, "\x40\x01y\x02ok");
        h2_peer_fields(&h2_client, TC_H2_END_STREAM, 3, H2_GET);
        h2_peer_frame(&h2_client, TC_H2_CONTINUATION, TC_H2_END_HEADERS, 3, TC_SPAN("\xbe"));
        h2_peer_tell(&h2_client, &h2_conn, step);
        assert_true(h2_peer_logged(&h2_conn, "broken FIELDS_TOO_LARGE 431"));
        assert_true(h2_peer_logged(&h2_conn, "y: ok")); /* the tables are in step */
        assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
        h2_peer_fields(&h2_client, TC_H2_END_STREAM, 5, H2_GET);
        for (int i = 0; i < 3; i++)
            say_large(TC_H2_CONTINUATION, 0, 5, 300, "");
        h2_peer_tell(&h2_client, &h2_conn, step);
        assert_int_equal(h2_peer_goaway(&h2_conn), TC_H2_ENHANCE_YOUR_CALM);
        h2_case_end();
    }
}

static void test_windows(void **state)
{
    (void)state;
    tc_span data;
    h2_case_begin();
    h2_conn.scripts[0].runs[0] = tc_span_of(big, sizeof big);
    h2_peer_setting(&h2_client, 4, 10);
    h2_peer_fields(&h2_client, ALL, 1, H2_GET);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 0, &data).length, 10);
    h2_peer_setting(&h2_client, 4, 5); /* five below nothing */
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 1, 5);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 1, &data).length, UINT32_MAX);
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 1, 7);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 1, &data).length, 7);
    h2_peer_setting(&h2_client, 4, INT32_MAX);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    unsigned sent = 0, frames = 0;
    for (tc_h2_head h; (h = h2_peer_find(&h2_conn, TC_H2_DATA, frames, &data)).length != UINT32_MAX;
         frames++) {
        assert_true(h.length <= TC_H2_FRAME_MAX);
        sent += h.length;
    }
    assert_int_equal(sent, 65535); /* all that the connection's window allows */
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 1, INT32_MAX); /* the stream's overflows */
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_reset(&h2_conn), TC_H2_FLOW_CONTROL_ERROR);
    h2_case_end();
}

/* Sends much, fast; returns how large the connection's window became. */
static uint64_t fill_windows(void)
{
    static char zeros[16384];
    tc_span payload;
    uint64_t opened = 65535, sent = 0;
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    for (int i = 0; i < 1500; i++) {
        h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, tc_span_of(zeros, sizeof zeros));
        h2_conn.now += TC_MS;
        h2_peer_tell(&h2_client, &h2_conn, 0);
        tc_buf_reset(&h2_conn.log);
        sent += sizeof zeros;
    }
    for (unsigned i = 0; h2_peer_find(&h2_conn, TC_H2_WINDOW_UPDATE, i, &payload).length == 4; i++)
        if (h2_peer_find(&h2_conn, TC_H2_WINDOW_UPDATE, i, &payload).stream == 0)
            opened += tc_h2_u32(payload.at);
    assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
    return opened - sent;
}

static void test_windows_grow(void **state)
{
    (void)state;
    h2_case_begin();
    h2_conn.limits.body_bytes = 1 << 30;
    const uint64_t most = h2_conn.limits.h2_window;
    uint64_t window = fill_windows();
    assert_true(window > most / 2 && window <= most); /* all but what was not yet returned */
    assert_int_equal(h2_conn.windows, most - 65535);
    assert_int_equal(h2_conn.reached.h2_windows, 0);
    h2_case_end();
    assert_int_equal(h2_conn.windows, 0);
    h2_case_begin();
    h2_conn.limits.h2_windows = 100000; /* for all connections together */
    h2_conn.windows = 30000;            /* of another one */
    window = fill_windows();
    assert_true(window > 100000 / 2 && window <= 65535 + 70000);
    assert_int_equal(h2_conn.windows, 100000);
    assert_true(h2_conn.reached.h2_windows > 0);
    h2_case_end();
    assert_int_equal(h2_conn.windows, 30000);
}

/* Whoever has ended still has its answer, as far as the windows are open: they open no more. */
static void test_half_closed(void **state)
{
    (void)state;
    tc_span data;
    h2_case_begin();
    h2_conn.scripts[0].run_count = 2;
    h2_conn.scripts[0].runs[1] = tc_span_of(big, sizeof big);
    h2_peer_setting(&h2_client, 4, 10);
    h2_peer_fields(&h2_client, ALL, 1, H2_GET);
    conn_feed(&h2_conn, tc_buf_span(&h2_client.say), true);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 0, &data).length, 5);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 1, &data).length, 5);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 2, &data).length, UINT32_MAX);
    assert_true(h2_conn.ordered);
    h2_case_end();
    h2_case_begin();
    h2_conn.pause_every = 1;
    h2_conn.scripts[0].runs[0] = tc_span_of(big, 40000);
    h2_peer_fields(&h2_client, OPEN, 1, H2_GET);
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("held while the end comes"));
    conn_feed(&h2_conn, tc_buf_span(&h2_client.say), true);
    assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, 2, &data).length,
                     40000 - 2 * TC_H2_FRAME_MAX);
    assert_true(h2_conn.ordered);
    h2_case_end();
}

/* update: the last thing said of stream 3 before it begins, behind many others; NULL: nothing. */
static void check_order(const char *first, const char *second, const char *update,
                        const uint32_t *order, size_t count)
{
    h2_case_begin();
    h2_conn.scripts[0].runs[0] = tc_span_of(big, 40000);
    h2_peer_setting(&h2_client, 4, 1 << 20);
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 0, 1 << 20);
    for (char id = 125; update && id > 1; id -= 2) {
        const char said[] = {0, 0, 0, id, 'u', '=', '7'};
        h2_peer_frame(&h2_client, TC_H2_PRIORITY_UPDATE, 0, 0, tc_span_of(said, sizeof said));
    }
    if (update) {
        char said[16] = {0, 0, 0, 3};
        memcpy(said + 4, update, strlen(update));
        h2_peer_frame(&h2_client, TC_H2_PRIORITY_UPDATE, 0, 0,
                      tc_span_of(said, 4 + strlen(update)));
    }
    h2_peer_fields(&h2_client, ALL, 1, first);
    h2_peer_fields(&h2_client, ALL, 3, second);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(h2_peer_find(&h2_conn, TC_H2_DATA, i, NULL).stream, order[i]);
    h2_case_end();
}

static void test_priorities(void **state)
{
    (void)state;
    static const uint32_t plain[] = {1, 1, 1, 3, 3, 3}, urgent[] = {3, 3, 3, 1, 1, 1},
                          turns[] = {1, 3, 1, 3, 1, 3};
    check_order(H2_GET, H2_GET, NULL, plain, 6);
    check_order(H2_GET, H2_GET "priority: u=1\n", NULL, urgent, 6);
    check_order(H2_GET "priority: i\n", H2_GET "priority: u=3, i\n", NULL, turns, 6);
    check_order(H2_GET, H2_GET, "u=1", urgent, 6);
    check_order(H2_GET, H2_GET "priority: u=5\n", "u=1", urgent, 6);
    check_order(H2_GET "priority: i\n", H2_GET, "i", turns, 6);
}

static void test_drain(void **state)
{
    (void)state;
    tc_span payload;
    h2_case_begin();
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    h2_conn.type->drain(h2_conn.engine);
    conn_feed(&h2_conn, h2_nothing, false);
    h2_peer_find(&h2_conn, TC_H2_GOAWAY, 0, &payload);
    assert_int_equal(tc_h2_u32(payload.at), INT32_MAX);
    h2_peer_fields(&h2_client, OPEN, 3, H2_POST); /* was on its way */
    h2_peer_find(&h2_conn, TC_H2_PING, 0, &payload);
    h2_peer_frame(&h2_client, TC_H2_PING, TC_H2_ACK, 0, payload);
    h2_peer_fields(&h2_client, OPEN, 5, H2_POST); /* came too late */
    h2_peer_tell(&h2_client, &h2_conn, 0);
    h2_peer_find(&h2_conn, TC_H2_GOAWAY, 1, &payload);
    assert_int_equal(tc_h2_u32(payload.at), 3);
    assert_int_equal(h2_peer_reset(&h2_conn), TC_H2_REFUSED_STREAM);
    h2_peer_frame(&h2_client, TC_H2_DATA, 0, 5, TC_SPAN("x")); /* and so did this */
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_END_STREAM, 5, TC_SPAN("x"));
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_false(h2_conn.ordered);
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("x"));
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_END_STREAM, 3, TC_SPAN("x"));
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_conn.closed, 2);
    assert_true(h2_conn.ordered);
    h2_case_end();
}

/* What is said of the last stream never grows, whatever came behind it. */
static void test_failure_in_a_drain(void **state)
{
    (void)state;
    tc_span payload;
    h2_case_begin();
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    h2_conn.type->drain(h2_conn.engine);
    conn_feed(&h2_conn, h2_nothing, false);
    h2_peer_find(&h2_conn, TC_H2_PING, 0, &payload);
    h2_peer_frame(&h2_client, TC_H2_PING, TC_H2_ACK, 0, payload);
    h2_peer_fields(&h2_client, ALL, 3, H2_GET);
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 0, 0);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    h2_peer_find(&h2_conn, TC_H2_GOAWAY, 2, &payload);
    assert_int_equal(tc_h2_u32(payload.at), 1);
    assert_int_equal(tc_h2_u32(payload.at + 4), TC_H2_PROTOCOL_ERROR);
    h2_case_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_wrong_targets),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_limits_of_fields),
        cmocka_unit_test(test_settings_are_acknowledged),
        cmocka_unit_test(test_a_block_that_is_too_large),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_grow),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_failure_in_a_drain),
    };
    return cmocka_run_group_tests_name("h2_server", tests, NULL, NULL);
}
