/* h2_frame.c - the rules of frames and settings, one by one, against their table. */
// SPDX-License-Identifier: MIT
#include "h2/frame.h"

#include "http/priority.h"

#include "support/check.h"

static void test_heads(void **state)
{
    (void)state;
    char at[TC_H2_FRAME_HEAD];
    for (int i = 0; i < 1000; i++) {
        const tc_h2_head head = {
            (uint32_t)check_random_below(1 << 24), (uint32_t)check_random_below(UINT64_C(1) << 31),
            (uint8_t)check_random_below(256), (uint8_t)check_random_below(256)};
        tc_h2_head_write(at, head);
        at[5] = (char)(at[5] | 0x80); /* reserved, and ignored */
        const tc_h2_head again = tc_h2_head_read(at);
        assert_int_equal(again.length, head.length);
        assert_int_equal(again.stream, head.stream);
        assert_int_equal(again.type, head.type);
        assert_int_equal(again.flags, head.flags);
    }
}

static void test_rules(void **state)
{
    (void)state;
    const enum tc_h2_code OK = TC_H2_NO_ERROR, PROTOCOL = TC_H2_PROTOCOL_ERROR,
                          SIZE = TC_H2_FRAME_SIZE_ERROR;
    const struct {
        const char *what;
        tc_h2_head head;
        enum tc_role at;
        enum tc_h2_code code;
        bool stream;
    } cases[] = {
        {"DATA", {100, 1, 0, 0}, TC_SERVER, OK, false},
        {"DATA of the connection", {100, 0, 0, 0}, TC_SERVER, PROTOCOL, false},
        {"DATA too long", {16385, 1, 0, 0}, TC_SERVER, SIZE, false},
        {"DATA padded by nothing", {0, 1, 0, 8}, TC_SERVER, SIZE, false},
        {"HEADERS", {0, 1, 1, 4}, TC_CLIENT, OK, false},
        {"HEADERS of the connection", {1, 0, 1, 4}, TC_SERVER, PROTOCOL, false},
        {"PRIORITY", {5, 1, 2, 0}, TC_SERVER, OK, false},
        {"PRIORITY too short", {4, 1, 2, 0}, TC_SERVER, SIZE, true},
        {"PRIORITY of the connection", {5, 0, 2, 0}, TC_SERVER, PROTOCOL, false},
        {"RST_STREAM", {4, 1, 3, 0}, TC_CLIENT, OK, false},
        {"RST_STREAM too long", {5, 1, 3, 0}, TC_CLIENT, SIZE, false},
        {"RST_STREAM of the connection", {4, 0, 3, 0}, TC_CLIENT, PROTOCOL, false},
        {"SETTINGS", {12, 0, 4, 0}, TC_CLIENT, OK, false},
        {"SETTINGS not of sixes", {7, 0, 4, 0}, TC_CLIENT, SIZE, false},
        {"SETTINGS of a stream", {6, 1, 4, 0}, TC_CLIENT, PROTOCOL, false},
        {"SETTINGS acknowledged with values", {6, 0, 4, 1}, TC_CLIENT, SIZE, false},
        {"PUSH_PROMISE to a client", {9, 1, 5, 4}, TC_CLIENT, TC_H2_NO_ERROR, false},
        {"PUSH_PROMISE of three bytes", {3, 1, 5, 4}, TC_CLIENT, SIZE, false},
        {"PUSH_PROMISE on no stream", {9, 0, 5, 4}, TC_CLIENT, PROTOCOL, false},
        {"PUSH_PROMISE to a server", {9, 1, 5, 4}, TC_SERVER, PROTOCOL, false},
        {"PING", {8, 0, 6, 0}, TC_SERVER, OK, false},
        {"PING too short", {7, 0, 6, 0}, TC_SERVER, SIZE, false},
        {"PING of a stream", {8, 1, 6, 0}, TC_SERVER, PROTOCOL, false},
        {"GOAWAY", {8, 0, 7, 0}, TC_SERVER, OK, false},
        {"GOAWAY too short", {7, 0, 7, 0}, TC_SERVER, SIZE, false},
        {"GOAWAY of a stream", {8, 1, 7, 0}, TC_SERVER, PROTOCOL, false},
        {"WINDOW_UPDATE of a stream", {4, 1, 8, 0}, TC_SERVER, OK, false},
        {"WINDOW_UPDATE of the connection", {4, 0, 8, 0}, TC_SERVER, OK, false},
        {"WINDOW_UPDATE too short", {3, 0, 8, 0}, TC_SERVER, SIZE, false},
        {"CONTINUATION", {9, 1, 9, 0}, TC_SERVER, OK, false},
        {"CONTINUATION of the connection", {9, 0, 9, 0}, TC_SERVER, PROTOCOL, false},
        {"PRIORITY_UPDATE", {4, 0, 16, 0}, TC_SERVER, OK, false},
        {"PRIORITY_UPDATE to a client", {4, 0, 16, 0}, TC_CLIENT, PROTOCOL, false},
        {"PRIORITY_UPDATE of a stream", {4, 1, 16, 0}, TC_SERVER, PROTOCOL, false},
        {"unknown", {9, 1, 99, 255}, TC_SERVER, OK, false},
        {"unknown, too long", {16385, 0, 99, 0}, TC_SERVER, SIZE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_h2_fault fault = tc_h2_check(&cases[i].head, cases[i].at);
        check_case(fault.code == cases[i].code, cases[i].what);
        check_case(fault.stream == cases[i].stream, cases[i].what);
    }
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        uint32_t value;
        enum tc_h2_code code;
        bool known;
    } cases[] = {
        {1, UINT32_MAX, TC_H2_NO_ERROR, true},
        {2, 0, TC_H2_NO_ERROR, true},
        {2, 2, TC_H2_PROTOCOL_ERROR, true},
        {4, INT32_MAX, TC_H2_NO_ERROR, true},
        {4, UINT32_C(1) << 31, TC_H2_FLOW_CONTROL_ERROR, true},
        {5, 16384, TC_H2_NO_ERROR, true},
        {5, 16383, TC_H2_PROTOCOL_ERROR, true},
        {5, 16777216, TC_H2_PROTOCOL_ERROR, true},
        {9, 2, TC_H2_PROTOCOL_ERROR, true},
        {0, 7, TC_H2_NO_ERROR, false},
        {7, 7, TC_H2_NO_ERROR, false},
        {0xffff, 7, TC_H2_NO_ERROR, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool known;
        assert_int_equal(tc_h2_check_setting(cases[i].number, cases[i].value, &known),
                         cases[i].code);
        assert_int_equal(known, cases[i].known);
    }
    assert_int_equal(tc_h2_setting_first(TC_H2_INITIAL_WINDOW_SIZE), 65535);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tc_h2_type_name(9), "CONTINUATION");
    assert_null(tc_h2_type_name(99));
    assert_string_equal(tc_h2_code_name(11), "ENHANCE_YOUR_CALM");
    assert_string_equal(tc_h2_code_name(14), "an unknown code");
    assert_int_equal(tc_h2_code_err(7), TC_ERR_REFUSED);
    assert_int_equal(tc_h2_code_err(999), TC_ERR_STREAM_RESET);
    assert_string_equal(tc_h2_setting_name(3), "MAX_CONCURRENT_STREAMS");
    assert_null(tc_h2_setting_name(7));
}

static void test_priority(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint8_t urgency;
        bool incremental;
    } cases[] = {
        {"", 3, false},    {"u=0", 0, false},    {"u=7, i", 7, true},
        {"i", 3, true},    {"i=?0", 3, false},   {"i=?1,u=1", 1, true},
        {"u=8", 3, false}, {"u=-1", 3, false},   {"u=5;x=y, i;z", 5, true},
        {"U=1", 3, false}, {",,u=2,", 2, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_priority p = {TC_URGENCY, false};
        tc_priority_read(tc_span_str(cases[i].value), &p);
        check_case(p.urgency == cases[i].urgency, cases[i].value);
        check_case(p.incremental == cases[i].incremental, cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),    cmocka_unit_test(test_rules),
        cmocka_unit_test(test_settings), cmocka_unit_test(test_names),
        cmocka_unit_test(test_priority),
    };
    return cmocka_run_group_tests_name("h2_frame", tests, NULL, NULL);
}
