/* h3_server.c - what a server does with what clients of HTTP/3 say: messages, back-pressure,
 * priorities and its end (RFC 9114). */
// SPDX-License-Identifier: MIT

#include "base/clock.h"
#include "support/h3_case.h"

static char big[100000];

/* --- messages -------------------------------------------------------------------------------- */

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
        h3_case_begin();
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, wrong[i]);
        h3_case_tell(0, true, i % 2);
        h3_raw_fields(&h3_said, H3_GET);
        h3_case_tell(4, true, 0);
        check_case(h3_flow_of(&h3_side, 0)->was_reset, wrong[i]);
        check_case(h3_flow_of(&h3_side, 0)->reset_code == TC_H3_MESSAGE_ERROR, wrong[i]);
        check_case(!h3_side.closed, wrong[i]);
        /* nobody saw it, and the next one is served */
        check_span(tc_buf_span(&h3_conn.log), "head GET / 3 host=a\nclosed\n");
        h3_case_end();
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
        h3_case_begin();
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, wrong[i]);
        h3_case_tell(0, true, i % 2);
        check_case(!h3_flow_of(&h3_side, 0)->was_reset && !h3_side.closed, wrong[i]);
        check_case(h3_logged(&h3_side, "broken "), wrong[i]);
        check_case(h3_logged(&h3_side, " 400 GET"), wrong[i]);
        h3_case_end();
    }
}

static void test_good_requests(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    h3_raw_fields(&h3_said, H3_GET "cookie: a=1\nx: y\ncookie: b=2\nte: trailers\nhost: A\n");
    h3_case_tell(0, true, 1);
    h3_raw_fields(&h3_said, H3_POST "content-length: 3\nexpect: 100-continue\n");
    h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("ab"));
    h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("c"));
    h3_raw_fields(&h3_said, "x-sum: 3\n");
    h3_case_tell(4, true, 1);
    h3_raw_fields(&h3_said, ":method: OPTIONS\n:scheme: http\n:path: *\nhost: a\n");
    h3_case_tell(8, false, 1);
    h3_case_tell(8, true, 0);
    check_span(tc_buf_span(&h3_conn.log),
               "head GET / 3 host=a [cookie: a=1; b=2; x: y]\nclosed\n"
               "head POST / 3 host=a length=3 continue [content-length: 3; expect: 100-continue]\n"
               "data \"abc\"\ntrailers [x-sum: 3]\nclosed\n"
               "head OPTIONS * 3 host=a length=-1\nclosed\n");
    for (uint64_t sid = 0; sid < 12; sid += 4) {
        tc_span payload;
        assert_true(h3_sent(&h3_side, sid, TC_H3_DATA, 0, &payload));
        check_span(payload, "hello");
        assert_true(h3_flow_of(&h3_side, sid)->out_fin);
    }
    h3_case_end();
}

static void test_lengths(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        h3_case_begin();
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, H3_POST "content-length: 3\n");
        if (i == 0) h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("four"));
        if (i == 1) h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("tw"));
        if (i == 2) h3_raw_fields(&h3_said, "x: y\n");
        h3_case_tell(0, true, (size_t)i % 2);
        assert_int_equal(h3_flow_of(&h3_side, 0)->reset_code, TC_H3_MESSAGE_ERROR);
        assert_true(i == 3 ? h3_conn.log.len == 0 : h3_logged(&h3_side, "closed "));
        assert_false(h3_side.closed);
        h3_case_end();
    }
    h3_case_begin(); /* no request at all */
    h3_greet(&h3_side);
    h3_case_tell(0, true, 0);
    assert_int_equal(h3_flow_of(&h3_side, 0)->reset_code, TC_H3_REQUEST_INCOMPLETE);
    assert_int_equal(h3_conn.log.len, 0);
    h3_case_end();
}

