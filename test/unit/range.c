/* range.c - Range and Content-Range (RFC 9110, 14). */
// SPDX-License-Identifier: MIT
#include "http/range.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "support/check.h"

static void ranges_are_read(void **state)
{
    (void)state;
    enum { NONE = TC_RANGE_NONE, ONE = TC_RANGE_SOME, BAD = TC_RANGE_NOT_SATISFIABLE };
    static const struct {
        const char *field;
        uint64_t size;
        int verdict;
        uint64_t first, last;
    } cases[] = {
        /* RFC 9110, 14.1.2, of 10000 bytes */
        {"bytes=0-499", 10000, ONE, 0, 499},
        {"bytes=500-999", 10000, ONE, 500, 999},
        {"bytes=-500", 10000, ONE, 9500, 9999},
        {"bytes=9500-", 10000, ONE, 9500, 9999},
        {"bytes=500-600,601-999", 10000, ONE, 500, 999},
        {"bytes=500-700,601-999", 10000, ONE, 500, 999},

        {"BYTES=0-1", 10, ONE, 0, 1},
        {"bytes=0-9", 10, ONE, 0, 9},
        {"bytes=0-10", 10, ONE, 0, 9},
        {"bytes=9-9", 10, ONE, 9, 9},
        {"bytes=9-", 10, ONE, 9, 9},
        {"bytes=000000000000000000000000000000009-", 10, ONE, 9, 9},
        {"bytes=-10", 10, ONE, 0, 9},
        {"bytes=-11", 10, ONE, 0, 9},
        {"bytes=-1", 1, ONE, 0, 0},
        {"bytes=10-", 10, BAD, 0, 0},
        {"bytes=10-20", 10, BAD, 0, 0},
        {"bytes=-0", 10, BAD, 0, 0},
        {"bytes=-0,-0", 10, BAD, 0, 0},
        {"bytes=10-,-0", 10, BAD, 0, 0},
        {"bytes=0-", 0, BAD, 0, 0},
        {"bytes=-5", 0, NONE, 0, 0},
        {"bytes=0-,-5", 0, NONE, 0, 0},
        {"bytes=-0", 0, BAD, 0, 0},
        {"bytes=0-0", 0, BAD, 0, 0},

        /* large numbers */
        {"bytes=0-9223372036854775807", 10, ONE, 0, 9},
        {"bytes=0-9223372036854775808", 10, ONE, 0, 9},
        {"bytes=0-18446744073709551615", 10, ONE, 0, 9},
        {"bytes=0-18446744073709551616", 10, ONE, 0, 9},
        {"bytes=5-99999999999999999999999999", 10, ONE, 5, 9},
        {"bytes=9223372036854775808-", 10, BAD, 0, 0},
        {"bytes=18446744073709551616-", 10, BAD, 0, 0},
        {"bytes=18446744073709551616-18446744073709551617", 10, BAD, 0, 0},
        {"bytes=-18446744073709551616", 10, ONE, 0, 9},
        {"bytes=9223372036854775806-", INT64_MAX, ONE, 9223372036854775806, 9223372036854775806},
        {"bytes=-1", INT64_MAX, ONE, 9223372036854775806, 9223372036854775806},

        /* several */
        {"bytes=0-1,2-3", 10, ONE, 0, 3},
        {"bytes=2-3,0-1", 10, ONE, 0, 3},
        {"bytes=8-9,0-1,2-7", 10, ONE, 0, 9},
        {"bytes=0-9,3-4", 10, ONE, 0, 9},
        {"bytes=0-4,-6", 10, ONE, 0, 9},
        {"bytes=0-4,-5", 10, ONE, 0, 9},
        {"bytes=0-4,-4", 10, ONE, 0, 9},
        {"bytes=0-4,6-", 10, ONE, 0, 9},
        {"bytes=0-4,100-200", 10, ONE, 0, 4},
        {"bytes=100-200,-0,5-", 10, ONE, 5, 9},
        {"bytes=0-,0-,0-,0-", 10, ONE, 0, 9},
        {"bytes=0-1,,2-3", 10, ONE, 0, 3},
        {"bytes=,0-1,", 10, ONE, 0, 1},
        {"bytes=0-1 , \t2-3", 10, ONE, 0, 3},
        {"bytes=0-18446744073709551615,0-18446744073709551615", UINT64_MAX - 1, ONE, 0,
         UINT64_MAX - 2},

        /* not a byte range at all: the field is ignored */
        {"", 10, NONE, 0, 0},
        {"bytes", 10, NONE, 0, 0},
        {"bytes=", 10, NONE, 0, 0},
        {"bytes=,", 10, NONE, 0, 0},
        {"bytes =0-1", 10, NONE, 0, 0},
        {"bytes 0-1", 10, NONE, 0, 0},
        {"bytes:0-1", 10, NONE, 0, 0},
        {"0-1", 10, NONE, 0, 0},
        {"=0-1", 10, NONE, 0, 0},
        {"items=0-1", 10, NONE, 0, 0},
        {"byte=0-1", 10, NONE, 0, 0},
        {"bytes=-", 10, NONE, 0, 0},
        {"bytes=--1", 10, NONE, 0, 0},
        {"bytes=1", 10, NONE, 0, 0},
        {"bytes=a-b", 10, NONE, 0, 0},
        {"bytes=0x0-1", 10, NONE, 0, 0},
        {"bytes=+0-1", 10, NONE, 0, 0},
        {"bytes=0--1", 10, NONE, 0, 0},
        {"bytes=0-1-2", 10, NONE, 0, 0},
        {"bytes=0 - 1", 10, NONE, 0, 0},
        {"bytes=0- 1", 10, NONE, 0, 0},
        {"bytes=1-0", 10, NONE, 0, 0},
        {"bytes=20-15", 10, NONE, 0, 0},
        {"bytes=0-1,x", 10, NONE, 0, 0},
        {"bytes=0-1;2-3", 10, NONE, 0, 0},
        {"bytes=0-1,1-0", 10, NONE, 0, 0},
        {"bytes=\"0-1\"", 10, NONE, 0, 0},
        {"bytes=x", 0, NONE, 0, 0},
        {"bytes==0-1", 10, NONE, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_range r;
        tc_range_set set = {.at = &r, .room = 1};
        const enum tc_range_verdict v =
            tc_ranges_of(check_edge(tc_span_str(cases[i].field)), cases[i].size, &set);
        check_case((int)v == cases[i].verdict, cases[i].field);
        assert_int_equal(set.count, v == TC_RANGE_SOME);
        if (set.count && (r.first != cases[i].first || r.last != cases[i].last))
            fail_msg("%s: %" PRIu64 "-%" PRIu64, cases[i].field, r.first, r.last);
    }
    tc_range_set set = {0};
    assert_int_equal(tc_ranges_of((tc_span){0}, 10, &set), TC_RANGE_NONE);
}

/* "0-0 9999-9999", in the order of the answer; "-" with no room, "" for everything. */
static void several_ranges_are_kept_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *field, *wanted;
    } cases[] = {
        {"bytes=0-0,-1", "0-0 9999-9999"},
        {"bytes= 0-999, 4500-5499, -1000", "0-999 4500-5499 9000-9999"},
        {"bytes=-1,0-0", "9999-9999 0-0"},
        {"bytes=5000-5009,100-109,2000-2009", "5000-5009 100-109 2000-2009"},
        {"bytes=0-9,90-99", "0-99"},      /* 80 between them */
        {"bytes=0-9,91-99", "0-9 91-99"}, /* 81 */
        {"bytes=90-99,0-9", "0-99"},
        {"bytes=1000-1009,3000-3009,2000-2009,900-2500", "900-2500 3000-3009"},
        {"bytes=3000-3009,1000-1009,0-", "0-9999"},
        {"bytes=0-9,1000-1009,20000-,2000-2009", "0-9 1000-1009 2000-2009"},
        {"bytes=0-9,1000-1009,2000-2009,3000-3009", "-"},
        {"bytes=0-9,1000-1009,2000-2009,3000-3009,x", ""},
        {"bytes=0-9,1000-1009,2000-2009,0-", "0-9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_range at[3];
        tc_range_set set = {.at = at, .room = 3};
        char text[128] = "";
        const enum tc_range_verdict v = tc_ranges_of(tc_span_str(cases[i].field), 10000, &set);
        size_t n = 0;
        for (size_t j = 0; v == TC_RANGE_SOME && j < set.count; j++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRIu64 "-%" PRIu64, j ? " " : "",
                                  at[j].first, at[j].last);
        if (v == TC_RANGE_TOO_MANY) memcpy(text, "-", 2);
        if (strcmp(text, cases[i].wanted)) fail_msg("%s: %s", cases[i].field, text);
    }
    assert_int_equal(tc_range_members(TC_SPAN("bytes=0-9")), 1);
    assert_int_equal(tc_range_members(TC_SPAN("bytes=0-9,5-6")), 2);
}

