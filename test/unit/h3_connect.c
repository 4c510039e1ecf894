/* h3_connect.c - CONNECT over HTTP/3 (RFC 9114, 4.4), both ends. */
// SPDX-License-Identifier: MIT
#include "support/h3_end.h"

static h3_raw raw;
static conn c;
static h3_end e;

static void begin(enum tc_role role, unsigned status)
{
    h3_end_init(&e, &c, role);
    c.scripts[0] = (script){.status = status,
                            .method = TC_SPAN("CONNECT"),
                            .host = TC_SPAN("a:1"),
                            .run_count = 1,
                            .runs = {TC_SPAN("hello")}};
    c.script_count = 1;
    raw.len = 0;
    h3_greet(&e);
    if (role == TC_CLIENT) h3_turn(&e);
}

static void connect_to(const char *authority)
{
    char text[256] = ":method: CONNECT\n:authority: ";
    strcat(strcat(text, authority), "\n");
    h3_raw_fields(&raw, text);
}

static void check_log(const char *text)
{
    check_span(tc_buf_span(&c.log), text);
}

/* Each half ends alone, in either order. */
static void test_halves(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        tc_span payload;
        begin(TC_SERVER, 200);
        connect_to("a:1");
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("ab"));
        h3_tell(&e, 0, &raw, false, step);
        assert_true(h3_sent(&e, 0, TC_H3_DATA, 0, &payload));
        check_span(payload, "hello");
        assert_true(h3_flow_of(&e, 0)->out_fin);
        assert_false(h3_logged(&e, "closed"));
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("cd"));
        h3_tell(&e, 0, &raw, true, step);
        check_log("head CONNECT  3 host=a:1 length=-1\ndata \"abcd\"\nclosed\n");
        assert_false(e.closed);
        h3_end_fini(&e);
        begin(TC_SERVER, 200);
        connect_to("a:1");
        h3_tell(&e, 0, &raw, true, step); /* theirs is over from the begin */
        check_log("head CONNECT  3 host=a:1\nclosed\n");
        h3_end_fini(&e);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a", "a:0", "a:65536", "a:http"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(TC_SERVER, 200);
        connect_to(wrong[i]);
        h3_tell(&e, 0, &raw, true, 0);
        check_case(h3_logged(&e, " 400 CONNECT"), wrong[i]);
        h3_end_fini(&e);
    }
    begin(TC_SERVER, 200);
    h3_raw_fields(&raw, ":method: CONNECT\n:authority: a:1\ncontent-length: 2\n");
    h3_tell(&e, 0, &raw, false, 0);
    assert_true(h3_logged(&e, "broken CONNECT_CONTENT 400"));
    h3_end_fini(&e);
}

static void test_fields_behind_the_head(void **state)
{
    (void)state;
    begin(TC_SERVER, 200);
    connect_to("a:1");
    h3_raw_fields(&raw, "x: y\n");
    h3_tell(&e, 0, &raw, false, 0);
    assert_true(e.closed);
    assert_int_equal(e.close_code, TC_H3_FRAME_UNEXPECTED);
    h3_end_fini(&e);
}

static void test_broken(void **state)
{
    (void)state;
    begin(TC_SERVER, 200);
    connect_to("a:1");
    h3_tell(&e, 0, &raw, false, 0);
    c.type->abort(c.engine, c.last, TC_ERR_TUNNEL);
    h3_turn(&e);
    assert_true(h3_flow_of(&e, 0)->was_reset || h3_flow_of(&e, 0)->out_fin);
    assert_true(h3_flow_of(&e, 0)->was_stopped);
    assert_int_equal(h3_flow_of(&e, 0)->stop_code, TC_H3_CONNECT_ERROR);
    assert_true(h3_logged(&e, "closed TUNNEL"));
    h3_end_fini(&e);
}

/* A client's: lengths mean nothing, and nothing is sent before the answer. */
static void test_client(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        tc_span payload;
        begin(TC_CLIENT, 0);
        assert_true(h3_sent(&e, 0, TC_H3_HEADERS, 0, &payload));
        assert_false(h3_sent(&e, 0, TC_H3_DATA, 0, &payload));
        h3_raw_fields(&raw, ":status: 200\ncontent-length: 1\n");
        h3_raw_frame(&raw, TC_H3_DATA, TC_SPAN("pong"));
        h3_tell(&e, 0, &raw, true, step);
        assert_true(h3_sent(&e, 0, TC_H3_DATA, 0, &payload));
        check_span(payload, "hello");
        check_log("head 200 3 length=-1 [content-length: 1]\ndata \"pong\"\nclosed\n");
        assert_false(e.closed);
        h3_end_fini(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_fields_behind_the_head),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests_name("h3_connect", tests, NULL, NULL);
}
