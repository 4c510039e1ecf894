/* h3_wrong.c - what clients of HTTP/3 do wrong, and too much of, and what a server answers (RFC
 * 9114, 9204). Each case is told whole and byte by byte. */
// SPDX-License-Identifier: MIT

#include "base/clock.h"
#include "support/h3_case.h"

/* --- one violation each: bytes of one stream, with SETTINGS before them or not --------------- */

static const struct {
    const char *what;
    uint64_t sid;
    const char *bytes;
    size_t len;
    bool greeted, fin;
    enum tc_h3_code code;
} violations[] = {
#define ROW(what, sid, bytes, greeted, fin, code)                                                  \
    {                                                                                              \
        what, sid, bytes, sizeof bytes - 1, greeted, fin, TC_H3_##code                             \
    }
    ROW("DATA on the control stream", CONTROL, "\0\x04\0\0\0", false, false, FRAME_UNEXPECTED),
    ROW("HEADERS on the control stream", CONTROL, "\0\x04\0\x01\0", false, false, FRAME_UNEXPECTED),
    ROW("GOAWAY before SETTINGS", CONTROL, "\0\x07\x01\0", false, false, MISSING_SETTINGS),
    ROW("a reserved frame before SETTINGS", CONTROL, "\0\x21\0", false, false, MISSING_SETTINGS),
    ROW("SETTINGS twice", CONTROL, "\0\x04\0\x04\0", false, false, FRAME_UNEXPECTED),
    ROW("a setting twice", CONTROL, "\0\x04\x04\x01\0\x01\0", false, false, SETTINGS_ERROR),
    ROW("ENABLE_PUSH", CONTROL, "\0\x04\x02\x02\0", false, false, SETTINGS_ERROR),
    ROW("MAX_CONCURRENT_STREAMS", CONTROL, "\0\x04\x02\x03\x10", false, false, SETTINGS_ERROR),
    ROW("INITIAL_WINDOW_SIZE", CONTROL, "\0\x04\x02\x04\x10", false, false, SETTINGS_ERROR),
    ROW("MAX_FRAME_SIZE", CONTROL, "\0\x04\x02\x05\x10", false, false, SETTINGS_ERROR),
    ROW("ENABLE_CONNECT_PROTOCOL 2", CONTROL, "\0\x04\x02\x08\x02", false, false, SETTINGS_ERROR),
    ROW("H3_DATAGRAM 2", CONTROL, "\0\x04\x02\x33\x02", false, false, SETTINGS_ERROR),
    ROW("half a setting", CONTROL, "\0\x04\x01\x01", false, false, FRAME_ERROR),
    ROW("SETTINGS too large", CONTROL, "\0\x04\x60\0", false, false, FRAME_ERROR),
    ROW("PING of HTTP/2", CONTROL, "\0\x04\0\x06\0", false, false, FRAME_UNEXPECTED),
    ROW("PRIORITY of HTTP/2", CONTROL, "\0\x04\0\x02\0", false, false, FRAME_UNEXPECTED),
    ROW("WINDOW_UPDATE", CONTROL, "\0\x04\0\x08\0", false, false, FRAME_UNEXPECTED),
    ROW("CONTINUATION", CONTROL, "\0\x04\0\x09\0", false, false, FRAME_UNEXPECTED),
    ROW("CANCEL_PUSH", CONTROL, "\0\x04\0\x03\x01\0", false, false, ID_ERROR),
    ROW("CANCEL_PUSH of nothing", CONTROL, "\0\x04\0\x03\0", false, false, FRAME_ERROR),
    ROW("GOAWAY of two numbers", CONTROL, "\0\x04\0\x07\x02\0\0", false, false, FRAME_ERROR),
    ROW("GOAWAY of half a number", CONTROL, "\0\x04\0\x07\x01\x40", false, false, FRAME_ERROR),
    ROW("GOAWAY that rises", CONTROL, "\0\x04\0\x07\x01\x01\x07\x01\x02", false, false, ID_ERROR),
    ROW("MAX_PUSH_ID falls", CONTROL, "\0\x04\0\x0d\x01\x05\x0d\x01\x04", false, false, ID_ERROR),
    ROW("priority of no request", CONTROL, "\0\x04\0\x80\x0f\x07\0\x01\x02", false, false,
        ID_ERROR),
    ROW("priority of a push", CONTROL, "\0\x04\0\x80\x0f\x07\x01\x01\0", false, false, ID_ERROR),
    ROW("PUSH_PROMISE on control", CONTROL, "\0\x04\0\x05\x01\0", false, false, FRAME_UNEXPECTED),
    ROW("control stream ends", CONTROL, "\0\x04\0", false, true, CLOSED_CRITICAL_STREAM),
    ROW("a second control stream", OTHER, "\0\x04\0", true, false, STREAM_CREATION_ERROR),
    ROW("a client that pushes", OTHER, "\x01\0", true, false, STREAM_CREATION_ERROR),
    ROW("encoder stream ends", ENCODER, "\x02", true, true, CLOSED_CRITICAL_STREAM),
    ROW("decoder stream ends", DECODER, "\x03", true, true, CLOSED_CRITICAL_STREAM),
    ROW("too large a table", ENCODER, "\x02\x3f\xe2\x1f", true, false, QPACK_ENCODER_STREAM_ERROR),
    ROW("an entry without a table", ENCODER, "\x02\xc0\0", true, false, QPACK_ENCODER_STREAM_ERROR),
    ROW("ack of nothing", DECODER, "\x03\x80", true, false, QPACK_DECODER_STREAM_ERROR),
    ROW("increment by nothing", DECODER, "\x03\0", true, false, QPACK_DECODER_STREAM_ERROR),
    ROW("increment past all", DECODER, "\x03\x01", true, false, QPACK_DECODER_STREAM_ERROR),
    ROW("DATA first", 0, "\0\x01x", true, false, FRAME_UNEXPECTED),
    ROW("SETTINGS on a request", 0, "\x04\0", true, false, FRAME_UNEXPECTED),
    ROW("GOAWAY on a request", 0, "\x07\x01\0", true, false, FRAME_UNEXPECTED),
    ROW("MAX_PUSH_ID on a request", 0, "\x0d\x01\0", true, false, FRAME_UNEXPECTED),
    ROW("CANCEL_PUSH on a request", 0, "\x03\x01\0", true, false, FRAME_UNEXPECTED),
    ROW("PUSH_PROMISE of a client", 0, "\x05\x01\0", true, false, FRAME_UNEXPECTED),
    ROW("PRIORITY_UPDATE on a request", 0, "\x80\x0f\x07\0\x01\0", true, false, FRAME_UNEXPECTED),
    ROW("CONTINUATION on a request", 0, "\x09\0", true, false, FRAME_UNEXPECTED),
    ROW("HEADERS break off", 0, "\x01\x05\0\0", true, true, FRAME_ERROR),
    ROW("a frame's head breaks off", 0, "\x40", true, true, FRAME_ERROR),
    ROW("unknown frame breaks off", 0, "\x21\x05xx", true, true, FRAME_ERROR),
    ROW("no prefix", 0, "\x01\x01\0", true, false, QPACK_DECOMPRESSION_FAILED),
    ROW("empty HEADERS", 0, "\x01\0", true, false, QPACK_DECOMPRESSION_FAILED),
    ROW("an entry of nothing", 0, "\x01\x03\0\0\x80", true, false, QPACK_DECOMPRESSION_FAILED),
    ROW("a static entry too far", 0, "\x01\x04\0\0\xff\x40", true, false,
        QPACK_DECOMPRESSION_FAILED),
    ROW("a count too far", 0, "\x01\x04\xff\x10\0\x80", true, false, QPACK_DECOMPRESSION_FAILED),
    ROW("a stream of a server", 1, "\x01", true, false, STREAM_CREATION_ERROR),
#undef ROW
};