/* one: printf of a place and the same place, or without */
static enum tc_range_verdict many(size_t count, const char *one, unsigned step, size_t room)
{
    char text[64];
    tc_range at[16];
    tc_range_set set = {.at = at, .room = room};
    tc_buf b;
    tc_buf_init(&b, 1 << 21);
    assert_int_equal(tc_buf_add(&b, TC_SPAN("bytes=")), TC_OK);
    for (size_t i = 0; i < count; i++) {
        const unsigned place = (unsigned)i * step;
        (void)snprintf(text, sizeof text, "%u-%u,", place, place);
        assert_int_equal(tc_buf_add(&b, tc_span_str(one ? one : text)), TC_OK);
    }
    const enum tc_range_verdict v = tc_ranges_of(tc_buf_span(&b), 1000000, &set);
    assert_true(set.count <= room);
    if (v == TC_RANGE_SOME && one) assert_int_equal(set.count, 1);
    tc_buf_fini(&b);
    return v;
}

static void range_bombs_are_not_unfolded(void **state)
{
    (void)state;
    assert_int_equal(many(100000, "0-,", 0, 16), TC_RANGE_SOME);
    assert_int_equal(many(1000, "5-9,", 0, 1), TC_RANGE_SOME);
    assert_int_equal(many(100000, "-0,", 0, 16), TC_RANGE_NOT_SATISFIABLE);
    assert_int_equal(many(100000, ",", 0, 16), TC_RANGE_NONE);
    assert_int_equal(many(1000, NULL, 10, 16), TC_RANGE_SOME); /* close together: one */
    assert_int_equal(many(16, NULL, 100, 16), TC_RANGE_SOME);
    assert_int_equal(many(17, NULL, 100, 16), TC_RANGE_TOO_MANY);
    assert_int_equal(many(100000, NULL, 100, 16), TC_RANGE_TOO_MANY);
    assert_int_equal(many(1, NULL, 0, 0), TC_RANGE_TOO_MANY);
}

