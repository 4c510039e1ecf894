/* h3_client.c - what servers do wrong, and what a client makes of it (RFC 9114). */
// SPDX-License-Identifier: MIT
#include "support/h3_end.h"

enum { CONTROL = 3, OTHER = 15 };

static h3_raw raw;
static conn c;
static h3_end e;

static void begin(size_t requests)
{
    h3_end_init(&e, &c, TC_CLIENT);
    for (size_t i = 0; i < requests; i++)
        c.scripts[i] =
            (script){.method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    c.script_count = requests;
    raw.len = 0;
    h3_turn(&e);
    h3_greet(&e);
}

static void end(void)
{
    h3_end_fini(&e);
}

static void test_good_responses(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin(3);
        h3_raw_fields(&raw, ":status: 103\nlink: x\n");
        h3_raw_fields(&raw, ":status: 200\ncontent-length: 2\n");
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("ab"));
        h3_tell(&e, 0, &raw, true, step);
        h3_raw_fields(&raw, ":status: 304\ncontent-length: 20\n");
        h3_tell(&e, 4, &raw, true, step);
        h3_raw_fields(&raw, ":status: 200\n");
        h3_raw_fields(&raw, "x-sum: 1\n");
        h3_tell(&e, 8, &raw, true, step);
        const char *text = "head 103 3 [link: x]\n"
                           "head 200 3 length=2 [content-length: 2]\ndata \"ab\"\nclosed\n"
                           "head 304 3 [content-length: 20]\nclosed\n"
                           "head 200 3 length=-1\ntrailers [x-sum: 1]\nclosed\n";
        check_span(tc_buf_span(&c.log), text);
        assert_false(e.closed);
        end();
    }
}

static void test_wrong_responses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "x: y\n",
        ":status: 20\n",
        ":status: 101\n",
        ":status: 200\n:path: /\n",
        ":status: 200\nX: y\n",
        ":status: 100\n",
        ":status: 200\ncontent-length: 4\n",
        ":status: 200\nconnection: close\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(1);
        h3_raw_fields(&raw, wrong[i]);
        h3_tell(&e, 0, &raw, true, i % 2);
        check_case(h3_logged(&e, "closed STREAM_RULES"), wrong[i]);
        check_case(!e.closed, wrong[i]);
        end();
    }
    begin(1); /* it says nothing at all */
    h3_tell(&e, 0, &raw, true, 0);
    check_span(tc_buf_span(&c.log), "closed HEAD_CUT\n");
    end();
    begin(1); /* less than it said */
    h3_raw_fields(&raw, ":status: 200\ncontent-length: 4\n");
    h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("abc"));
    h3_tell(&e, 0, &raw, true, 1);
    assert_true(h3_logged(&e, "closed BODY_CUT"));
    end();
    begin(1); /* 1xx without an end */
    for (int i = 0; i < 40; i++)
        h3_raw_fields(&raw, ":status: 103\n");
    h3_tell(&e, 0, &raw, false, 0);
    assert_true(h3_logged(&e, "closed TOO_MANY_1XX"));
    assert_true(h3_flow_of(&e, 0)->was_stopped);
    end();
}

static void test_violations(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t sid;
        tc_span bytes;
        enum tc_h3_code code;
    } rows[] = {
        {"a push stream", OTHER, {"\x01\0", 2}, TC_H3_ID_ERROR},
        {"PUSH_PROMISE", 0, {"\x05\x03\0\0\0", 5}, TC_H3_ID_ERROR},
        {"CANCEL_PUSH", CONTROL, {"\x03\x01\0", 3}, TC_H3_ID_ERROR},
        {"MAX_PUSH_ID", CONTROL, {"\x0d\x01\0", 3}, TC_H3_FRAME_UNEXPECTED},
        {"PRIORITY_UPDATE", CONTROL, {"\x80\x0f\x07\0\x01\0", 6}, TC_H3_FRAME_UNEXPECTED},
        {"GOAWAY of no request", CONTROL, {"\x07\x01\x01", 3}, TC_H3_ID_ERROR},
        {"a stream of the server's", 1, {"\x01", 1}, TC_H3_STREAM_CREATION_ERROR},
        {"a stream not asked for", 40, {"\x01", 1}, TC_H3_STREAM_CREATION_ERROR},
        {"DATA first", 0, {"\0\x01x", 3}, TC_H3_FRAME_UNEXPECTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(1);
        h3_came(&e, rows[i].sid, rows[i].bytes, false);
        h3_turn(&e);
        if (!e.closed || e.close_code != rows[i].code)
            fail_msg("%s: %s", rows[i].what, e.closed ? tc_h3_code_name(e.close_code) : "nothing");
        check_span(tc_buf_span(&c.log), "closed FRAMES\n");
        end();
    }
    begin(0); /* with no exchange to say it of */
    h3_came(&e, OTHER, TC_SPAN("\x01"), false);
    h3_turn(&e);
    check_span(tc_buf_span(&c.log), "failed FRAMES\n");
    end();
}

