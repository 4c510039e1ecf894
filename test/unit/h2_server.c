/* h2_server.c - what clients do wrong, and too much of, and what a server answers (RFC 9113). Each
 * case is fed whole and byte by byte. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/clock.h"
#include "support/h2_peer.h"

enum { NONE = -1, ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS, OPEN = TC_H2_END_HEADERS };

static h2_peer peer;
static conn c;

static void begin(void)
{
    conn_init(&c, &tc_h2_type, TC_SERVER);
    c.any_close = true;
    c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    c.script_count = 1;
    h2_peer_init(&peer);
    h2_peer_preface(&peer);
}

static void end(void)
{
    conn_fini(&c);
    h2_peer_fini(&peer);
}

static const tc_span nothing = {0};

/* --- one violation each ------------------------------------------------------------------------
 */

static void zero_connection_window(void)
{
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 0, 0);
}
static void large_connection_window(void)
{
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 0, INT32_MAX);
}
static void idle_window(void)
{
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 1, 1);
}
static void idle_reset(void)
{
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 1, 8);
}
static void idle_data(void)
{
    h2_peer_frame(&peer, TC_H2_DATA, 0, 1, TC_SPAN("x"));
}
static void even_stream(void)
{
    h2_peer_fields(&peer, ALL, 2, H2_GET);
}
static void large_window_setting(void)
{
    h2_peer_setting(&peer, 4, UINT32_C(1) << 31);
}
static void push_setting(void)
{
    h2_peer_setting(&peer, 2, 2);
}
static void frame_size_setting(void)
{
    h2_peer_setting(&peer, 5, 1);
}
static void stray_continuation(void)
{
    h2_peer_frame(&peer, TC_H2_CONTINUATION, 4, 1, nothing);
}
static void large_frame(void)
{
    static char zeros[16385];
    h2_peer_frame(&peer, 99, 0, 0, tc_span_of(zeros, sizeof zeros));
}
static void long_padding(void)
{
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_PADDED, 1,
                  TC_SPAN("\x05"
                          "abcd"));
}
static void padding_of_headers(void)
{
    h2_peer_frame(&peer, TC_H2_HEADERS, ALL | TC_H2_PADDED, 1, TC_SPAN("\x05\x82"));
}
static void smaller_stream(void)
{
    h2_peer_fields(&peer, ALL, 5, H2_GET);
    h2_peer_fields(&peer, ALL, 3, H2_GET);
}
static void stream_again(void)
{
    h2_peer_fields(&peer, ALL, 1, H2_GET);
    h2_peer_fields(&peer, ALL, 1, H2_GET);
}
static void within_a_block(void)
{
    h2_peer_fields(&peer, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&peer, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
}
static void other_stream_within_a_block(void)
{
    h2_peer_fields(&peer, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&peer, TC_H2_CONTINUATION, 4, 3, nothing);
}
static void wrong_index(void)
{
    h2_peer_frame(&peer, TC_H2_HEADERS, ALL, 1, TC_SPAN("\xff\x80\x01"));
}
static void data_past_the_window(void)
{
    static char zeros[16384];
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    c.pause_every = 1;
    c.scripts[0].at_head = false;
    for (int i = 0; i < 5; i++)
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, tc_span_of(zeros, sizeof zeros));
}
static void priority_of_nothing(void)
{
    h2_peer_u32(&peer, TC_H2_PRIORITY_UPDATE, 0, 0);
}

