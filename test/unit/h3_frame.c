/* h3_frame.c - frames of HTTP/3 as bytes, and the tables of rules for them. */
// SPDX-License-Identifier: MIT
#include "h3/frame.h"

#include "support/check.h"

/* RFC 9000, A.1. */
static void test_varints(void **state)
{
    (void)state;
    static const struct {
        tc_span bytes;
        uint64_t value;
        bool shortest;
    } rows[] = {
        {{"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 8}, UINT64_C(151288809941952652), true},
        {{"\x9d\x7f\x3e\x7d", 4}, 494878333, true},
        {{"\x7b\xbd", 2}, 15293, true},
        {{"\x25", 1}, 37, true},
        {{"\x40\x25", 2}, 37, false},
        {{"\x3f", 1}, 63, true},
        {{"\x40\x40", 2}, 64, true},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff", 8}, TC_H3_ANY, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t value = 0;
        for (size_t len = 0; len < rows[i].bytes.len; len++) {
            tc_span part = check_edge(tc_span_first(rows[i].bytes, len));
            assert_false(tc_h3_varint_take(&part, &value));
            assert_int_equal(part.len, len);
        }
        tc_span whole = check_edge(rows[i].bytes);
        assert_true(tc_h3_varint_take(&whole, &value));
        assert_int_equal(value, rows[i].value);
        assert_int_equal(whole.len, 0);
        char at[TC_H3_VARINT];
        if (!rows[i].shortest) continue;
        const tc_span put = tc_span_of(at, (size_t)(tc_h3_varint_put(at, value) - at));
        assert_true(tc_span_eq(put, rows[i].bytes));
        assert_int_equal(tc_h3_varint_length(value), put.len);
    }
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        uint64_t type, length;
        enum tc_h3_place place;
        enum tc_role role;
        enum tc_h3_code code;
    } rows[] = {
        {TC_H3_DATA, 0, TC_H3_ON_REQUEST, TC_SERVER, TC_H3_NO_ERROR},
        {TC_H3_DATA, TC_H3_ANY, TC_H3_ON_REQUEST, TC_CLIENT, TC_H3_NO_ERROR},
        {TC_H3_DATA, 0, TC_H3_ON_CONTROL, TC_SERVER, TC_H3_FRAME_UNEXPECTED},
        {TC_H3_SETTINGS, 0, TC_H3_ON_CONTROL, TC_CLIENT, TC_H3_NO_ERROR},
        {TC_H3_SETTINGS, TC_H3_SMALL + 1, TC_H3_ON_CONTROL, TC_CLIENT, TC_H3_FRAME_ERROR},
        {TC_H3_GOAWAY, 0, TC_H3_ON_CONTROL, TC_CLIENT, TC_H3_FRAME_ERROR},
        {TC_H3_GOAWAY, 9, TC_H3_ON_CONTROL, TC_CLIENT, TC_H3_FRAME_ERROR},
        {TC_H3_GOAWAY, 8, TC_H3_ON_REQUEST, TC_CLIENT, TC_H3_FRAME_UNEXPECTED},
        {TC_H3_MAX_PUSH_ID, 1, TC_H3_ON_CONTROL, TC_SERVER, TC_H3_NO_ERROR},
        {TC_H3_MAX_PUSH_ID, 1, TC_H3_ON_CONTROL, TC_CLIENT, TC_H3_FRAME_UNEXPECTED},
        {TC_H3_PUSH_PROMISE, 1, TC_H3_ON_REQUEST, TC_CLIENT, TC_H3_NO_ERROR},
        {TC_H3_PUSH_PROMISE, 1, TC_H3_ON_REQUEST, TC_SERVER, TC_H3_FRAME_UNEXPECTED},
        {TC_H3_PING, 8, TC_H3_ON_CONTROL, TC_SERVER, TC_H3_FRAME_UNEXPECTED},
        {0x21, TC_H3_ANY, TC_H3_ON_CONTROL, TC_SERVER, TC_H3_NO_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            tc_h3_check((tc_h3_head){rows[i].type, rows[i].length}, rows[i].place, rows[i].role),
            rows[i].code);
}

static void test_settings(void **state)
{
    (void)state;
    enum tc_h3_code code;
    for (unsigned i = 0; i < TC_H3_SETTINGS_KNOWN; i++) {
        const enum tc_h3_setting s = (enum tc_h3_setting)i;
        assert_int_equal(tc_h3_check_setting(tc_h3_setting_number(s), 0, &code), s);
        assert_int_equal(code, TC_H3_NO_ERROR);
        assert_non_null(tc_h3_setting_name(s));
    }
    for (uint64_t reserved = 2; reserved <= 5; reserved++) {
        assert_int_equal(tc_h3_check_setting(reserved, 0, &code), TC_H3_SETTINGS_KNOWN);
        assert_int_equal(code, TC_H3_SETTINGS_ERROR);
    }
    assert_int_equal(tc_h3_check_setting(0x21, TC_H3_ANY, &code), TC_H3_SETTINGS_KNOWN);
    assert_int_equal(code, TC_H3_NO_ERROR);
    assert_int_equal(tc_h3_setting_first(TC_H3_QPACK_BLOCKED_STREAMS), 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tc_h3_type_name(TC_H3_HEADERS), "HEADERS");
    assert_null(tc_h3_type_name(0x21));
    assert_string_equal(tc_h3_code_name(TC_H3_MESSAGE_ERROR), "H3_MESSAGE_ERROR");
    assert_string_equal(tc_h3_code_name(TC_H3_QPACK_DECOMPRESSION_FAILED),
                        "QPACK_DECOMPRESSION_FAILED");
    assert_string_equal(tc_h3_code_name(0x21), "an unknown code");
    assert_int_equal(tc_h3_code_err(TC_H3_REQUEST_REJECTED), TC_ERR_REFUSED);
    assert_int_equal(tc_h3_code_err(0x21), TC_ERR_STREAM_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("h3_frame", tests, NULL, NULL);
}