static void test_limits_of_fields(void **state)
{
    (void)state;
    h3_case_begin();
    h3_conn.limits.fields_count = 3;
    h3_greet(&h3_side);
    h3_raw_fields(&h3_said, H3_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h3_case_tell(0, true, 0);
    assert_true(h3_logged(&h3_side, "broken FIELDS_TOO_MANY 431"));
    assert_int_equal(h3_conn.reached.fields_count, 1);
    h3_case_end();
    h3_case_begin();
    h3_conn.limits.fields_bytes = 300;
    h3_greet(&h3_side);
    h3_raw_fields(&h3_said, H3_GET "a: 1\nb: 1\nc: 1\nd: 1\n");
    h3_case_tell(0, true, 0);
    assert_true(h3_logged(&h3_side, "broken FIELDS_TOO_LARGE 431"));
    h3_case_end();
    for (size_t step = 0; step < 2; step++) { /* a frame that is larger than all fields may be */
        h3_case_begin();
        h3_conn.limits.fields_bytes = 300;
        h3_greet(&h3_side);
        h3_case_put("\x01\x42\x00", 3);
        h3_case_put(big, 400);
        h3_case_tell(0, step, step);
        check_span(tc_buf_span(&h3_conn.log), "broken FIELDS_TOO_LARGE 431\nclosed\n");
        assert_true(h3_sent(&h3_side, 0, TC_H3_HEADERS, 0, NULL));
        assert_true(h3_flow_of(&h3_side, 0)->out_fin);
        assert_true(h3_flow_of(&h3_side, 0)->was_stopped);
        assert_int_equal(h3_flow_of(&h3_side, 0)->stop_code, TC_H3_NO_ERROR);
        const tc_span said = tc_buf_span(&h3_flow_of(&h3_side, 11)->out); /* its entries are free */
        assert_true(tc_span_eq(said, TC_SPAN("\x03\x40")));
        assert_int_equal(h3_conn.reached.fields_bytes, 1);
        assert_false(h3_side.closed);
        h3_case_end();
        h3_case_begin(); /* and as trailers */
        h3_conn.limits.fields_bytes = 300;
        h3_greet(&h3_side);
        h3_raw_fields(&h3_said, H3_POST);
        h3_case_put("\x01\x42\x00", 3);
        h3_case_tell(0, false, step);
        assert_int_equal(h3_flow_of(&h3_side, 0)->reset_code, TC_H3_EXCESSIVE_LOAD);
        assert_int_equal(h3_conn.reached.fields_bytes, 1);
        assert_false(h3_side.closed);
        h3_case_end();
    }
}

/* A small section that names a large entry again and again, as a head and as trailers. */
static void test_bombs(void **state)
{
    (void)state;
    for (int trailers = 0; trailers < 2; trailers++) {
        h3_case_begin();
        h3_greet(&h3_side);
        h3_case_put("\x02\x3f\xe1\x1f\x41y\x7f\xa1\x1e", 9);
        memset(h3_said.at + h3_said.len, 'b', 4000);
        h3_said.len += 4000;
        h3_case_tell(ENCODER, false, 0);
        if (trailers) h3_raw_fields(&h3_said, H3_POST);
        char section[3000] = {2, 0};
        memset(section + 2, 0x80, sizeof section - 2);
        h3_raw_frame(&h3_said, TC_H3_HEADERS, tc_span_of(section, sizeof section));
        h3_case_tell(0, true, 0);
        assert_true(h3_conn.reached.fields_bytes + h3_conn.reached.fields_count == 1);
        assert_true(trailers || h3_logged(&h3_side, "broken "));
        assert_true(!trailers || h3_flow_of(&h3_side, 0)->reset_code == TC_H3_MESSAGE_ERROR);
        assert_false(h3_side.closed);
        h3_case_end();
    }
}

/* --- back-pressure and priorities ------------------------------------------------------------ */

/* A handler that takes nothing holds its stream up, and only that. */
static void test_back_pressure(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    h3_conn.pause_every = 1;
    h3_raw_fields(&h3_said, H3_POST);
    h3_raw_frame(&h3_said, TC_H3_DATA, tc_span_of(big, 1000));
    h3_came(&h3_side, 0, tc_span_of(h3_said.at, h3_said.len), false);
    h3_said.len = 0;
    h3_turn(&h3_side);
    assert_int_equal(h3_flow_of(&h3_side, 0)->in.len, 1000); /* it is not taken */
    h3_conn.pause_every = 0;
    const size_t held = h3_conn.held;
    h3_conn.held = 0;
    h3_raw_fields(&h3_said, H3_GET);
    h3_case_tell(4, true, 0);
    assert_int_equal(h3_conn.closed, 1);
    assert_int_equal(h3_flow_of(&h3_side, 0)->in.len, 1000);
    h3_conn.held = held;
    h3_turn(&h3_side);
    assert_int_equal(h3_flow_of(&h3_side, 0)->in.len, 0);
    h3_case_tell(0, true, 0);
    assert_int_equal(h3_conn.closed, 2);
    h3_case_end();
}

/* Whose output comes: the first letter of each turn's bytes says so. */
static void check_order(const char *first, const char *second, const char *update,
                        const uint64_t *order, size_t count)
{
    h3_case_begin();
    h3_greet(&h3_side);
    if (update) {
        h3_raw_varint(&h3_said, TC_H3_PRIORITY_UPDATE);
        h3_raw_varint(&h3_said, strlen(update) + 1);
        h3_raw_varint(&h3_said, 4);
        h3_case_put(update, strlen(update));
        h3_case_tell(CONTROL, false, 0); /* before the stream begins */
    }
    h3_conn.scripts[0].runs[0] = tc_span_of(big, 40000);
    h3_side.window = 1; /* nothing goes before both are ready */
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_raw_fields(&h3_said, sid ? second : first);
        h3_flow_of(&h3_side, sid)->may_send = 0;
        h3_case_tell(sid, true, 0);
    }
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_flow_of(&h3_side, sid)->may_send = UINT64_MAX;
        h3_flow_of(&h3_side, sid)->blocked = false;
        h3_conn.type->blocked(h3_conn.engine, sid, false);
    }
    for (size_t i = 0; i < count; i++) {
        tc_run runs[8];
        uint64_t sid;
        bool fin;
        size_t n = 0;
        const size_t runs_count = h3_conn.type->output(h3_conn.engine, &sid, runs, 8, 16384, &fin);
        for (size_t j = 0; j < runs_count; j++)
            n += runs[j].len;
        assert_int_equal(sid, order[i]);
        h3_conn.type->wrote(h3_conn.engine, sid, n);
    }
    h3_case_end();
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
    h3_case_begin();
    h3_side.acks_by_hand = true;
    h3_greet(&h3_side);
    h3_raw_fields(&h3_said, H3_POST);
    h3_case_tell(0, false, 0);
    h3_flow *control = h3_flow_of(&h3_side, 3);
    h3_conn.type->drain(h3_conn.engine);
    h3_turn(&h3_side);
    assert_true(h3_sent(&h3_side, 3, TC_H3_GOAWAY, 0, &payload));
    assert_true(tc_span_eq(payload, TC_SPAN("\xff\xff\xff\xff\xff\xff\xff\xfc")));
    h3_raw_fields(&h3_said, H3_POST); /* was on its way */
    h3_case_tell(4, false, 0);
    h3_ack(&h3_side, control, control->out_all - control->acked);
    h3_turn(&h3_side);
    assert_true(h3_sent(&h3_side, 3, TC_H3_GOAWAY, 1, &payload));
    check_span(payload, "\x08");
    h3_raw_fields(&h3_said, H3_POST); /* came too late */
    h3_case_tell(8, false, 0);
    assert_int_equal(h3_flow_of(&h3_side, 8)->reset_code, TC_H3_REQUEST_REJECTED);
    assert_false(h3_side.closed);
    for (uint64_t sid = 0; sid < 8; sid += 4) {
        h3_raw_frame(&h3_said, TC_H3_DATA, TC_SPAN("x"));
        h3_case_tell(sid, true, 0);
        assert_int_equal(h3_conn.closed, sid / 4); /* it is ours until the peer has it */
        h3_ack(&h3_side, h3_flow_of(&h3_side, sid), h3_flow_of(&h3_side, sid)->out_all);
        h3_turn(&h3_side);
        assert_int_equal(h3_conn.closed, sid / 4 + 1);
    }
    h3_ack(&h3_side, control, control->out_all - control->acked);
    h3_turn(&h3_side);
    assert_true(h3_side.closed);
    assert_int_equal(h3_side.close_code, TC_H3_NO_ERROR);
    h3_case_end();
}