static void test_violations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof violations / sizeof *violations; i++)
        for (size_t step = 0; step < 2; step++) {
            h3_case_begin();
            if (violations[i].greeted) h3_greet(&h3_side);
            h3_case_put(violations[i].bytes, violations[i].len);
            h3_case_tell(violations[i].sid, violations[i].fin, step);
            if (!h3_side.closed || h3_side.close_code != violations[i].code)
                fail_msg("%s: %s", violations[i].what,
                         h3_side.closed ? tc_h3_code_name(h3_side.close_code) : "nothing");
            h3_case_end();
        }
}

static void test_frames_out_of_order(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        h3_case_begin();
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, H3_POST);
        h3_raw_fields(&h3_said, "x-sum: 1\n");
        h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("late"));
        h3_case_tell(0, false, step);
        assert_int_equal(h3_side.close_code, TC_H3_FRAME_UNEXPECTED);
        h3_case_end();
        h3_case_begin();
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, H3_POST);
        h3_raw_fields(&h3_said, "x-sum: 1\n");
        h3_raw_fields(&h3_said, "x-sum: 1\n");
        h3_case_tell(0, false, step);
        assert_int_equal(h3_side.close_code, TC_H3_FRAME_UNEXPECTED);
        h3_case_end();
    }
}

static void test_critical_streams(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        h3_case_begin();
        h3_greet(&h3_side);
        h3_came(&h3_side, ENCODER, TC_SPAN("\x02"), false);
        h3_came(&h3_side, DECODER, TC_SPAN("\x03"), false);
        h3_turn(&h3_side);
        const bool ours = i >= 3;
        const uint64_t sid = ours ? 3 + 4 * (uint64_t)(i - 3) : 2 + 4 * (uint64_t)i;
        h3_conn.type->stopped(h3_conn.engine, sid, 0, ours);
        h3_turn(&h3_side);
        assert_int_equal(h3_side.close_code, TC_H3_CLOSED_CRITICAL_STREAM);
        h3_case_end();
    }
}