static const struct {
    const char *what;
    void (*say)(void);
    int goaway;
} violations[] = {
    {"window of the connection by nothing", zero_connection_window, TC_H2_PROTOCOL_ERROR},
    {"window of the connection too large", large_connection_window, TC_H2_FLOW_CONTROL_ERROR},
    {"WINDOW_UPDATE of an idle stream", idle_window, TC_H2_PROTOCOL_ERROR},
    {"RST_STREAM of an idle stream", idle_reset, TC_H2_PROTOCOL_ERROR},
    {"DATA of an idle stream", idle_data, TC_H2_PROTOCOL_ERROR},
    {"an even stream", even_stream, TC_H2_PROTOCOL_ERROR},
    {"too large a window", large_window_setting, TC_H2_FLOW_CONTROL_ERROR},
    {"ENABLE_PUSH 2", push_setting, TC_H2_PROTOCOL_ERROR},
    {"MAX_FRAME_SIZE 1", frame_size_setting, TC_H2_PROTOCOL_ERROR},
    {"a stray CONTINUATION", stray_continuation, TC_H2_PROTOCOL_ERROR},
    {"a frame too large", large_frame, TC_H2_FRAME_SIZE_ERROR},
    {"padding longer than DATA", long_padding, TC_H2_PROTOCOL_ERROR},
    {"padding longer than HEADERS", padding_of_headers, TC_H2_PROTOCOL_ERROR},
    {"a smaller stream", smaller_stream, TC_H2_STREAM_CLOSED},
    {"PING within a block", within_a_block, TC_H2_PROTOCOL_ERROR},
    {"another stream within a block", other_stream_within_a_block, TC_H2_PROTOCOL_ERROR},
    {"an index of nothing", wrong_index, TC_H2_COMPRESSION_ERROR},
    {"a priority of nothing", priority_of_nothing, TC_H2_PROTOCOL_ERROR},
};

static void test_violations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
        for (size_t step = 0; step < 2; step++) {
            begin();
            violations[i].say();
            h2_peer_tell(&peer, &c, step);
            check_case(h2_peer_goaway(&c) == (uint32_t)violations[i].goaway, violations[i].what);
            check_case(c.ordered, violations[i].what);
            end();
        }
    }
}

/* Half closed, it is the stream's error; closed, the connection's (5.1). */
static void test_a_stream_again(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin();
        stream_again();
        h2_peer_tell(&peer, &c, step);
        assert_int_equal(step ? h2_peer_goaway(&c) : h2_peer_reset(&c), TC_H2_STREAM_CLOSED);
        end();
    }
}

static void test_flow_control_is_kept(void **state)
{
    (void)state;
    begin();
    data_past_the_window();
    c.pause_every = 0;
    h2_peer_tell(&peer, &c, 0); /* read as it comes, the window opens behind it */
    assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
    assert_int_not_equal(h2_peer_find(&c, TC_H2_WINDOW_UPDATE, 0, NULL).length, UINT32_MAX);
    end();
    begin();
    data_past_the_window();
    h2_peer_tell(&peer, &c, 0); /* nobody takes it */
    assert_int_equal(h2_peer_goaway(&c), TC_H2_FLOW_CONTROL_ERROR);
    end();
}

static void test_prefaces(void **state)
{
    (void)state;
    static const char *const wrong[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        begin();
        conn_feed(&c, tc_span_str(wrong[i]), false);
        assert_int_equal(h2_peer_goaway(&c), TC_H2_PROTOCOL_ERROR);
        assert_true(c.ordered);
        end();
    }
    begin(); /* SETTINGS must come first */
    tc_buf_reset(&peer.say);
    assert_int_equal(tc_buf_add(&peer.say, TC_SPAN(TC_H2_PREFACE)), TC_OK);
    h2_peer_frame(&peer, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_goaway(&c), TC_H2_PROTOCOL_ERROR);
    end();
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("")), TC_H2_MORE);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("PRI * H")), TC_H2_MORE);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("PUT")), TC_H2_NO);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN(TC_H2_PREFACE "x")), TC_H2_YES);
}