static void answer_early(void)
{
    h3_greet(&h3_side);
    h3_conn.scripts[0].at_head = true;
    h3_raw_fields(&h3_said, H3_POST);
    h3_case_tell(0, false, 0);
}

/* A whole answer ends the exchange. A little of the rest of the request is thrown away; more is
 * asked for no more. */
static void test_early_answer(void **state)
{
    (void)state;
    static const char much[3000];
    for (int how = 0; how < 5; how++) {
        h3_case_begin();
        h3_conn.limits.unread_body = 5000;
        answer_early();
        assert_false(h3_flow_of(&h3_side, 0)->was_stopped);
        assert_int_equal(h3_conn.closed, 0);
        h3_raw_frame(&h3_said, TC_H3_DATA, tc_span_of(much, sizeof much));
        h3_case_tell(0, how == 0, 0);
        if (how == 1) h3_conn.type->stopped(h3_conn.engine, 0, TC_H3_REQUEST_CANCELLED, false);
        if (how == 2) {
            h3_raw_frame(&h3_said, TC_H3_DATA, tc_span_of(much, sizeof much));
            h3_case_tell(0, false, 0);
        }
        if (how == 3) {
            assert_int_equal(h3_conn.type->deadline(h3_conn.engine),
                             h3_conn.now + (int64_t)h3_conn.limits.linger_ms * TC_MS);
            h3_conn.now += (int64_t)h3_conn.limits.linger_ms * TC_MS;
            h3_conn.type->tick(h3_conn.engine, h3_conn.now);
        }
        if (how == 4) { /* fields that are not read are not waited for */
            h3_raw_fields(&h3_said, "x-sum: 1\n");
            h3_case_tell(0, true, 0);
        }
        h3_turn(&h3_side);
        assert_int_equal(h3_flow_of(&h3_side, 0)->was_stopped, how == 2 || how == 3);
        assert_false(h3_flow_of(&h3_side, 0)->was_reset);
        assert_int_equal(h3_conn.reached.unread_body, how == 2);
        assert_int_equal(h3_conn.reached.linger_ms, how == 3);
        assert_int_equal(h3_conn.closed, 1);
        check_span(tc_buf_span(&h3_conn.log), "head POST / 3 host=a length=-1\nclosed\n");
        assert_false(h3_side.closed);
        h3_case_end();
    }
    h3_case_begin();
    h3_conn.limits.linger_ms = 0;
    answer_early();
    assert_true(h3_flow_of(&h3_side, 0)->was_stopped);
    assert_int_equal(h3_flow_of(&h3_side, 0)->stop_code, TC_H3_NO_ERROR);
    assert_false(h3_flow_of(&h3_side, 0)->was_reset);
    check_span(tc_buf_span(&h3_conn.log), "head POST / 3 host=a length=-1\nclosed\n");
    h3_case_end();
}

