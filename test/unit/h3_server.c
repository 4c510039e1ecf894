/* h3_server.c - what clients do wrong, and too much of, and what a server answers (RFC 9114, 9204).
 * Each case is told whole and byte by byte. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/clock.h"
#include "support/h3_end.h"

enum { CONTROL = 2, ENCODER = 6, DECODER = 10, OTHER = 14 };

static h3_raw raw;
static conn c;
static h3_end e;
static char big[100000];

static void begin(void)
{
    h3_end_init(&e, &c, TC_SERVER);
    c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    c.script_count = 1;
    raw.len = 0;
}

static void end(void)
{
    h3_end_fini(&e);
}

static void tell(uint64_t sid, bool fin, size_t step)
{
    h3_tell(&e, sid, &raw, fin, step);
}

static void put(const char *bytes, size_t len)
{
    memcpy(raw.at + raw.len, bytes, len);
    raw.len += len;
}

/* --- one violation each: bytes of one stream, with SETTINGS before them or not -----------------
 */

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
            begin();
            if (violations[i].greeted) h3_greet(&e);
            put(violations[i].bytes, violations[i].len);
            tell(violations[i].sid, violations[i].fin, step);
            if (!e.closed || e.close_code != violations[i].code)
                fail_msg("%s: %s", violations[i].what,
                         e.closed ? tc_h3_code_name(e.close_code) : "nothing");
            end();
        }
}

static void test_frames_out_of_order(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin();
        h3_greet(&e);
        h3_raw_fields(&raw, H3_POST);
        h3_raw_fields(&raw, "x-sum: 1\n");
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("late"));
        tell(0, false, step);
        assert_int_equal(e.close_code, TC_H3_FRAME_UNEXPECTED);
        end();
        begin();
        h3_greet(&e);
        h3_raw_fields(&raw, H3_POST);
        h3_raw_fields(&raw, "x-sum: 1\n");
        h3_raw_fields(&raw, "x-sum: 1\n");
        tell(0, false, step);
        assert_int_equal(e.close_code, TC_H3_FRAME_UNEXPECTED);
        end();
    }
}

static void test_critical_streams(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        begin();
        h3_greet(&e);
        h3_came(&e, ENCODER, TC_SPAN("\x02"), false);
        h3_came(&e, DECODER, TC_SPAN("\x03"), false);
        h3_turn(&e);
        const bool ours = i >= 3;
        const uint64_t sid = ours ? 3 + 4 * (uint64_t)(i - 3) : 2 + 4 * (uint64_t)i;
        c.type->stopped(c.engine, sid, 0, ours);
        h3_turn(&e);
        assert_int_equal(e.close_code, TC_H3_CLOSED_CRITICAL_STREAM);
        end();
    }
}

/* Types and numbers that nobody knows mean nothing, wherever they are. */
static void test_grease(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin();
        put("\0\x04\x05\x21\x05\x40\x40\x09\x21\x03xyz\x80\x0f\x07\x02\0", 17);
        tell(CONTROL, false, step);
        put("\x21grease", 7);
        tell(OTHER, false, step);
        put("\x40\x21 more", 7);
        tell(18, true, step);
        put("\x40", 1); /* a stream that ends before its type is known */
        tell(22, true, step);
        h3_raw_frame(&raw, 0x21, TC_SPAN("grease"));
        h3_raw_fields(&raw, H3_POST);
        h3_raw_frame(&raw, 0x40, TC_SPAN(""));
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("a"));
        h3_raw_frame(&raw, 0x5f, TC_SPAN("grease"));
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("b"));
        h3_raw_fields(&raw, "x-sum: 2\n");
        h3_raw_frame(&raw, 0x21, TC_SPAN("grease"));
        tell(0, true, step);
        check_span(tc_buf_span(&c.log),
                   "head POST / 3 host=a length=-1\ndata \"ab\"\ntrailers [x-sum: 2]\nclosed\n");
        assert_false(e.closed);
        assert_true(h3_flow_of(&e, OTHER)->was_stopped);
        assert_int_equal(h3_flow_of(&e, OTHER)->stop_code, TC_H3_STREAM_CREATION_ERROR);
        end();
    }
}