/* --- messages ----------------------------------------------------------------------------------
 */

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
        begin();
        h2_peer_fields(&peer, ALL, 1, wrong[i]);
        h2_peer_fields(&peer, ALL, 3, H2_GET);
        h2_peer_tell(&peer, &c, i % 2);
        check_case(h2_peer_reset(&c) == TC_H2_PROTOCOL_ERROR, wrong[i]);
        check_case(h2_peer_goaway(&c) == UINT32_MAX, wrong[i]);
        /* nobody saw it, and the next one is served */
        check_span(tc_buf_span(&c.log), "head GET / 2 host=a\nclosed\n");
        end();
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
        begin();
        h2_peer_fields(&peer, ALL, 1, wrong[i]);
        h2_peer_tell(&peer, &c, i % 2);
        check_case(h2_peer_reset(&c) == UINT32_MAX, wrong[i]);
        check_case(h2_peer_logged(&c, "broken "), wrong[i]);
        check_case(h2_peer_logged(&c, " 400 GET"), wrong[i]);
        end();
    }
}

static void test_good_requests(void **state)
{
    (void)state;
    begin();
    h2_peer_fields(&peer, ALL, 1, H2_GET "cookie: a=1\nx: y\ncookie: b=2\nte: trailers\nhost: A\n");
    h2_peer_fields(&peer, OPEN, 3, H2_POST "content-length: 3\nexpect: 100-continue\n");
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_PADDED, 3,
                  TC_SPAN("\x02"
                          "abc\0\0"));
    h2_peer_frame(&peer, TC_H2_DATA, 0, 3, nothing);
    h2_peer_fields(&peer, ALL, 3, "x-sum: 3\n");
    h2_peer_fields(&peer, ALL, 5, ":method: OPTIONS\n:scheme: http\n:path: *\nhost: a\n");
    h2_peer_tell(&peer, &c, 1);
    check_span(tc_buf_span(&c.log),
               "head GET / 2 host=a [cookie: a=1; b=2; x: y]\nclosed\n"
               "head POST / 2 host=a length=3 continue [content-length: 3; expect: 100-continue]\n"
               "data \"abc\"\ntrailers [x-sum: 3]\nclosed\n"
               "head OPTIONS * 2 host=a\nclosed\n");
    end();
}

static void test_lengths(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin();
        h2_peer_fields(&peer, OPEN, 1, H2_POST "content-length: 3\n");
        if (i == 0) h2_peer_frame(&peer, TC_H2_DATA, 0, 1, TC_SPAN("four"));
        if (i == 1) h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("tw"));
        if (i == 2) h2_peer_fields(&peer, ALL, 1, "x: y\n");
        h2_peer_tell(&peer, &c, (size_t)i);
        assert_int_equal(h2_peer_reset(&c), TC_H2_PROTOCOL_ERROR);
        assert_true(h2_peer_logged(&c, "closed STREAM_RULES"));
        end();
    }
}

