/* h1_scan.c - the wide scan against its plain twin, and lines that end where memory ends. */
// SPDX-License-Identifier: MIT
#include "h1/line.h"
#include "h1/scan.h"
#include "support/check.h"

enum { ROUNDS = 20000, LINE_MAX = 100 };

static void test_wide_is_plain(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        char bytes[LINE_MAX];
        const size_t len = (size_t)check_random_below(LINE_MAX);
        for (size_t i = 0; i < len; i++) {
            const uint64_t r = check_random();
            bytes[i] = r % 97 == 0 ? (char)(r >> 32) : (char)(0x20 + (r >> 16) % 0x5f);
        }
        const size_t from = len ? (size_t)check_random_below(len) : 0;
        assert_ptr_equal(tc_h1_scan(bytes + from, bytes + len),
                         tc_h1_scan_plain(bytes + from, bytes + len));
    }
}

/* Every byte, at every place of two widths. */
static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t place = 0; place < 33; place++) {
            char bytes[33];
            memset(bytes, 'a', sizeof bytes);
            bytes[place] = (char)byte;
            const bool stops = (byte < 0x20 && byte != '\t') || byte == 0x7f;
            const char *want = stops ? bytes + place : bytes + sizeof bytes;
            assert_ptr_equal(tc_h1_scan(bytes, bytes + sizeof bytes), want);
            assert_ptr_equal(tc_h1_scan_plain(bytes, bytes + sizeof bytes), want);
        }
}

static void test_page_edge(void **state)
{
    (void)state;
    static const char line[] =
        "GET /some/path/that/is/longer/than/one/width HTTP/1.1\r\nHost: a\r\n";
    for (size_t len = 0; len < sizeof line; len++) {
        const tc_span s = check_edge(tc_span_of(line + sizeof line - 1 - len, len));
        const char *stop = tc_h1_scan(s.at, s.at + s.len);
        assert_true(stop >= s.at && stop <= s.at + s.len);
    }
}

static void test_lines_at_the_edge(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        tc_err err;
    } lines[] = {
        {"GET / HTTP/1.1\r\n", TC_OK},
        {"GET\r\n", TC_ERR_REQUEST_LINE},
        {"\r\n", TC_ERR_REQUEST_LINE},
        {"GET \r\n", TC_ERR_REQUEST_LINE},
        {"GET /%\r\n", TC_ERR_REQUEST_LINE},
        {"GET /% HTTP/1.1\r\n", TC_ERR_TARGET},
        {"OPTIONS * HTTP/1.0\r\n", TC_OK},
        {"CONNECT [::1]:1 HTTP/1.1\r\n", TC_OK},
        {"CONNECT [::1 HTTP/1.1\r\n", TC_ERR_TARGET},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const tc_span s = check_edge(tc_span_str(lines[i].text));
        tc_message m = {0};
        tc_target target;
        const tc_err err = tc_h1_request_line(tc_span_first(s, s.len - 2), &m, &target);
        check_case(err == lines[i].err, lines[i].text);
    }
    static const char *const fields[] = {"a: b\r\n", "a:\r\n",     "a\r\n",
                                         ":\r\n",    "a: \t \r\n", "\r\n"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const tc_span s = check_edge(tc_span_str(fields[i]));
        char copy[16];
        memcpy(copy, s.at, s.len);
        tc_field field;
        const tc_err err = tc_h1_field_line(copy, s.len - 2, &field);
        check_case((err == TC_OK) == (fields[i][0] == 'a' && fields[i][1] == ':'), fields[i]);
    }
    static const char *const statuses[] = {"HTTP/1.1 200\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1\r\n",
                                           "HTTP/1.1 200 \r\n", "H\r\n"};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const tc_span s = check_edge(tc_span_str(statuses[i]));
        tc_message m = {0};
        const tc_err err = tc_h1_status_line(tc_span_first(s, s.len - 2), &m);
        check_case((err == TC_OK) == (i == 0 || i == 3), statuses[i]);
    }
}

static void test_lists(void **state)
{
    (void)state;
    tc_span list = TC_SPAN(" , a,\tb c ,,d\t,"), member;
    assert_true(tc_h1_list_take(&list, &member));
    check_span(member, "a");
    assert_true(tc_h1_list_take(&list, &member));
    check_span(member, "b c");
    assert_true(tc_h1_list_take(&list, &member));
    check_span(member, "d");
    assert_false(tc_h1_list_take(&list, &member));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_is_plain), cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_page_edge),     cmocka_unit_test(test_lines_at_the_edge),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests_name("h1_scan", tests, NULL, NULL);
}
