/* h2_wrong.c - what clients of HTTP/2 do wrong, and too much of, and what a server answers (RFC
 * 9113). Each case is fed whole and byte by byte. */
// SPDX-License-Identifier: MIT

#include "base/clock.h"
#include "support/h2_case.h"

/* --- one violation each ---------------------------------------------------------------------- */

static void zero_connection_window(void)
{
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 0, 0);
}

static void large_connection_window(void)
{
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 0, INT32_MAX);
}

static void idle_window(void)
{
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 1, 1);
}

static void idle_reset(void)
{
    h2_peer_u32(&h2_client, TC_H2_RST_STREAM, 1, 8);
}

static void idle_data(void)
{
    h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, TC_SPAN("x"));
}

static void even_stream(void)
{
    h2_peer_fields(&h2_client, ALL, 2, H2_GET);
}

static void large_window_setting(void)
{
    h2_peer_setting(&h2_client, 4, UINT32_C(1) << 31);
}

static void push_setting(void)
{
    h2_peer_setting(&h2_client, 2, 2);
}

static void frame_size_setting(void)
{
    h2_peer_setting(&h2_client, 5, 1);
}

static void stray_continuation(void)
{
    h2_peer_frame(&h2_client, TC_H2_CONTINUATION, 4, 1, h2_nothing);
}

static void large_frame(void)
{
    static char zeros[16385];
    h2_peer_frame(&h2_client, 99, 0, 0, tc_span_of(zeros, sizeof zeros));
}

static void long_padding(void)
{
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_PADDED, 1,
                  TC_SPAN("\x05"
                          "abcd"));
}

static void padding_of_headers(void)
{
    h2_peer_frame(&h2_client, TC_H2_HEADERS, ALL | TC_H2_PADDED, 1, TC_SPAN("\x05\x82"));
}

static void smaller_stream(void)
{
    h2_peer_fields(&h2_client, ALL, 5, H2_GET);
    h2_peer_fields(&h2_client, ALL, 3, H2_GET);
}

static void stream_again(void)
{
    h2_peer_fields(&h2_client, ALL, 1, H2_GET);
    h2_peer_fields(&h2_client, ALL, 1, H2_GET);
}

static void within_a_block(void)
{
    h2_peer_fields(&h2_client, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&h2_client, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
}

static void other_stream_within_a_block(void)
{
    h2_peer_fields(&h2_client, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&h2_client, TC_H2_CONTINUATION, 4, 3, h2_nothing);
}

static void wrong_index(void)
{
    h2_peer_frame(&h2_client, TC_H2_HEADERS, ALL, 1, TC_SPAN("\xff\x80\x01"));
}

static void data_past_the_window(void)
{
    static char zeros[16384];
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_conn.pause_every = 1;
    h2_conn.scripts[0].at_head = false;
    for (int i = 0; i < 5; i++)
        h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, tc_span_of(zeros, sizeof zeros));
}

static void priority_of_nothing(void)
{
    h2_peer_u32(&h2_client, TC_H2_PRIORITY_UPDATE, 0, 0);
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
            h2_case_begin();
            violations[i].say();
            h2_peer_tell(&h2_client, &h2_conn, step);
            check_case(h2_peer_goaway(&h2_conn) == (uint32_t)violations[i].goaway,
                       violations[i].what);
            check_case(h2_conn.ordered, violations[i].what);
            h2_case_end();
        }
    }
}

/* Half closed, it is the stream's error; closed, the connection's (5.1). */
static void test_a_stream_again(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        h2_case_begin();
        stream_again();
        h2_peer_tell(&h2_client, &h2_conn, step);
        assert_int_equal(step ? h2_peer_goaway(&h2_conn) : h2_peer_reset(&h2_conn),
                         TC_H2_STREAM_CLOSED);
        h2_case_end();
    }
}

static void test_flow_control_is_kept(void **state)
{
    (void)state;
    h2_case_begin();
    data_past_the_window();
    h2_conn.pause_every = 0;
    h2_peer_tell(&h2_client, &h2_conn, 0); /* read as it comes, the window opens behind it */
    assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
    assert_int_not_equal(h2_peer_find(&h2_conn, TC_H2_WINDOW_UPDATE, 0, NULL).length, UINT32_MAX);
    h2_case_end();
    h2_case_begin();
    data_past_the_window();
    h2_peer_tell(&h2_client, &h2_conn, 0); /* nobody takes it */
    assert_int_equal(h2_peer_goaway(&h2_conn), TC_H2_FLOW_CONTROL_ERROR);
    h2_case_end();
}