static void test_limits_of_fields(void **state)
{
    (void)state;
    begin();
    c.limits.fields_count = 3;
    h2_peer_fields(&peer, ALL, 1, H2_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h2_peer_tell(&peer, &c, 0);
    assert_true(h2_peer_logged(&c, "broken FIELDS_TOO_MANY 431"));
    assert_int_equal(c.reached.fields_count, 1);
    end();
    begin();
    c.limits.fields_bytes = 300;
    h2_peer_fields(&peer, ALL, 1, H2_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h2_peer_tell(&peer, &c, 0);
    assert_true(h2_peer_logged(&c, "broken FIELDS_TOO_LARGE 431"));
    end();
}

/* --- too much of it ----------------------------------------------------------------------------
 */

/* How many of what say() says it takes until the connection is over. */
static int flood(void (*say)(int i), int most)
{
    int i = 0;
    while (i < most && !c.ordered) {
        say(i++);
        h2_peer_tell(&peer, &c, 0);
        if (c.out.len > 100000 && !c.ordered) tc_buf_reset(&c.out);
    }
    return i;
}

static void open_and_reset(int i)
{
    h2_peer_fields(&peer, OPEN, (uint32_t)(2 * i + 1), H2_POST);
    h2_peer_u32(&peer, TC_H2_RST_STREAM, (uint32_t)(2 * i + 1), TC_H2_CANCEL);
}
static void make_them_reset(int i)
{
    h2_peer_fields(&peer, OPEN, (uint32_t)(2 * i + 1), H2_POST);
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, (uint32_t)(2 * i + 1), 0);
}
static void malformed(int i)
{
    h2_peer_fields(&peer, ALL, (uint32_t)(2 * i + 1), "x: y\n");
}
static void settings(int i)
{
    h2_peer_setting(&peer, 3, (uint32_t)i);
}
static void long_settings(int i)
{
    char payload[6 * 100];
    for (int k = 0; k < 100; k++)
        memcpy(payload + 6 * k, k % 2 ? "\0\4\0\0\0\1" : "\0\4\0\0\0\2", 6);
    (void)i;
    h2_peer_frame(&peer, TC_H2_SETTINGS, 0, 0, tc_span_of(payload, sizeof payload));
}
static void pings(int i)
{
    (void)i, h2_peer_frame(&peer, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
}
static void windows(int i)
{
    (void)i, h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 0, 1);
}
static void unknown(int i)
{
    (void)i, h2_peer_frame(&peer, 77, 0, 0, nothing);
}
static void priorities(int i)
{
    (void)i;
    h2_peer_frame(&peer, TC_H2_PRIORITY, 0, 1, TC_SPAN("\0\0\0\x01\x01"));
}
static void empty_data(int i)
{
    if (i == 0) h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_frame(&peer, TC_H2_DATA, 0, 1, nothing);
}
static void padding(int i)
{
    if (i == 0) h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_PADDED, 1, TC_SPAN("\2\0\0"));
}
static void continuations(int i)
{
    if (i == 0) h2_peer_fields(&peer, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&peer, TC_H2_CONTINUATION, 0, 1, nothing);
}

static void test_floods(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*say)(int);
        int least, most;
        const uint64_t *counter;
    } floods[] = {
        {"rapid reset", open_and_reset, 1000, 1001, &c.reached.h2_resets},
        {"made to reset", make_them_reset, 500, 1001, &c.reached.h2_resets},
        {"malformed", malformed, 1000, 1001, &c.reached.h2_resets},
        {"SETTINGS", settings, 1000, 2100, &c.reached.h2_frames},
        {"long SETTINGS", long_settings, 20, 40, &c.reached.h2_frames},
        {"PING", pings, 2000, 2100, &c.reached.h2_frames},
        {"WINDOW_UPDATE", windows, 2000, 2100, &c.reached.h2_frames},
        {"PRIORITY", priorities, 2000, 2100, &c.reached.h2_frames},
        {"unknown", unknown, 2000, 2100, &c.reached.h2_frames},
        {"empty DATA", empty_data, 2000, 2100, &c.reached.h2_frames},
        {"DATA of padding", padding, 2000, 2100, &c.reached.h2_frames},
        {"CONTINUATION", continuations, 16, 18, &c.reached.h2_continuations},
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        begin();
        const int n = flood(floods[i].say, 5000);
        check_case(n >= floods[i].least && n <= floods[i].most, floods[i].what);
        check_case(h2_peer_goaway(&c) == TC_H2_ENHANCE_YOUR_CALM, floods[i].what);
        check_case(*floods[i].counter == 1, floods[i].what);
        end();
    }
}

static void test_too_many_streams(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i <= 100; i++)
        h2_peer_fields(&peer, OPEN, 2 * i + 1, H2_POST);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), TC_H2_REFUSED_STREAM);
    assert_int_equal(c.reached.h2_streams, 1);
    assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
    end();
}