/* Every byte that was asked for comes once; of others, only those between two that are close. */
static void random_sets_agree_with_a_bitmap(void **state)
{
    (void)state;
    enum { SIZE = 600 };
    for (int round = 0; round < 20000; round++) {
        const uint64_t size = check_random_below(SIZE);
        char field[256];
        bool wanted[SIZE] = {false}, got[SIZE] = {false}, any = false, whole = false;
        int n = snprintf(field, sizeof field, "bytes=");
        const uint64_t members = 1 + check_random_below(5);
        for (uint64_t i = 0; i < members; i++) {
            const uint64_t a = check_random_below(SIZE), b = a + check_random_below(60);
            const uint64_t kind = check_random_below(8);
            const char *comma = i ? "," : "";
            const size_t room = sizeof field - (size_t)n;
            if (kind > 1)
                n += snprintf(field + n, room, "%s%" PRIu64 "-%" PRIu64, comma, a, b);
            else if (kind == 1)
                n += snprintf(field + n, room, "%s%" PRIu64 "-", comma, a);
            else
                n += snprintf(field + n, room, "%s-%" PRIu64, comma, a);
            whole |= kind == 0 && a > 0 && size == 0;
            for (uint64_t p = 0; p < size; p++)
                if (kind == 0 ? p + a >= size : p >= a && (kind == 1 || p <= b))
                    wanted[p] = any = true;
        }
        tc_range at[5];
        tc_range_set set = {.at = at, .room = 5};
        const enum tc_range_verdict v = tc_ranges_of(tc_span_str(field), size, &set);
        check_case(v == (whole ? TC_RANGE_NONE
                         : any ? TC_RANGE_SOME
                               : TC_RANGE_NOT_SATISFIABLE),
                   field);
        for (size_t i = 0; i < set.count; i++) {
            check_case(at[i].first <= at[i].last && at[i].last < size, field);
            check_case(wanted[at[i].first] && wanted[at[i].last], field);
            uint64_t gap = 0;
            for (uint64_t p = at[i].first; p <= at[i].last; p++) {
                check_case(!got[p], field);
                got[p] = true;
                gap = wanted[p] ? 0 : gap + 1;
                check_case(gap <= TC_RANGE_GAP, field);
            }
        }
        for (uint64_t p = 0; p < size; p++)
            check_case(got[p] || !wanted[p], field);
    }
}