/* What a browser asks and a server answers fits the room of an exchange. */
static void test_exchanges_take_no_memory(void **state)
{
    (void)state;
    h3_case_begin();
    h3_greet(&h3_side);
    static tc_field fields[8];
    for (size_t i = 0; i < 8; i++)
        fields[i] = (tc_field){TC_SPAN("x-field-of-a-usual-length"),
                               TC_SPAN("a value of a usual length"), TC_FIELD_OTHER};
    tc_block block = {.fields = {.at = fields, .count = 8, .room = 8}, .length = TC_LENGTH_UNKNOWN};
    h3_conn.block = &block;
    h3_side.acks_by_hand = true; /* so that it is still there to look at */
    h3_raw_fields(
        &h3_said,
        H3_GET "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
               "Gecko) Chrome/146.0.0.0 Safari/537.36\n"
               "sec-ch-ua-platform: \"Linux\"\nsec-fetch-dest: document\nsec-fetch-mode: navigate\n"
               "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\n"
               "sec-fetch-site: none\nsec-fetch-user: ?1\nupgrade-insecure-requests: 1\n"
               "accept-encoding: gzip, deflate, br, zstd\naccept-language: en-US,en;q=0.9\n"
               "priority: u=0, i\n");
    h3_case_tell(0, true, 0);
    assert_non_null(h3_conn.last);
    assert_true(h3_flow_of(&h3_side, 0)->out_fin);
    assert_int_equal(h3_conn.last->arena.held, 0);
    h3_case_end();
}

/* Whoever looks on sees frames, and fields as they were meant. */
static void test_notes(void **state)
{
    (void)state;
    h3_case_begin();
    h3_conn.env.notes = true;
    h3_greet(&h3_side);
    h3_raw_fields(&h3_said, H3_GET "x: y\n");
    h3_case_tell(0, true, 0);
    static const char *const wanted[] = {
        "note < \"SETTINGS stream 2, 0 bytes\"",
        "note < \"HEADERS stream 0, 55 bytes for 60 (8 % saved)\"\nnote < \":method: GET\"\n",
        "note < \"x: y\"\nhead GET / 3",
        "note > \"HEADERS stream 0, ",
        "note > \":status: 200\"\nnote > \"content-length: 5\"\n",
        "note > \"DATA stream 0, 5 bytes\"",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!h3_logged(&h3_side, wanted[i]))
            fail_msg("%s in:\n%.*s", wanted[i], TC_FMT(tc_buf_span(&h3_conn.log)));
    h3_case_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_wrong_targets),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_limits_of_fields),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_exchanges_take_no_memory),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests_name("h3_server", tests, NULL, NULL);
}