/* Types and numbers that nobody knows mean nothing, wherever they are. */
static void test_grease(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        h3_case_begin();
        h3_case_put("\0\x04\x05\x21\x05\x40\x40\x09\x21\x03xyz\x80\x0f\x07\x02\0", 17);
        h3_case_tell(CONTROL, false, step);
        h3_case_put("\x21grease", 7);
        h3_case_tell(OTHER, false, step);
        h3_case_put("\x40\x21 more", 7);
        h3_case_tell(18, true, step);
        h3_case_put("\x40", 1); /* a stream that ends before its type is known */
        h3_case_tell(22, true, step);
        h3_raw_frame(&h3_said, 0x21, TC_SPAN("grease"));
        h3_raw_fields(&h3_said, H3_POST);
        h3_raw_frame(&h3_said, 0x40, TC_SPAN(""));
        h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("a"));
        h3_raw_frame(&h3_said, 0x5f, TC_SPAN("grease"));
        h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("b"));
        h3_raw_fields(&h3_said, "x-sum: 2\n");
        h3_raw_frame(&h3_said, 0x21, TC_SPAN("grease"));
        h3_case_tell(0, true, step);
        check_span(tc_buf_span(&h3_conn.log),
                   "head POST / 3 host=a length=-1\ndata \"ab\"\ntrailers [x-sum: 2]\nclosed\n");
        assert_false(h3_side.closed);
        assert_true(h3_flow_of(&h3_side, OTHER)->was_stopped);
        assert_int_equal(h3_flow_of(&h3_side, OTHER)->stop_code, TC_H3_STREAM_CREATION_ERROR);
        h3_case_end();
    }
}

/* They are sent, too, on each connection others: else somebody would come to know them (7.2.8). */
static void test_grease_of_ours(void **state)
{
    (void)state;
    uint64_t settings[8], frames[8], different = 0;
    h3_case_begin();
    for (size_t i = 0; i < 8; i++) {
        uint64_t number = 0, value = 0;
        tc_h3_head head;
        h3_conn.type->fini(h3_conn.engine);
        h3_conn.type->init(h3_conn.engine, &h3_conn.env); /* the next connection of this worker */
        h3_side.count = 0;
        h3_side.next_uni = 3;
        h3_turn(&h3_side);
        tc_span payload, rest = tc_buf_span(&h3_flow_of(&h3_side, 3)->out);
        assert_true(h3_sent(&h3_side, 3, TC_H3_SETTINGS, 0, &payload));
        while (payload.len > 0)
            assert_true(tc_h3_varint_take(&payload, &number) &&
                        tc_h3_varint_take(&payload, &value));
        settings[i] = number; /* the last one */
        assert_true(tc_h3_varint_take(&rest, &number));
        while (tc_h3_head_take(&rest, &head))
            rest = tc_span_from(rest, (size_t)head.length);
        frames[i] = head.type;
        assert_int_equal((settings[i] - 0x21) % 0x1f, 0);
        assert_int_equal((frames[i] - 0x21) % 0x1f, 0);
        different += i && settings[i] != settings[i - 1] && frames[i] != frames[i - 1];
        for (size_t j = 0; j < h3_side.count; j++)
            tc_buf_fini(&h3_side.flows[j].out);
    }
    h3_side.count = 0;
    assert_in_range(different, 6, 7);
    h3_case_end();
}

/* --- sections that wait ---------------------------------------------------------------------- */

static void put_waiting(void)
{
    h3_raw_frame(&h3_said, TC_H3_HEADERS,
                 TC_SPAN("\x02\0\xd1\xd6\x80\xc1")); /* :authority of entry 1 */
}