/* They are sent, too, on each connection others: else somebody would come to know them (7.2.8). */
static void test_grease_of_ours(void **state)
{
    (void)state;
    uint64_t settings[8], frames[8], different = 0;
    begin();
    for (size_t i = 0; i < 8; i++) {
        uint64_t number = 0, value = 0;
        tc_h3_head head;
        c.type->fini(c.engine);
        c.type->init(c.engine, &c.env); /* the next connection of this worker */
        e.count = 0;
        e.next_uni = 3;
        h3_turn(&e);
        tc_span payload, rest = tc_buf_span(&h3_flow_of(&e, 3)->out);
        assert_true(h3_sent(&e, 3, TC_H3_SETTINGS, 0, &payload));
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
        for (size_t j = 0; j < e.count; j++)
            tc_buf_fini(&e.flows[j].out);
    }
    e.count = 0;
    assert_in_range(different, 6, 7);
    end();
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
        H3_GET ":path: /2\n",
        H3_GET ":status: 200\n",
        H3_GET ":new: 1\n",
        H3_GET "x: 1\n:extra: 1\n",
        "x: 1\n" H3_GET,
        H3_GET "Upper: 1\n",
        H3_GET "sp ace: 1\n",
        H3_GET "connection: close\n",
        H3_GET "keep-alive: 1\n",
        H3_GET "transfer-encoding: chunked\n",
        H3_GET "upgrade: x\n",
        H3_GET "te: gzip\n",
        H3_GET "x:  leading\n",
        H3_GET "x: a\rb\n",
        H3_GET "host: other\n",
        H3_GET "content-length: 5\n",
        H3_GET "content-length: x\n",
        ":method: GET\n:scheme: http\n:authority: u@a\n:path: /\n",
        ":method: G T\n:scheme: http\n:authority: a\n:path: /\n",
        ":method: CONNECT\n:scheme: http\n:authority: a:1\n:path: /\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin();
        h3_greet(&e);
        h3_raw_fields(&raw, wrong[i]);
        tell(0, true, i % 2);
        h3_raw_fields(&raw, H3_GET);
        tell(4, true, 0);
        check_case(h3_flow_of(&e, 0)->was_reset, wrong[i]);
        check_case(h3_flow_of(&e, 0)->reset_code == TC_H3_MESSAGE_ERROR, wrong[i]);
        check_case(!e.closed, wrong[i]);
        /* nobody saw it, and the next one is served */
        check_span(tc_buf_span(&c.log), "head GET / 3 host=a\nclosed\n");
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
        h3_greet(&e);
        h3_raw_fields(&raw, wrong[i]);
        tell(0, true, i % 2);
        check_case(!h3_flow_of(&e, 0)->was_reset && !e.closed, wrong[i]);
        check_case(h3_logged(&e, "broken "), wrong[i]);
        check_case(h3_logged(&e, " 400 GET"), wrong[i]);
        end();
    }
}

static void test_good_requests(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    h3_raw_fields(&raw, H3_GET "cookie: a=1\nx: y\ncookie: b=2\nte: trailers\nhost: A\n");
    tell(0, true, 1);
    h3_raw_fields(&raw, H3_POST "content-length: 3\nexpect: 100-continue\n");
    h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("ab"));
    h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("c"));
    h3_raw_fields(&raw, "x-sum: 3\n");
    tell(4, true, 1);
    h3_raw_fields(&raw, ":method: OPTIONS\n:scheme: http\n:path: *\nhost: a\n");
    tell(8, false, 1);
    tell(8, true, 0);
    check_span(tc_buf_span(&c.log),
               "head GET / 3 host=a [cookie: a=1; b=2; x: y]\nclosed\n"
               "head POST / 3 host=a length=3 continue [content-length: 3; expect: 100-continue]\n"
               "data \"abc\"\ntrailers [x-sum: 3]\nclosed\n"
               "head OPTIONS * 3 host=a length=-1\nclosed\n");
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        tc_span payload;
        assert_true(h3_sent(&e, sid, TC_H3_DATA, 0, &payload));
        check_span(payload, "hello");
        assert_true(h3_flow_of(&e, sid)->out_fin);
    }
    end();
}

