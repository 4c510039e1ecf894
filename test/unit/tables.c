/* tables.c - what the tables promise to those who read them: order, uniqueness, grammar. */
// SPDX-License-Identifier: MIT
#include "base/ascii.h"
#include "http/message.h"

#include <stdio.h>
#include <strings.h>

#include "support/check.h"

static void field_names_are_sorted_lower_and_spelt(void **state)
{
    (void)state;
    for (int i = 1; i < TC_FIELD_COUNT; i++) {
        const enum tc_field_id id = (enum tc_field_id)i;
        const tc_span name = tc_field_name(id), spelling = tc_field_spelling(id);
        assert_true(tc_is_token(name) && tc_is_token(spelling));
        assert_int_equal(name.len, spelling.len);
        for (size_t j = 0; j < name.len; j++) {
            assert_int_equal(name.at[j], tc_ascii_lower(spelling.at[j]));
            assert_int_equal(name.at[j], tc_token_lower[(uint8_t)spelling.at[j]]);
        }
        assert_int_equal(tc_field_id_of(name), id);
        if (!tc_span_eq(name, spelling))
            assert_int_equal(tc_field_id_of(spelling), TC_FIELD_OTHER); /* lower case only */
        if (i > 1) assert_true(strcmp(tc_field_name((enum tc_field_id)(i - 1)).at, name.at) < 0);
        const unsigned flags = tc_field_flags(id);
        assert_false((flags & TC_FIELD_SINGLE) && (flags & TC_FIELD_LIST));
        for (size_t n = 0; n < name.len; n++)
            assert_int_equal(tc_field_id_of(check_edge(tc_span_first(name, n))) == id, false);
    }
    assert_int_equal(tc_field_id_of((tc_span){0}), TC_FIELD_OTHER);
    assert_int_equal(tc_field_id_of(TC_SPAN("x-unknown")), TC_FIELD_OTHER);
    assert_true(tc_field_flags(TC_FIELD_COOKIE) & TC_FIELD_SECRET);
    assert_true(tc_field_flags(TC_FIELD_CONNECTION) & TC_FIELD_HOP);
}

static void status_lines_say_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        unsigned code;
        const char *reason;
    } rows[] = {
#define TC_STATUS(code, reason) {code, reason},
#include "status.def"
#undef TC_STATUS
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\n", rows[i].code, rows[i].reason);
        check_span(tc_status_line(rows[i].code), line);
        check_span(tc_status_reason(rows[i].code), rows[i].reason);
        if (i) assert_true(rows[i].code > rows[i - 1].code);
    }
    assert_int_equal(tc_status_line(299).len, 0);
    assert_int_equal(tc_status_line(0).len, 0);
    check_span(tc_status_reason(499), "Client Error");
    check_span(tc_status_reason(299), "Success");
    check_span(tc_status_reason(999), "Unknown");
    check_span(tc_status_reason(0), "Unknown");
    check_span(tc_status_class(404), "client error");
    check_span(tc_status_class(700), "unknown class");
    for (unsigned s = 100; s < 600; s++)
        assert_int_equal(tc_status_no_content(s), s < 200 || s == 204 || s == 304);
}

static void methods_are_found_by_their_exact_name(void **state)
{
    (void)state;
    unsigned served = 0;
    for (int i = TC_METHOD_NONE + 1; i < TC_METHOD_COUNT; i++) {
        const enum tc_method method = (enum tc_method)i;
        const tc_span name = tc_method_name(method);
        assert_true(tc_is_token(name));
        assert_int_equal(tc_method_of(check_edge(name)), method);
        char lower[32];
        for (size_t j = 0; j < name.len; j++)
            lower[j] = tc_ascii_lower(name.at[j]);
        assert_int_equal(tc_method_of((tc_span){lower, name.len}), TC_METHOD_NONE);
        const unsigned flags = tc_method_flags(method);
        if (flags & TC_METHOD_SAFE) assert_true(flags & TC_METHOD_IDEMPOTENT);
        served += (flags & TC_METHOD_SERVED) != 0;
    }
    assert_int_equal(served, 9);
    assert_int_equal(tc_method_of((tc_span){0}), TC_METHOD_NONE);
    assert_int_equal(tc_method_of(TC_SPAN("GE")), TC_METHOD_NONE);
    assert_int_equal(tc_method_of(TC_SPAN("GETT")), TC_METHOD_NONE);
    assert_int_equal(tc_method_of(TC_SPAN("VERSION_CONTROL")), TC_METHOD_NONE);
    assert_int_equal(tc_method_of(TC_SPAN("VERSION-CONTROL")), TC_METHOD_VERSION_CONTROL);
}

static void media_endings_are_unique_and_types_well_formed(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
#define TC_MEDIA(ending, type) {ending, type},
#include "media.def"
#undef TC_MEDIA
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rows[i][0], rows[j][0]);
        for (const char *c = rows[i][0]; *c; c++)
            assert_true(tc_ascii_digit(*c) || (*c >= 'a' && *c <= 'z'));
        tc_span type = tc_span_str(rows[i][1]);
        type = tc_span_first(type, tc_span_find(type, ';'));
        const size_t slash = tc_span_find(type, '/');
        assert_true(tc_is_token(tc_span_first(type, slash)));
        assert_true(tc_is_token(tc_span_from(type, slash + 1)));
        if (tc_span_starts(type, TC_SPAN("text/")))
            assert_non_null(strstr(rows[i][1], "; charset=utf-8"));
    }
}

static void error_pages_are_for_registered_statuses(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *title, *sentence;
    } rows[] = {
#define TC_ERROR_PAGE(status, title, sentence) {status, title, sentence},
#include "error_page.def"
#undef TC_ERROR_PAGE
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(tc_status_line(rows[i].status).len > 0);
        if (i) assert_true(rows[i].status > rows[i - 1].status);
        assert_int_equal(rows[i].sentence[strlen(rows[i].sentence) - 1], '.');
        assert_true(strlen(rows[i].title) < 40 && strlen(rows[i].sentence) < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_names_are_sorted_lower_and_spelt),
        cmocka_unit_test(status_lines_say_what_the_table_says),
        cmocka_unit_test(methods_are_found_by_their_exact_name),
        cmocka_unit_test(media_endings_are_unique_and_types_well_formed),
        cmocka_unit_test(error_pages_are_for_registered_statuses),
    };
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