static void test_blocked_streams(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        put_waiting();
        h3_case_tell(sid, true, 1);
    }
    assert_int_equal(h3_conn.log.len, 0);
    h3_conn.type->stopped(h3_conn.engine, 4, 0, false); /* one of them is given up */
    h3_turn(&h3_side);
    h3_case_put("\x02\x3f\xe1\x1f\xc0\x01"
                "a",
                7);
    h3_case_tell(ENCODER, false, 1);
    check_span(tc_buf_span(&h3_conn.log),
               "head GET / 3 host=a\nhead GET / 3 host=a\nclosed\nclosed\n");
    const tc_span said = tc_buf_span(&h3_flow_of(&h3_side, 11)->out);
    assert_true(tc_span_eq(said, TC_SPAN("\x03\x44\x01\x80\x88")));
    h3_case_end();
    h3_case_begin();
    h3_conn.limits.h3_blocked = 2;
    h3_greet(&h3_side);
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        put_waiting();
        h3_case_tell(sid, true, 0);
    }
    assert_int_equal(h3_side.close_code, TC_H3_QPACK_DECOMPRESSION_FAILED);
    assert_int_equal(h3_conn.reached.h3_blocked, 1);
    h3_case_end();
}

/* --- too much of it -------------------------------------------------------------------------- */

static void open_and_reset(uint64_t i)
{
    h3_raw_fields(&h3_said, H3_POST);
    h3_case_tell(4 * i, false, 0);
    h3_conn.type->stopped(h3_conn.engine, 4 * i, TC_H3_REQUEST_CANCELLED, false);
    h3_turn(&h3_side);
}

static void reset_at_once(uint64_t i)
{
    h3_conn.type->stopped(h3_conn.engine, 4 * i, TC_H3_REQUEST_CANCELLED, false);
    h3_turn(&h3_side);
}

static void wants_no_answer(uint64_t i)
{
    h3_raw_fields(&h3_said, H3_POST);
    h3_case_tell(4 * i, false, 0);
    h3_conn.type->stopped(h3_conn.engine, 4 * i, TC_H3_REQUEST_CANCELLED, true);
    h3_turn(&h3_side);
}

static void malformed(uint64_t i)
{
    h3_raw_fields(&h3_said, "x: y\n");
    h3_case_tell(4 * i, true, 0);
}

static void unknown(uint64_t i)
{
    (void)i;
    h3_case_put("\x21\0", 2);
    h3_case_tell(CONTROL, false, 0);
}

static void unknown_of_a_request(uint64_t i)
{
    (void)i;
    h3_case_put("\x21\0", 2);
    h3_case_tell(0, false, 0);
}

static void push_ids(uint64_t i)
{
    h3_raw_varint(&h3_said, TC_H3_MAX_PUSH_ID);
    h3_raw_varint(&h3_said, tc_h3_varint_length(i));
    h3_raw_varint(&h3_said, i);
    h3_case_tell(CONTROL, false, 0);
}

static void priorities(uint64_t i)
{
    (void)i;
    h3_case_put("\x80\x0f\x07\0\x01\0", 6);
    h3_case_tell(CONTROL, false, 0);
}

static void empty_data(uint64_t i)
{
    if (i == 0) h3_raw_fields(&h3_said, H3_POST);
    h3_case_put("\0\0", 2);
    h3_case_tell(0, false, 0);
}

static void entries(uint64_t i)
{
    if (i == 0) h3_case_put("\x02\x3f\xe1\x1f\xc0\0", 6);
    for (int n = 0; n < 16; n++)
        h3_case_put("\0", 1);
    h3_case_tell(ENCODER, false, 0);
}

static void streams_of_no_type(uint64_t i)
{
    h3_case_put("\x21", 1);
    h3_case_tell(OTHER + 4 * (i % 250), true, 0);
    h3_flow *f = h3_flow_of(&h3_side, OTHER + 4 * (i % 250));
    f->sid = UINT64_MAX - i; /* another one has its place next time */
    f->deaf = true;
}

static void test_floods(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*say)(uint64_t);
        uint64_t least, most;
    } floods[] = {
        {"rapid reset", open_and_reset, 1000, 1001},
        {"reset at once", reset_at_once, 1000, 1001},
        {"wants no answer", wants_no_answer, 1000, 1001},
        {"malformed", malformed, 1000, 1001},
        {"unknown", unknown, 2000, 2001},
        {"unknown of a request", unknown_of_a_request, 2000, 2001},
        {"MAX_PUSH_ID", push_ids, 2000, 2001},
        {"PRIORITY_UPDATE", priorities, 2000, 2001},
        {"empty DATA", empty_data, 2000, 2001},
        {"entries", entries, 2000, 2001},
        {"streams of no type", streams_of_no_type, 1000, 2001},
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        h3_case_begin();
        h3_greet(&h3_side);
        uint64_t n = 0;
        while (n < 3000 && !h3_side.closed && h3_side.count < H3_FLOWS - 4)
            floods[i].say(n++);
        check_case(n >= floods[i].least && n <= floods[i].most, floods[i].what);
        if (h3_side.count < H3_FLOWS - 4)
            check_case(h3_side.close_code == TC_H3_EXCESSIVE_LOAD, floods[i].what);
        h3_case_end();
    }
}