static void test_hostage(void **state)
{
    (void)state;
    begin();
    h2_peer_setting(&peer, 4, 0);
    for (uint32_t i = 0; i < 100; i++)
        h2_peer_fields(&peer, ALL, 2 * i + 1, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(c.closed, 0);
    const int64_t when = c.type->deadline(c.engine);
    assert_true(when != TC_NEVER && when - c.now <= 30 * TC_S);
    c.now = when;
    c.type->tick(c.engine, c.now);
    conn_feed(&c, nothing, false);
    assert_int_equal(c.closed, 100);
    assert_int_equal(c.reached.h2_stall_ms, 100);
    end();
}

static void test_slow_head(void **state)
{
    (void)state;
    begin();
    h2_peer_fields(&peer, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    c.now = c.type->deadline(c.engine);
    assert_true(c.now != TC_NEVER);
    c.type->tick(c.engine, c.now);
    conn_feed(&c, nothing, false);
    assert_int_equal(h2_peer_goaway(&c), TC_H2_ENHANCE_YOUR_CALM);
    assert_true(c.ordered);
    end();
}

/* Heads of DATA come in pieces, too: that is content, which has a time of its own. */
static void test_slow_content(void **state)
{
    (void)state;
    begin();
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_tell(&peer, &c, 0);
    for (int i = 0; i < 100; i++) {
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, TC_SPAN("content"));
        h2_peer_tell(&peer, &c, 5);
        c.now += TC_S;
        c.type->tick(c.engine, c.now);
        conn_feed(&c, nothing, false);
    }
    assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
    assert_int_equal(c.reached.header_ms, 0);
    end();
}

/* --- windows and priorities --------------------------------------------------------------------
 */

static char big[100000];

static void test_settings_are_acknowledged(void **state)
{
    (void)state;
    for (int acked = 0; acked < 2; acked++) {
        begin();
        tc_buf_reset(&peer.say);
        assert_int_equal(tc_buf_add(&peer.say, TC_SPAN(TC_H2_PREFACE)), TC_OK);
        h2_peer_frame(&peer, TC_H2_SETTINGS, 0, 0, nothing);
        h2_peer_fields(&peer, ALL, 1, H2_GET);
        h2_peer_tell(&peer, &c, 0);
        assert_int_equal(c.closed, 1);
        const int64_t when = c.type->deadline(c.engine);
        assert_true(when != TC_NEVER && when - c.now <= 10 * TC_S);
        c.now = when - 1;
        c.type->tick(c.engine, c.now);
        if (acked) h2_peer_frame(&peer, TC_H2_SETTINGS, TC_H2_ACK, 0, nothing);
        h2_peer_tell(&peer, &c, 0);
        assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
        if (acked) assert_true(c.type->deadline(c.engine) == TC_NEVER);
        c.now = when;
        c.type->tick(c.engine, c.now);
        conn_feed(&c, nothing, false);
        assert_int_equal(h2_peer_goaway(&c), acked ? UINT32_MAX : TC_H2_SETTINGS_TIMEOUT);
        assert_int_equal(c.reached.h2_settings_ms, !acked);
        end();
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
    h2_peer_frame(&peer, type, flags, stream, tc_span_of(text, n + strlen(behind)));
}

static void test_a_block_that_is_too_large(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin();
        c.limits.fields_bytes = 400;
        h2_peer_fields(&peer, TC_H2_END_STREAM, 1, H2_GET);
        say_large(TC_H2_CONTINUATION, 0, 1, 300, "");
        say_large(TC_H2_CONTINUATION, TC_H2_END_HEADERS, 1, 300, "\x40\x01y\x02ok");
        h2_peer_fields(&peer, TC_H2_END_STREAM, 3, H2_GET);
        h2_peer_frame(&peer, TC_H2_CONTINUATION, TC_H2_END_HEADERS, 3, TC_SPAN("\xbe"));
        h2_peer_tell(&peer, &c, step);
        assert_true(h2_peer_logged(&c, "broken FIELDS_TOO_LARGE 431"));
        assert_true(h2_peer_logged(&c, "y: ok")); /* the tables are in step */
        assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
        h2_peer_fields(&peer, TC_H2_END_STREAM, 5, H2_GET);
        for (int i = 0; i < 3; i++)
            say_large(TC_H2_CONTINUATION, 0, 5, 300, "");
        h2_peer_tell(&peer, &c, step);
        assert_int_equal(h2_peer_goaway(&c), TC_H2_ENHANCE_YOUR_CALM);
        end();
    }
}

static void test_windows(void **state)
{
    (void)state;
    tc_span data;
    begin();
    c.scripts[0].runs[0] = tc_span_of(big, sizeof big);
    h2_peer_setting(&peer, 4, 10);
    h2_peer_fields(&peer, ALL, 1, H2_GET);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 0, &data).length, 10);
    h2_peer_setting(&peer, 4, 5); /* five below nothing */
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 1, 5);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 1, &data).length, UINT32_MAX);
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 1, 7);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 1, &data).length, 7);
    h2_peer_setting(&peer, 4, INT32_MAX);
    h2_peer_tell(&peer, &c, 0);
    unsigned sent = 0, frames = 0;
    for (tc_h2_head h; (h = h2_peer_find(&c, TC_H2_DATA, frames, &data)).length != UINT32_MAX;
         frames++) {
        assert_true(h.length <= TC_H2_FRAME_MAX);
        sent += h.length;
    }
    assert_int_equal(sent, 65535); /* all that the connection's window allows */
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 1, INT32_MAX); /* the stream's overflows */
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), TC_H2_FLOW_CONTROL_ERROR);
    end();
}