static void test_lengths(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin();
        h3_greet(&e);
        h3_raw_fields(&raw, H3_POST "content-length: 3\n");
        if (i == 0) h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("four"));
        if (i == 1) h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("tw"));
        if (i == 2) h3_raw_fields(&raw, "x: y\n");
        tell(0, true, (size_t)i % 2);
        assert_int_equal(h3_flow_of(&e, 0)->reset_code, TC_H3_MESSAGE_ERROR);
        assert_true(i == 3 ? c.log.len == 0 : h3_logged(&e, "closed "));
        assert_false(e.closed);
        end();
    }
    begin(); /* no request at all */
    h3_greet(&e);
    tell(0, true, 0);
    assert_int_equal(h3_flow_of(&e, 0)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(c.log.len, 0);
    end();
}

static void test_limits_of_fields(void **state)
{
    (void)state;
    begin();
    c.limits.fields_count = 3;
    h3_greet(&e);
    h3_raw_fields(&raw, H3_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    tell(0, true, 0);
    assert_true(h3_logged(&e, "broken FIELDS_TOO_MANY 431"));
    assert_int_equal(c.reached.fields_count, 1);
    end();
    begin();
    c.limits.fields_bytes = 300;
    h3_greet(&e);
    h3_raw_fields(&raw, H3_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    tell(0, true, 0);
    assert_true(h3_logged(&e, "broken FIELDS_TOO_LARGE 431"));
    end();
    for (size_t step = 0; step < 2; step++) { /* a frame that is larger than all fields may be */
        begin();
        c.limits.fields_bytes = 300;
        h3_greet(&e);
        put("\x01\x42\x00", 3);
        put(big, 400);
        tell(0, step, step);
        check_span(tc_buf_span(&c.log), "broken FIELDS_TOO_LARGE 431\nclosed\n");
        assert_true(h3_sent(&e, 0, TC_H3_HEADERS, 0, NULL));
        assert_true(h3_flow_of(&e, 0)->out_fin);
        assert_true(h3_flow_of(&e, 0)->was_stopped);
        assert_int_equal(h3_flow_of(&e, 0)->stop_code, TC_H3_NO_ERROR);
        const tc_span said = tc_buf_span(&h3_flow_of(&e, 11)->out); /* its entries are free */
        assert_true(tc_span_eq(said, TC_SPAN("\x03\x40")));
        assert_int_equal(c.reached.fields_bytes, 1);
        assert_false(e.closed);
        end();
        begin(); /* and as trailers */
        c.limits.fields_bytes = 300;
        h3_greet(&e);
        h3_raw_fields(&raw, H3_POST);
        put("\x01\x42\x00", 3);
        tell(0, false, step);
        assert_int_equal(h3_flow_of(&e, 0)->reset_code, TC_H3_EXCESSIVE_LOAD);
        assert_int_equal(c.reached.fields_bytes, 1);
        assert_false(e.closed);
        end();
    }
}

/* A small section that names a large entry again and again, as a head and as trailers. */
static void test_bombs(void **state)
{
    (void)state;
    for (int trailers = 0; trailers < 2; trailers++) {
        begin();
        h3_greet(&e);
        put("\x02\x3f\xe1\x1f\x41y\x7f\xa1\x1e", 9);
        memset(raw.at + raw.len, 'b', 4000);
        raw.len += 4000;
        tell(ENCODER, false, 0);
        if (trailers) h3_raw_fields(&raw, H3_POST);
        char section[3000] = {2, 0};
        memset(section + 2, 0x80, sizeof section - 2);
        h3_raw_frame(&raw, TC_H3_HEADERS, tc_span_of(section, sizeof section));
        tell(0, true, 0);
        assert_true(c.reached.fields_bytes + c.reached.fields_count == 1);
        assert_true(trailers || h3_logged(&e, "broken "));
        assert_true(!trailers || h3_flow_of(&e, 0)->reset_code == TC_H3_MESSAGE_ERROR);
        assert_false(e.closed);
        end();
    }
}

/* --- sections that wait ------------------------------------------------------------------------
 */

static void put_waiting(void)
{
    h3_raw_frame(&raw, TC_H3_HEADERS,
                 TC_SPAN("\x02\0\xd1\xd6\x80\xc1")); /* :authority of entry 1 */
}

static void test_blocked_streams(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        put_waiting();
        tell(sid, true, 1);
    }
    assert_int_equal(c.log.len, 0);
    c.type->stopped(c.engine, 4, 0, false); /* one of them is given up */
    h3_turn(&e);
    put("\x02\x3f\xe1\x1f\xc0\x01"
        "a",
        7);
    tell(ENCODER, false, 1);
    check_span(tc_buf_span(&c.log), "head GET / 3 host=a\nhead GET / 3 host=a\nclosed\nclosed\n");
    const tc_span said = tc_buf_span(&h3_flow_of(&e, 11)->out);
    assert_true(tc_span_eq(said, TC_SPAN("\x03\x44\x01\x80\x88")));
    end();
    begin();
    c.limits.h3_blocked = 2;
    h3_greet(&e);
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        put_waiting();
        tell(sid, true, 0);
    }
    assert_int_equal(e.close_code, TC_H3_QPACK_DECOMPRESSION_FAILED);
    assert_int_equal(c.reached.h3_blocked, 1);
    end();
}