static void test_acknowledgements_that_nobody_reads(void **state)
{
    (void)state;
    h3_case_begin();
    h3_conn.limits.h3_output = 64;
    h3_conn.limits.h3_resets = 100000;
    h3_conn.type->fini(h3_conn.engine);
    h3_conn.type->init(h3_conn.engine, &h3_conn.env);
    h3_side.no_uni = true;
    h3_greet(&h3_side);
    uint64_t n = 0;
    for (; n < 300 && !h3_side.closed; n++) {
        h3_raw_fields(&h3_said, H3_POST);
        h3_case_tell(4 * n, false, 0);
        h3_conn.type->stopped(h3_conn.engine, 4 * n, TC_H3_REQUEST_CANCELLED, false);
        h3_turn(&h3_side);
    }
    assert_true(n > 10 && n < 80);
    assert_int_equal(h3_side.close_code, TC_H3_EXCESSIVE_LOAD);
    assert_int_equal(h3_conn.reached.h3_output, 1);
    h3_case_end();
}

static void test_too_many_streams(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    for (uint64_t i = 0; i <= 100; i++) {
        h3_raw_fields(&h3_said, H3_POST);
        h3_case_tell(4 * i, false, 0);
    }
    assert_int_equal(h3_flow_of(&h3_side, 400)->reset_code, TC_H3_REQUEST_REJECTED);
    assert_true(h3_flow_of(&h3_side, 400)->was_stopped);
    assert_int_equal(h3_conn.reached.h3_streams, 1);
    assert_false(h3_side.closed);
    h3_case_end();
}

static void test_hostage(void **state)
{
    (void)state;
    h3_case_begin();
    h3_side.window = 1;
    h3_greet(&h3_side);
    for (uint64_t i = 0; i < 50; i++) {
        h3_raw_fields(&h3_said, H3_GET);
        h3_flow_of(&h3_side, 4 * i)->may_send = 0;
        h3_case_tell(4 * i, true, 0);
    }
    assert_int_equal(h3_conn.closed, 0);
    for (int i = 0; i < 3 && h3_conn.closed < 50; i++) {
        const int64_t when = h3_conn.type->deadline(h3_conn.engine);
        assert_true(when != TC_NEVER && when - h3_conn.now <= 30 * TC_S);
        h3_conn.now = when;
        h3_conn.type->tick(h3_conn.engine, h3_conn.now);
        h3_turn(&h3_side);
    }
    assert_int_equal(h3_conn.closed, 50);
    assert_int_equal(h3_conn.reached.h3_stall_ms, 50);
    assert_int_equal(h3_flow_of(&h3_side, 0)->reset_code, TC_H3_REQUEST_CANCELLED);
    h3_case_end();
}

static void test_slow_heads(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    h3_case_put("\x01\x10\0", 3); /* part of HEADERS, and a section that waits for ever */
    h3_case_tell(0, false, 0);
    put_waiting();
    h3_case_tell(4, true, 0);
    h3_conn.now = h3_conn.type->deadline(h3_conn.engine);
    assert_true(h3_conn.now != TC_NEVER && h3_conn.now <= 11 * TC_S);
    h3_conn.type->tick(h3_conn.engine, h3_conn.now);
    h3_turn(&h3_side);
    assert_int_equal(h3_flow_of(&h3_side, 0)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(h3_flow_of(&h3_side, 4)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(h3_conn.reached.header_ms, 2);
    assert_int_equal(h3_conn.log.len, 0);
    assert_int_equal(h3_conn.type->deadline(h3_conn.engine), TC_NEVER);
    assert_true(h3_conn.type->idle(h3_conn.engine));
    h3_case_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_frames_out_of_order),
        cmocka_unit_test(test_critical_streams),
        cmocka_unit_test(test_grease),
        cmocka_unit_test(test_grease_of_ours),
        cmocka_unit_test(test_blocked_streams),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_acknowledgements_that_nobody_reads),
        cmocka_unit_test(test_too_many_streams),
        cmocka_unit_test(test_hostage),
        cmocka_unit_test(test_slow_heads),
    };
    return cmocka_run_group_tests_name("h3_wrong", tests, NULL, NULL);
}