/* Sends much, fast; returns how large the connection's window became. */
static uint64_t fill_windows(void)
{
    static char zeros[16384];
    tc_span payload;
    uint64_t opened = 65535, sent = 0;
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    for (int i = 0; i < 1500; i++) {
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, tc_span_of(zeros, sizeof zeros));
        c.now += TC_MS;
        h2_peer_tell(&peer, &c, 0);
        tc_buf_reset(&c.log);
        sent += sizeof zeros;
    }
    for (unsigned i = 0; h2_peer_find(&c, TC_H2_WINDOW_UPDATE, i, &payload).length == 4; i++)
        if (h2_peer_find(&c, TC_H2_WINDOW_UPDATE, i, &payload).stream == 0)
            opened += tc_h2_u32(payload.at);
    assert_int_equal(h2_peer_goaway(&c), UINT32_MAX);
    return opened - sent;
}

static void test_windows_grow(void **state)
{
    (void)state;
    begin();
    c.limits.body_bytes = 1 << 30;
    const uint64_t most = c.limits.h2_window;
    uint64_t window = fill_windows();
    assert_true(window > most / 2 && window <= most); /* all but what was not yet returned */
    assert_int_equal(c.windows, most - 65535);
    assert_int_equal(c.reached.h2_windows, 0);
    end();
    assert_int_equal(c.windows, 0);
    begin();
    c.limits.h2_windows = 100000; /* for all connections together */
    c.windows = 30000;            /* of another one */
    window = fill_windows();
    assert_true(window > 100000 / 2 && window <= 65535 + 70000);
    assert_int_equal(c.windows, 100000);
    assert_true(c.reached.h2_windows > 0);
    end();
    assert_int_equal(c.windows, 30000);
}

/* Whoever has ended still has its answer, as far as the windows are open: they open no more. */
static void test_half_closed(void **state)
{
    (void)state;
    tc_span data;
    begin();
    c.scripts[0].run_count = 2;
    c.scripts[0].runs[1] = tc_span_of(big, sizeof big);
    h2_peer_setting(&peer, 4, 10);
    h2_peer_fields(&peer, ALL, 1, H2_GET);
    conn_feed(&c, tc_buf_span(&peer.say), true);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 0, &data).length, 5);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 1, &data).length, 5);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 2, &data).length, UINT32_MAX);
    assert_true(c.ordered);
    end();
    begin();
    c.pause_every = 1;
    c.scripts[0].runs[0] = tc_span_of(big, 40000);
    h2_peer_fields(&peer, OPEN, 1, H2_GET);
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("held while the end comes"));
    conn_feed(&c, tc_buf_span(&peer.say), true);
    assert_int_equal(h2_peer_find(&c, TC_H2_DATA, 2, &data).length, 40000 - 2 * TC_H2_FRAME_MAX);
    assert_true(c.ordered);
    end();
}