static void content_ranges_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool satisfied;
        uint64_t first, last, size;
    } good[] = {
        {"bytes 42-1233/1234", true, 42, 1233, 1234},
        {"bytes 42-1233/*", true, 42, 1233, TC_SIZE_UNKNOWN},
        {"bytes */1234", false, 0, 0, 1234},
        {"Bytes 0-0/1", true, 0, 0, 1},
        {"bytes 0-9223372036854775806/9223372036854775807", true, 0, INT64_MAX - 1, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        tc_content_range c;
        char text[TC_CONTENT_RANGE_BYTES];
        check_case(tc_content_range_parse(check_edge(tc_span_str(good[i].value)), &c),
                   good[i].value);
        check_case(c.satisfied == good[i].satisfied && c.size == good[i].size, good[i].value);
        if (c.satisfied)
            check_case(c.range.first == good[i].first && c.range.last == good[i].last,
                       good[i].value);
        const size_t n = tc_content_range_write(text, c.satisfied ? &c.range : NULL, c.size);
        assert_true(tc_span_ieq(tc_span_str(good[i].value), (tc_span){text, n}));
    }
    static const char *const bad[] = {
        "",
        "bytes",
        "bytes ",
        "bytes 0-1",
        "bytes 0-1/",
        "bytes /1",
        "bytes */*",
        "bytes 0-1/1",
        "bytes 1-0/9",
        "bytes 0/9",
        "bytes -1/9",
        "bytes 0-/9",
        "bytes=0-1/9",
        "bytes  0-1/9",
        "bytes 0-1 /9",
        "bytes 0-1/ 9",
        "bytes 0-1/9 ",
        "items 0-1/9",
        " bytes 0-1/9",
        "bytes 0-1/9/9",
        "bytes 0-1-2/9",
        "bytes 0-18446744073709551616/*",
        "/ bytes 0-1",
        "bytes 0-1/+9",
        "bytes 0x0-1/9",
        "bytes **/9",
        "bytes 0-1/**",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tc_content_range c;
        check_case(!tc_content_range_parse(check_edge(tc_span_str(bad[i])), &c), bad[i]);
    }
}

static void the_longest_content_range_has_room(void **state)
{
    (void)state;
    char text[TC_CONTENT_RANGE_BYTES];
    const tc_range r = {UINT64_MAX - 2, UINT64_MAX - 2};
    check_span((tc_span_of(text, tc_content_range_write(text, &r, UINT64_MAX - 1))),
               "bytes 18446744073709551613-18446744073709551613/18446744073709551614");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read),
        cmocka_unit_test(several_ranges_are_kept_in_their_order),
        cmocka_unit_test(range_bombs_are_not_unfolded),
        cmocka_unit_test(random_sets_agree_with_a_bitmap),
        cmocka_unit_test(content_ranges_are_read),
        cmocka_unit_test(the_longest_content_range_has_room),
    };
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