static void test_refused_and_gone(void **state)
{
    (void)state;
    begin(2);
    c.type->stopped(c.engine, 0, TC_H3_REQUEST_REJECTED, false);
    c.type->stopped(c.engine, 4, TC_H3_INTERNAL_ERROR, false);
    h3_turn(&e);
    check_span(tc_buf_span(&c.log), "closed REFUSED\nclosed STREAM_RESET\n");
    end();
    begin(3);
    h3_came(&e, CONTROL, TC_SPAN("\x07\x01\x08"), false);
    h3_turn(&e);
    check_span(tc_buf_span(&c.log), "closed REFUSED\n");
    h3_came(&e, CONTROL, TC_SPAN("\x07\x01\x04"), false); /* it may fall */
    h3_turn(&e);
    h3_raw_fields(&raw, ":status: 204\n");
    h3_tell(&e, 0, &raw, true, 0);
    check_span(tc_buf_span(&c.log), "closed REFUSED\nclosed REFUSED\nhead 204 3\nclosed\n");
    assert_true(e.closed);
    assert_int_equal(e.close_code, TC_H3_NO_ERROR);
    end();
    begin(2);
    h3_came(&e, CONTROL, TC_SPAN("\x07\x01\x04\x07\x01\x08"), false); /* it may not rise */
    h3_turn(&e);
    assert_int_equal(e.close_code, TC_H3_ID_ERROR);
    end();
}

/* A server that wants no more of a request still answers it. */
static void test_answer_before_the_end(void **state)
{
    (void)state;
    begin(0);
    c.scripts[0] = (script){.method = TC_SPAN("POST"),
                            .path = TC_SPAN("/"),
                            .host = TC_SPAN("a"),
                            .run_count = 1,
                            .runs = {TC_SPAN("content that nobody wants")}};
    c.script_count = 1;
    h3_flow_of(&e, 0)->may_send = 10;
    e.window = 1;
    h3_turn(&e);
    c.type->stopped(c.engine, 0, TC_H3_NO_ERROR, true);
    h3_turn(&e);
    assert_true(h3_flow_of(&e, 0)->was_reset);
    assert_int_equal(c.closed, 0);
    h3_raw_fields(&raw, ":status: 200\n");
    h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("so be it"));
    h3_tell(&e, 0, &raw, true, 0);
    check_span(tc_buf_span(&c.log), "head 200 3 length=-1\ndata \"so be it\"\nclosed\n");
    end();
}

/* Requests go into the table once settings allow it; secrets never. */
static void test_table_is_used(void **state)
{
    (void)state;
    begin(0);
    h3_end_fini(&e);
    h3_end_init(&e, &c, TC_CLIENT);
    for (size_t i = 0; i < 3; i++)
        c.scripts[i] = (script){
            .method = TC_SPAN("GET"),
            .path = TC_SPAN("/"),
            .host = TC_SPAN("www.example.com"),
            .field_count = 2,
            .fields = {TC_SPAN("user-agent: tercet"), TC_SPAN("authorization: Basic abc")}};
    c.script_count = 1;
    h3_turn(&e); /* before the settings */
    h3_came(&e, CONTROL, TC_SPAN("\0\x04\x06\x01\x50\0\x07\x40\x64"), false);
    h3_turn(&e);
    c.script_count = 3;
    h3_turn(&e);
    assert_int_equal(h3_flow_of(&e, 6)->sid, 6);
    tc_span first = {0}, last = {0};
    assert_true(h3_sent(&e, 0, TC_H3_HEADERS, 0, &first));
    assert_true(h3_sent(&e, 8, TC_H3_HEADERS, 0, &last));
    assert_true(last.len + 10 < first.len);
    const tc_span instructions = tc_buf_span(&h3_flow_of(&e, 6)->out);
    for (size_t i = 0; i < instructions.len; i++)
        assert_false(tc_span_starts(tc_span_from(instructions, i), TC_SPAN("asic")));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_responses),
        cmocka_unit_test(test_wrong_responses),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_refused_and_gone),
        cmocka_unit_test(test_answer_before_the_end),
        cmocka_unit_test(test_table_is_used),
    };
    return cmocka_run_group_tests_name("h3_client", tests, NULL, NULL);
}