/* --- too much of it ----------------------------------------------------------------------------
 */

static void open_and_reset(uint64_t i)
{
    h3_raw_fields(&raw, H3_POST);
    tell(4 * i, false, 0);
    c.type->stopped(c.engine, 4 * i, TC_H3_REQUEST_CANCELLED, false);
    h3_turn(&e);
}
static void reset_at_once(uint64_t i)
{
    c.type->stopped(c.engine, 4 * i, TC_H3_REQUEST_CANCELLED, false);
    h3_turn(&e);
}
static void wants_no_answer(uint64_t i)
{
    h3_raw_fields(&raw, H3_POST);
    tell(4 * i, false, 0);
    c.type->stopped(c.engine, 4 * i, TC_H3_REQUEST_CANCELLED, true);
    h3_turn(&e);
}
static void malformed(uint64_t i)
{
    h3_raw_fields(&raw, "x: y\n");
    tell(4 * i, true, 0);
}
static void unknown(uint64_t i)
{
    (void)i;
    put("\x21\0", 2);
    tell(CONTROL, false, 0);
}
static void unknown_of_a_request(uint64_t i)
{
    (void)i;
    put("\x21\0", 2);
    tell(0, false, 0);
}
static void push_ids(uint64_t i)
{
    h3_raw_varint(&raw, TC_H3_MAX_PUSH_ID);
    h3_raw_varint(&raw, tc_h3_varint_length(i));
    h3_raw_varint(&raw, i);
    tell(CONTROL, false, 0);
}
static void priorities(uint64_t i)
{
    (void)i;
    put("\x80\x0f\x07\0\x01\0", 6);
    tell(CONTROL, false, 0);
}
static void empty_data(uint64_t i)
{
    if (i == 0) h3_raw_fields(&raw, H3_POST);
    put("\0\0", 2);
    tell(0, false, 0);
}
static void entries(uint64_t i)
{
    if (i == 0) put("\x02\x3f\xe1\x1f\xc0\0", 6);
    for (int n = 0; n < 16; n++)
        put("\0", 1);
    tell(ENCODER, false, 0);
}
static void streams_of_no_type(uint64_t i)
{
    put("\x21", 1);
    tell(OTHER + 4 * (i % 250), true, 0);
    h3_flow *f = h3_flow_of(&e, OTHER + 4 * (i % 250));
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
        begin();
        h3_greet(&e);
        uint64_t n = 0;
        while (n < 3000 && !e.closed && e.count < H3_FLOWS - 4)
            floods[i].say(n++);
        check_case(n >= floods[i].least && n <= floods[i].most, floods[i].what);
        if (e.count < H3_FLOWS - 4)
            check_case(e.close_code == TC_H3_EXCESSIVE_LOAD, floods[i].what);
        end();
    }
}

static void test_acknowledgements_that_nobody_reads(void **state)
{
    (void)state;
    begin();
    c.limits.h3_output = 64;
    c.limits.h3_resets = 100000;
    c.type->fini(c.engine);
    c.type->init(c.engine, &c.env);
    e.no_uni = true;
    h3_greet(&e);
    uint64_t n = 0;
    for (; n < 300 && !e.closed; n++) {
        h3_raw_fields(&raw, H3_POST);
        tell(4 * n, false, 0);
        c.type->stopped(c.engine, 4 * n, TC_H3_REQUEST_CANCELLED, false);
        h3_turn(&e);
    }
    assert_true(n > 10 && n < 80);
    assert_int_equal(e.close_code, TC_H3_EXCESSIVE_LOAD);
    assert_int_equal(c.reached.h3_output, 1);
    end();
}