/* update: the last thing said of stream 3 before it begins, behind many others; NULL: nothing. */
static void check_order(const char *first, const char *second, const char *update,
                        const uint32_t *order, size_t count)
{
    begin();
    c.scripts[0].runs[0] = tc_span_of(big, 40000);
    h2_peer_setting(&peer, 4, 1 << 20);
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 0, 1 << 20);
    for (char id = 125; update && id > 1; id -= 2) {
        const char said[] = {0, 0, 0, id, 'u', '=', '7'};
        h2_peer_frame(&peer, TC_H2_PRIORITY_UPDATE, 0, 0, tc_span_of(said, sizeof said));
    }
    if (update) {
        char said[16] = {0, 0, 0, 3};
        memcpy(said + 4, update, strlen(update));
        h2_peer_frame(&peer, TC_H2_PRIORITY_UPDATE, 0, 0, tc_span_of(said, 4 + strlen(update)));
    }
    h2_peer_fields(&peer, ALL, 1, first);
    h2_peer_fields(&peer, ALL, 3, second);
    h2_peer_tell(&peer, &c, 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(h2_peer_find(&c, TC_H2_DATA, i, NULL).stream, order[i]);
    end();
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
    begin();
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_tell(&peer, &c, 0);
    c.type->drain(c.engine);
    conn_feed(&c, nothing, false);
    h2_peer_find(&c, TC_H2_GOAWAY, 0, &payload);
    assert_int_equal(tc_h2_u32(payload.at), INT32_MAX);
    h2_peer_fields(&peer, OPEN, 3, H2_POST); /* was on its way */
    h2_peer_find(&c, TC_H2_PING, 0, &payload);
    h2_peer_frame(&peer, TC_H2_PING, TC_H2_ACK, 0, payload);
    h2_peer_fields(&peer, OPEN, 5, H2_POST); /* came too late */
    h2_peer_tell(&peer, &c, 0);
    h2_peer_find(&c, TC_H2_GOAWAY, 1, &payload);
    assert_int_equal(tc_h2_u32(payload.at), 3);
    assert_int_equal(h2_peer_reset(&c), TC_H2_REFUSED_STREAM);
    h2_peer_frame(&peer, TC_H2_DATA, 0, 5, TC_SPAN("x")); /* and so did this */
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 5, TC_SPAN("x"));
    h2_peer_tell(&peer, &c, 0);
    assert_false(c.ordered);
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("x"));
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 3, TC_SPAN("x"));
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(c.closed, 2);
    assert_true(c.ordered);
    end();
}

/* What is said of the last stream never grows, whatever came behind it. */
static void test_failure_in_a_drain(void **state)
{
    (void)state;
    tc_span payload;
    begin();
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_tell(&peer, &c, 0);
    c.type->drain(c.engine);
    conn_feed(&c, nothing, false);
    h2_peer_find(&c, TC_H2_PING, 0, &payload);
    h2_peer_frame(&peer, TC_H2_PING, TC_H2_ACK, 0, payload);
    h2_peer_fields(&peer, ALL, 3, H2_GET);
    h2_peer_u32(&peer, TC_H2_WINDOW_UPDATE, 0, 0);
    h2_peer_tell(&peer, &c, 0);
    h2_peer_find(&c, TC_H2_GOAWAY, 2, &payload);
    assert_int_equal(tc_h2_u32(payload.at), 1);
    assert_int_equal(tc_h2_u32(payload.at + 4), TC_H2_PROTOCOL_ERROR);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_a_stream_again),
        cmocka_unit_test(test_flow_control_is_kept),
        cmocka_unit_test(test_prefaces),
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_wrong_targets),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_limits_of_fields),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_too_many_streams),
        cmocka_unit_test(test_hostage),
        cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_slow_content),
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