static void test_prefaces(void **state)
{
    (void)state;
    static const char *const wrong[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        h2_case_begin();
        conn_feed(&h2_conn, tc_span_str(wrong[i]), false);
        assert_int_equal(h2_peer_goaway(&h2_conn), TC_H2_PROTOCOL_ERROR);
        assert_true(h2_conn.ordered);
        h2_case_end();
    }
    h2_case_begin(); /* SETTINGS must come first */
    tc_buf_reset(&h2_client.say);
    assert_int_equal(tc_buf_add(&h2_client.say, TC_SPAN(TC_H2_PREFACE)), TC_OK);
    h2_peer_frame(&h2_client, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_goaway(&h2_conn), TC_H2_PROTOCOL_ERROR);
    h2_case_end();
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("")), TC_H2_MORE);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("PRI * H")), TC_H2_MORE);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN("PUT")), TC_H2_NO);
    assert_int_equal(tc_h2_first_bytes(TC_SPAN(TC_H2_PREFACE "x")), TC_H2_YES);
}

/* --- too much of it -------------------------------------------------------------------------- */

/* How many of what say() says it takes until the connection is over. */
static int flood(void (*say)(int i), int most)
{
    int i = 0;
    while (i < most && !h2_conn.ordered) {
        say(i++);
        h2_peer_tell(&h2_client, &h2_conn, 0);
        if (h2_conn.out.len > 100000 && !h2_conn.ordered) tc_buf_reset(&h2_conn.out);
    }
    return i;
}

static void open_and_reset(int i)
{
    h2_peer_fields(&h2_client, OPEN, (uint32_t)(2 * i + 1), H2_POST);
    h2_peer_u32(&h2_client, TC_H2_RST_STREAM, (uint32_t)(2 * i + 1), TC_H2_CANCEL);
}

static void make_them_reset(int i)
{
    h2_peer_fields(&h2_client, OPEN, (uint32_t)(2 * i + 1), H2_POST);
    h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, (uint32_t)(2 * i + 1), 0);
}

static void malformed(int i)
{
    h2_peer_fields(&h2_client, ALL, (uint32_t)(2 * i + 1), "x: y\n");
}

static void settings(int i)
{
    h2_peer_setting(&h2_client, 3, (uint32_t)i);
}

static void long_settings(int i)
{
    char payload[6 * 100];
    for (int k = 0; k < 100; k++)
        memcpy(payload + 6 * k, k % 2 ? "\0\4\0\0\0\1" : "\0\4\0\0\0\2", 6);
    (void)i;
    h2_peer_frame(&h2_client, TC_H2_SETTINGS, 0, 0, tc_span_of(payload, sizeof payload));
}

static void pings(int i)
{
    (void)i, h2_peer_frame(&h2_client, TC_H2_PING, 0, 0, TC_SPAN("12345678"));
}

static void unknown(int i)
{
    (void)i, h2_peer_frame(&h2_client, 77, 0, 0, h2_nothing);
}

static void priorities(int i)
{
    (void)i;
    h2_peer_frame(&h2_client, TC_H2_PRIORITY, 0, 1, TC_SPAN("\0\0\0\x01\x01"));
}

static void empty_data(int i)
{
    if (i == 0) h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, h2_nothing);
}

static void padding(int i)
{
    if (i == 0) h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_frame(&h2_client, TC_H2_DATA, TC_H2_PADDED, 1, TC_SPAN("\2\0\0"));
}