static void test_too_many_streams(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    for (uint64_t i = 0; i <= 100; i++) {
        h3_raw_fields(&raw, H3_POST);
        tell(4 * i, false, 0);
    }
    assert_int_equal(h3_flow_of(&e, 400)->reset_code, TC_H3_REQUEST_REJECTED);
    assert_true(h3_flow_of(&e, 400)->was_stopped);
    assert_int_equal(c.reached.h3_streams, 1);
    assert_false(e.closed);
    end();
}

static void test_hostage(void **state)
{
    (void)state;
    begin();
    e.window = 1;
    h3_greet(&e);
    for (uint64_t i = 0; i < 50; i++) {
        h3_raw_fields(&raw, H3_GET);
        h3_flow_of(&e, 4 * i)->may_send = 0;
        tell(4 * i, true, 0);
    }
    assert_int_equal(c.closed, 0);
    for (int i = 0; i < 3 && c.closed < 50; i++) {
        const int64_t when = c.type->deadline(c.engine);
        assert_true(when != TC_NEVER && when - c.now <= 30 * TC_S);
        c.now = when;
        c.type->tick(c.engine, c.now);
        h3_turn(&e);
    }
    assert_int_equal(c.closed, 50);
    assert_int_equal(c.reached.h3_stall_ms, 50);
    assert_int_equal(h3_flow_of(&e, 0)->reset_code, TC_H3_REQUEST_CANCELLED);
    end();
}

static void test_slow_heads(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    put("\x01\x10\0", 3); /* part of HEADERS, and a section that waits for ever */
    tell(0, false, 0);
    put_waiting();
    tell(4, true, 0);
    c.now = c.type->deadline(c.engine);
    assert_true(c.now != TC_NEVER && c.now <= 11 * TC_S);
    c.type->tick(c.engine, c.now);
    h3_turn(&e);
    assert_int_equal(h3_flow_of(&e, 0)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(h3_flow_of(&e, 4)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(c.reached.header_ms, 2);
    assert_int_equal(c.log.len, 0);
    assert_int_equal(c.type->deadline(c.engine), TC_NEVER);
    assert_true(c.type->idle(c.engine));
    end();
}

/* --- back-pressure and priorities --------------------------------------------------------------
 */

/* A handler that takes nothing holds its stream up, and only that. */
static void test_back_pressure(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    c.pause_every = 1;
    h3_raw_fields(&raw, H3_POST);
    h3_raw_frame(&raw, TC_H3_DATA, tc_span_of(big, 1000));
    h3_came(&e, 0, tc_span_of(raw.at, raw.len), false);
    raw.len = 0;
    h3_turn(&e);
    assert_int_equal(h3_flow_of(&e, 0)->in.len, 1000); /* it is not taken */
    c.pause_every = 0;
    const size_t held = c.held;
    c.held = 0;
    h3_raw_fields(&raw, H3_GET);
    tell(4, true, 0);
    assert_int_equal(c.closed, 1);
    assert_int_equal(h3_flow_of(&e, 0)->in.len, 1000);
    c.held = held;
    h3_turn(&e);
    assert_int_equal(h3_flow_of(&e, 0)->in.len, 0);
    tell(0, true, 0);
    assert_int_equal(c.closed, 2);
    end();
}

/* Whose output comes: the first letter of each turn's bytes says so. */
static void check_order(const char *first, const char *second, const char *update,
                        const uint64_t *order, size_t count)
{
    begin();
    h3_greet(&e);
    if (update) {
        h3_raw_varint(&raw, TC_H3_PRIORITY_UPDATE);
        h3_raw_varint(&raw, strlen(update) + 1);
        h3_raw_varint(&raw, 4);
        put(update, strlen(update));
        tell(CONTROL, false, 0); /* before the stream begins */
    }
    c.scripts[0].runs[0] = tc_span_of(big, 40000);
    e.window = 1; /* nothing goes before both are ready */
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_raw_fields(&raw, sid ? second : first);
        h3_flow_of(&e, sid)->may_send = 0;
        tell(sid, true, 0);
    }
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_flow_of(&e, sid)->may_send = UINT64_MAX;
        h3_flow_of(&e, sid)->blocked = false;
        c.type->blocked(c.engine, sid, false);
    }
    for (size_t i = 0; i < count; i++) {
        tc_run runs[8];
        uint64_t sid;
        bool fin;
        size_t n = 0;
        const size_t runs_count = c.type->output(c.engine, &sid, runs, 8, 16384, &fin);
        for (size_t j = 0; j < runs_count; j++)
            n += runs[j].len;
        assert_int_equal(sid, order[i]);
        c.type->wrote(c.engine, sid, n);
    }
    end();
}

