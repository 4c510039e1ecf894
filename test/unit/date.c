/* date.c - HTTP dates (RFC 9110, 5.6.7), against the RFC's examples and the C library's calendar.
 */
// SPDX-License-Identifier: MIT
#include "http/date.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "support/check.h"

#define NOW INT64_C(1790000000) /* 2026-09-21 */
#define EXAMPLE INT64_C(784111777)

static void writes(int64_t seconds, const char *text)
{
    char at[TC_DATE_BYTES];
    tc_date_write(at, seconds);
    check_span((tc_span_of(at, sizeof at)), text);
}

static void known_dates_are_written(void **state)
{
    (void)state;
    writes(EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT");
    writes(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    writes(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    writes(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    writes(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    writes(2147483647, "Tue, 19 Jan 2038 03:14:07 GMT");
    writes(4294967296, "Sun, 07 Feb 2106 06:28:16 GMT");
    writes(-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT");
    writes(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    writes(253402300800, "Fri, 31 Dec 9999 23:59:59 GMT");
    writes(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    writes(INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
}

static void random_dates_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const int64_t seconds =
            (int64_t)check_random_below(253402300800 + 62167219200) - 62167219200;
        const time_t t = (time_t)seconds;
        struct tm tm;
        char wanted[64], at[TC_DATE_BYTES];
        assert_non_null(gmtime_r(&t, &tm));
        static const char days[] = "SunMonTueWedThuFriSat";
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        (void)snprintf(wanted, sizeof wanted, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                       days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
        tc_date_write(at, seconds);
        check_span((tc_span_of(at, sizeof at)), wanted);
        int64_t back = 0;
        assert_true(tc_date_parse((tc_span){at, sizeof at}, NOW, &back));
        assert_true(back == seconds);
    }
}

static void good_dates_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE},
        {"Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE},
        {"Sun Nov  6 08:49:37 1994", EXAMPLE},
        {"Sun Nov 06 08:49:37 1994", EXAMPLE},
        {"Wed Nov 16 08:49:37 1994", EXAMPLE + 864000},
        {"Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE}, /* not a Monday: tolerated */
        {"Saturday, 06-Nov-94 08:49:37 GMT", EXAMPLE},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
        {"Sat Dec 31 23:59:60 2016", 1483228800},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Thursday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070: 44 years ahead */
        {"Monday, 21-Sep-76 14:13:20 GMT", 3367923200},   /* 50 years to the second */
        {"Tuesday, 21-Sep-76 14:13:21 GMT", 212163201},   /* a second more: the century before */
        {"Wednesday, 09-Nov-99 23:12:40 GMT", 942189160},
        {"Tuesday, 29-Feb-00 00:00:00 GMT", 951782400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 12345;
        check_case(tc_date_parse(check_edge(tc_span_str(cases[i].text)), NOW, &seconds),
                   cases[i].text);
        if (seconds != cases[i].seconds)
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].text, seconds, cases[i].seconds);
    }
}

static void the_century_follows_the_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t now, seconds;
        const char *text;
    } cases[] = {
        {3786912000, 4102444800, "Friday, 01-Jan-00 00:00:00 GMT"}, /* 2090: the next century */
        {3786912000, 5364662400, "Friday, 01-Jan-40 00:00:00 GMT"}, /* exactly 50 years ahead */
        {3786911999, 2208988800, "Friday, 01-Jan-40 00:00:00 GMT"}, /* a second short of it */
        {784080000, -788918400, "Friday, 01-Jan-45 00:00:00 GMT"},  /* 1994: too far ahead */
        {784080000, 2019686400, "Friday, 01-Jan-34 00:00:00 GMT"},  /* 1994: within */
        {INT64_MAX, INT64_C(253370764800), "Friday, 01-Jan-99 00:00:00 GMT"}, /* no overflow */
        {INT64_MIN, INT64_C(-60589296000), "Friday, 01-Jan-50 00:00:00 GMT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 0;
        check_case(tc_date_parse(tc_span_str(cases[i].text), cases[i].now, &seconds),
                   cases[i].text);
        if (seconds != cases[i].seconds)
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].text, seconds, cases[i].seconds);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "0",
        "-1",
        "Sun",
        "Sun,",
        "Sunday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMTx",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "SUN, 06 NOV 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunda, 06-Nov-94 08:49:37 GMT",
        "Sunsday, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 30 Feb 2000 08:49:37 GMT",
        "Sunday, 29-Feb-23 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 23:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 23:58:60 GMT",
        "Sun, 06 Nov 1994 23:59:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  66 08:49:37 1994",
        "Sun Nov  0 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov\t6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "784111777",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 12345;
        check_case(!tc_date_parse(check_edge(tc_span_str(cases[i])), NOW, &seconds), cases[i]);
        assert_true(seconds == 12345);
    }
    int64_t seconds;
    assert_false(tc_date_parse((tc_span){0}, NOW, &seconds));
    assert_false(tc_date_parse(TC_SPAN("Sun, 06 Nov 1994 08:49:37 GMT\0"), NOW, &seconds));
}

static void no_front_of_a_date_is_a_date(void **state)
{
    (void)state;
    static const char *const dates[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Wednesday, 16-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < 3; i++) {
        const tc_span whole = tc_span_str(dates[i]);
        int64_t seconds;
        for (size_t n = 0; n < whole.len; n++)
            assert_false(tc_date_parse(check_edge(tc_span_first(whole, n)), NOW, &seconds));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates_are_written),
        cmocka_unit_test(random_dates_agree_with_the_c_library),
        cmocka_unit_test(good_dates_are_read),
        cmocka_unit_test(the_century_follows_the_clock),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(no_front_of_a_date_is_a_date),
    };
    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