static void continuations(int i)
{
    if (i == 0) h2_peer_fields(&h2_client, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_frame(&h2_client, TC_H2_CONTINUATION, 0, 1, h2_nothing);
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
        {"rapid reset", open_and_reset, 1000, 1001, &h2_conn.reached.h2_resets},
        {"made to reset", make_them_reset, 500, 1001, &h2_conn.reached.h2_resets},
        {"malformed", malformed, 1000, 1001, &h2_conn.reached.h2_resets},
        {"SETTINGS", settings, 1000, 2100, &h2_conn.reached.h2_frames},
        {"long SETTINGS", long_settings, 20, 40, &h2_conn.reached.h2_frames},
        {"PING", pings, 2000, 2100, &h2_conn.reached.h2_frames},
        {"WINDOW_UPDATE", h2_case_windows, 2000, 2100, &h2_conn.reached.h2_frames},
        {"PRIORITY", priorities, 2000, 2100, &h2_conn.reached.h2_frames},
        {"unknown", unknown, 2000, 2100, &h2_conn.reached.h2_frames},
        {"empty DATA", empty_data, 2000, 2100, &h2_conn.reached.h2_frames},
        {"DATA of padding", padding, 2000, 2100, &h2_conn.reached.h2_frames},
        {"CONTINUATION", continuations, 16, 18, &h2_conn.reached.h2_continuations},
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        h2_case_begin();
        const int n = flood(floods[i].say, 5000);
        check_case(n >= floods[i].least && n <= floods[i].most, floods[i].what);
        check_case(h2_peer_goaway(&h2_conn) == TC_H2_ENHANCE_YOUR_CALM, floods[i].what);
        check_case(*floods[i].counter == 1, floods[i].what);
        h2_case_end();
    }
}

static void test_too_many_streams(void **state)
{
    (void)state;
    h2_case_begin();
    for (uint32_t i = 0; i <= 100; i++)
        h2_peer_fields(&h2_client, OPEN, 2 * i + 1, H2_POST);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_peer_reset(&h2_conn), TC_H2_REFUSED_STREAM);
    assert_int_equal(h2_conn.reached.h2_streams, 1);
    assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
    h2_case_end();
}

static void test_hostage(void **state)
{
    (void)state;
    h2_case_begin();
    h2_peer_setting(&h2_client, 4, 0);
    for (uint32_t i = 0; i < 100; i++)
        h2_peer_fields(&h2_client, ALL, 2 * i + 1, H2_GET);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    assert_int_equal(h2_conn.closed, 0);
    const int64_t when = h2_conn.type->deadline(h2_conn.engine);
    assert_true(when != TC_NEVER && when - h2_conn.now <= 30 * TC_S);
    h2_conn.now = when;
    h2_conn.type->tick(h2_conn.engine, h2_conn.now);
    conn_feed(&h2_conn, h2_nothing, false);
    assert_int_equal(h2_conn.closed, 100);
    assert_int_equal(h2_conn.reached.h2_stall_ms, 100);
    h2_case_end();
}

static void test_slow_head(void **state)
{
    (void)state;
    h2_case_begin();
    h2_peer_fields(&h2_client, TC_H2_END_STREAM, 1, H2_GET);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    h2_conn.now = h2_conn.type->deadline(h2_conn.engine);
    assert_true(h2_conn.now != TC_NEVER);
    h2_conn.type->tick(h2_conn.engine, h2_conn.now);
    conn_feed(&h2_conn, h2_nothing, false);
    assert_int_equal(h2_peer_goaway(&h2_conn), TC_H2_ENHANCE_YOUR_CALM);
    assert_true(h2_conn.ordered);
    h2_case_end();
}

/* Heads of DATA come in pieces, too: that is content, which has a time of its own. */
static void test_slow_content(void **state)
{
    (void)state;
    h2_case_begin();
    h2_peer_fields(&h2_client, OPEN, 1, H2_POST);
    h2_peer_tell(&h2_client, &h2_conn, 0);
    for (int i = 0; i < 100; i++) {
        h2_peer_frame(&h2_client, TC_H2_DATA, 0, 1, TC_SPAN("content"));
        h2_peer_tell(&h2_client, &h2_conn, 5);
        h2_conn.now += TC_S;
        h2_conn.type->tick(h2_conn.engine, h2_conn.now);
        conn_feed(&h2_conn, h2_nothing, false);
    }
    assert_int_equal(h2_peer_goaway(&h2_conn), UINT32_MAX);
    assert_int_equal(h2_conn.reached.header_ms, 0);
    h2_case_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_a_stream_again),
        cmocka_unit_test(test_flow_control_is_kept),
        cmocka_unit_test(test_prefaces),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_too_many_streams),
        cmocka_unit_test(test_hostage),
        cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_slow_content),
    };
    return cmocka_run_group_tests_name("h2_wrong", tests, NULL, NULL);
}