static void test_priorities(void **state)
{
    (void)state;
    static const uint64_t plain[] = {0, 0, 0, 4, 4, 4}, urgent[] = {4, 4, 4, 0, 0, 0},
                          turns[] = {0, 4, 0, 4, 0, 4};
    check_order(H3_GET, H3_GET, NULL, plain, 6);
    check_order(H3_GET, H3_GET "priority: u=1\n", NULL, urgent, 6);
    check_order(H3_GET "priority: i\n", H3_GET "priority: u=3, i\n", NULL, turns, 6);
    check_order(H3_GET, H3_GET, "u=1", urgent, 6);
    check_order(H3_GET, H3_GET "priority: u=5\n", "u=1", urgent, 6);
}

static void test_drain(void **state)
{
    (void)state;
    tc_span payload;
    begin();
    e.acks_by_hand = true;
    h3_greet(&e);
    h3_raw_fields(&raw, H3_POST);
    tell(0, false, 0);
    h3_flow *control = h3_flow_of(&e, 3);
    c.type->drain(c.engine);
    h3_turn(&e);
    assert_true(h3_sent(&e, 3, TC_H3_GOAWAY, 0, &payload));
    assert_true(tc_span_eq(payload, TC_SPAN("\xff\xff\xff\xff\xff\xff\xff\xfc")));
    h3_raw_fields(&raw, H3_POST); /* was on its way */
    tell(4, false, 0);
    h3_ack(&e, control, control->out_all - control->acked);
    h3_turn(&e);
    assert_true(h3_sent(&e, 3, TC_H3_GOAWAY, 1, &payload));
    check_span(payload, "\x08");
    h3_raw_fields(&raw, H3_POST); /* came too late */
    tell(8, false, 0);
    assert_int_equal(h3_flow_of(&e, 8)->reset_code, TC_H3_REQUEST_REJECTED);
    assert_false(e.closed);
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("x"));
        tell(sid, true, 0);
        assert_int_equal(c.closed, sid / 4); /* it is ours until the peer has it */
        h3_ack(&e, h3_flow_of(&e, sid), h3_flow_of(&e, sid)->out_all);
        h3_turn(&e);
        assert_int_equal(c.closed, sid / 4 + 1);
    }
    h3_ack(&e, control, control->out_all - control->acked);
    h3_turn(&e);
    assert_true(e.closed);
    assert_int_equal(e.close_code, TC_H3_NO_ERROR);
    end();
}

static void answer_early(void)
{
    h3_greet(&e);
    c.scripts[0].at_head = true;
    h3_raw_fields(&raw, H3_POST);
    tell(0, false, 0);
}

/* A whole answer ends the exchange. A little of the rest of the request is thrown away; more is
 * asked for no more. */
static void test_early_answer(void **state)
{
    (void)state;
    static const char much[3000];
    for (int how = 0; how < 5; how++) {
        begin();
        c.limits.unread_body = 5000;
        answer_early();
        assert_false(h3_flow_of(&e, 0)->was_stopped);
        assert_int_equal(c.closed, 0);
        h3_raw_frame(&raw, TC_H3_DATA, tc_span_of(much, sizeof much));
        tell(0, how == 0, 0);
        if (how == 1) c.type->stopped(c.engine, 0, TC_H3_REQUEST_CANCELLED, false);
        if (how == 2) {
            h3_raw_frame(&raw, TC_H3_DATA, tc_span_of(much, sizeof much));
            tell(0, false, 0);
        }
        if (how == 3) {
            assert_int_equal(c.type->deadline(c.engine),
                             c.now + (int64_t)c.limits.linger_ms * TC_MS);
            c.now += (int64_t)c.limits.linger_ms * TC_MS;
            c.type->tick(c.engine, c.now);
        }
        if (how == 4) { /* fields that are not read are not waited for */
            h3_raw_fields(&raw, "x-sum: 1\n");
            tell(0, true, 0);
        }
        h3_turn(&e);
        assert_int_equal(h3_flow_of(&e, 0)->was_stopped, how == 2 || how == 3);
        assert_false(h3_flow_of(&e, 0)->was_reset);
        assert_int_equal(c.reached.unread_body, how == 2);
        assert_int_equal(c.reached.linger_ms, how == 3);
        assert_int_equal(c.closed, 1);
        check_span(tc_buf_span(&c.log), "head POST / 3 host=a length=-1\nclosed\n");
        assert_false(e.closed);
        end();
    }
    begin();
    c.limits.linger_ms = 0;
    answer_early();
    assert_true(h3_flow_of(&e, 0)->was_stopped);
    assert_int_equal(h3_flow_of(&e, 0)->stop_code, TC_H3_NO_ERROR);
    assert_false(h3_flow_of(&e, 0)->was_reset);
    check_span(tc_buf_span(&c.log), "head POST / 3 host=a length=-1\nclosed\n");
    end();
}

/* What a browser asks and a server answers fits the room of an exchange. */
static void test_exchanges_take_no_memory(void **state)
{
    (void)state;
    begin();
    h3_greet(&e);
    static tc_field fields[8];
    for (size_t i = 0; i < 8; i++)
        fields[i] = (tc_field){TC_SPAN("x-field-of-a-usual-length"),
                               TC_SPAN("a value of a usual length"), TC_FIELD_OTHER};
    tc_block block = {.fields = {.at = fields, .count = 8, .room = 8}, .length = TC_LENGTH_UNKNOWN};
    c.block = &block;
    e.acks_by_hand = true; /* so that it is still there to look at */
    h3_raw_fields(
        &raw,
        H3_GET "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
               "Gecko) Chrome/146.0.0.0 Safari/537.36\n"
               "sec-ch-ua-platform: \"Linux\"\nsec-fetch-dest: document\nsec-fetch-mode: navigate\n"
               "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\n"
               "sec-fetch-site: none\nsec-fetch-user: ?1\nupgrade-insecure-requests: 1\n"
               "accept-encoding: gzip, deflate, br, zstd\naccept-language: en-US,en;q=0.9\n"
               "priority: u=0, i\n");
    tell(0, true, 0);
    assert_non_null(c.last);
    assert_true(h3_flow_of(&e, 0)->out_fin);
    assert_int_equal(c.last->arena.held, 0);
    end();
}

/* Whoever looks on sees frames, and fields as they were meant. */
static void test_notes(void **state)
{
    (void)state;
    begin();
    c.env.notes = true;
    h3_greet(&e);
    h3_raw_fields(&raw, H3_GET "x: y\n");
    tell(0, true, 0);
    static const char *const wanted[] = {
        "note < \"SETTINGS stream 2, 0 bytes\"",
        "note < \"HEADERS stream 0, 55 bytes for 60 (8 % saved)\"\nnote < \":method: GET\"\n",
        "note < \"x: y\"\nhead GET / 3",
        "note > \"HEADERS stream 0, ",
        "note > \":status: 200\"\nnote > \"content-length: 5\"\n",
        "note > \"DATA stream 0, 5 bytes\"",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!h3_logged(&e, wanted[i]))
            fail_msg("%s in:\n%.*s", wanted[i], TC_FMT(tc_buf_span(&c.log)));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_frames_out_of_order),
        cmocka_unit_test(test_critical_streams),
        cmocka_unit_test(test_grease),
        cmocka_unit_test(test_grease_of_ours),
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_wrong_targets),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_limits_of_fields),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_blocked_streams),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_acknowledgements_that_nobody_reads),
        cmocka_unit_test(test_too_many_streams),
        cmocka_unit_test(test_hostage),
        cmocka_unit_test(test_slow_heads),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_exchanges_take_no_memory),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests_name("h3_server", tests, NULL, NULL);
}
