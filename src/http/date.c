/* date.c - see date.h. Days are counted from 0000-03-01, so that a leap day ends its year. */
// SPDX-License-Identifier: MIT
#include "http/date.h"

#include "base/ascii.h"

enum { DAY = 86400, DAYS_OF_ERA = 146097, DAYS_TO_1970 = 719468 };
#define FIRST_SECOND INT64_C(-62167219200) /* 0000-01-01 00:00:00 */
#define LAST_SECOND INT64_C(253402300799)  /* 9999-12-31 23:59:59 */

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char long_day_ends[7][7] = {"day", "day", "sday", "nesday", "rsday", "day", "urday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
    int year, month, day; /* month and day from 1 */
    int second;           /* of the day */
};

/* Years from -400 on. A day past the end of its month runs on into the next. */
static int64_t seconds_of(struct civil c)
{
    const int year = c.year + 400 - (c.month <= 2); /* of years that begin in March */
    const int month = c.month > 2 ? c.month - 3 : c.month + 9;
    const int days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                     c.day - 1 - DAYS_OF_ERA - DAYS_TO_1970;
    return (int64_t)days * DAY + c.second;
}

/* FIRST_SECOND to LAST_SECOND. */
static struct civil civil_of(int64_t seconds)
{
    const int64_t shifted = seconds + (DAYS_TO_1970 + (int64_t)DAYS_OF_ERA) * DAY;
    const int days = (int)(shifted / DAY);
    const int era = days / DAYS_OF_ERA, of_era = days % DAYS_OF_ERA;
    const int year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_OF_ERA - 1)) / 365;
    const int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int month = (5 * of_year + 2) / 153; /* from March */
    return (struct civil){
        .year = year_of_era + era * 400 - 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
        .second = (int)(shifted % DAY),
    };
}

static int64_t clamp(int64_t seconds)
{
    return seconds < FIRST_SECOND ? FIRST_SECOND : seconds > LAST_SECOND ? LAST_SECOND : seconds;
}

static void two(char *at, int value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

void tc_date_write(char at[TC_DATE_BYTES], int64_t unix_seconds)
{
    const int64_t seconds = clamp(unix_seconds);
    const struct civil c = civil_of(seconds);
    const int64_t days = (seconds - FIRST_SECOND) / DAY; /* the first was a Saturday */
    memcpy(at, "Day, 00 Mon 0000 00:00:00 GMT", TC_DATE_BYTES);
    memcpy(at, day_names[(days + 6) % 7], 3);
    two(at + 5, c.day);
    memcpy(at + 8, month_names[c.month - 1], 3);
    two(at + 12, c.year / 100);
    two(at + 14, c.year % 100);
    two(at + 17, c.second / 3600);
    two(at + 20, c.second / 60 % 60);
    two(at + 23, c.second % 60);
}

/* The readers take from the front of *s, or leave *bad true behind. */

static int take_number(tc_span *s, size_t digits, bool *bad)
{
    int value = 0;
    if (s->len < digits) *bad = true;
    if (*bad) return 0;
    const tc_span text = tc_span_take(s, digits);
    for (size_t i = 0; i < digits; i++) {
        if (!tc_ascii_digit(text.at[i])) *bad = true;
        value = value * 10 + (text.at[i] - '0');
    }
    return *bad ? 0 : value;
}

static void take_text(tc_span *s, tc_span text, bool *bad)
{
    if (*bad || !tc_span_starts(*s, text))
        *bad = true;
    else
        (void)tc_span_take(s, text.len);
}

static int take_name(tc_span *s, const char names[][4], int count, bool *bad)
{
    for (int i = 0; i < count && !*bad; i++)
        if (tc_span_starts(*s, (tc_span){names[i], 3})) {
            (void)tc_span_take(s, 3);
            return i;
        }
    *bad = true;
    return 0;
}

static int take_clock(tc_span *s, bool *bad)
{
    const int hour = take_number(s, 2, bad);
    take_text(s, TC_SPAN(":"), bad);
    const int minute = take_number(s, 2, bad);
    take_text(s, TC_SPAN(":"), bad);
    const int second = take_number(s, 2, bad);
    const bool leap = hour == 23 && minute == 59 && second == 60;
    if (hour > 23 || minute > 59 || (second > 59 && !leap)) *bad = true;
    return hour * 3600 + minute * 60 + second;
}

static struct civil take_fixdate(tc_span *s, bool *bad)
{
    struct civil c;
    take_text(s, TC_SPAN(", "), bad);
    c.day = take_number(s, 2, bad);
    take_text(s, TC_SPAN(" "), bad);
    c.month = take_name(s, month_names, 12, bad) + 1;
    take_text(s, TC_SPAN(" "), bad);
    c.year = take_number(s, 4, bad);
    take_text(s, TC_SPAN(" "), bad);
    c.second = take_clock(s, bad);
    take_text(s, TC_SPAN(" GMT"), bad);
    return c;
}

static struct civil take_asctime(tc_span *s, bool *bad)
{
    struct civil c;
    take_text(s, TC_SPAN(" "), bad);
    c.month = take_name(s, month_names, 12, bad) + 1;
    take_text(s, TC_SPAN(" "), bad);
    const bool one_digit = tc_span_starts(*s, TC_SPAN(" "));
    if (one_digit) (void)tc_span_take(s, 1);
    c.day = take_number(s, one_digit ? 1 : 2, bad);
    take_text(s, TC_SPAN(" "), bad);
    c.second = take_clock(s, bad);
    take_text(s, TC_SPAN(" "), bad);
    c.year = take_number(s, 4, bad);
    return c;
}

static struct civil take_rfc850(tc_span *s, int64_t now_unix, bool *bad)
{
    struct civil c;
    take_text(s, TC_SPAN(", "), bad);
    c.day = take_number(s, 2, bad);
    take_text(s, TC_SPAN("-"), bad);
    c.month = take_name(s, month_names, 12, bad) + 1;
    take_text(s, TC_SPAN("-"), bad);
    const int two_digits = take_number(s, 2, bad);
    take_text(s, TC_SPAN(" "), bad);
    c.second = take_clock(s, bad);
    take_text(s, TC_SPAN(" GMT"), bad);

    struct civil latest = civil_of(clamp(now_unix));
    const int century = latest.year - latest.year % 100;
    latest.year += 50;
    c.year = century + 100 + two_digits;
    while (!*bad && seconds_of(c) > seconds_of(latest))
        c.year -= 100;
    return c;
}

static int days_in(int year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool tc_date_parse(tc_span text, int64_t now_unix, int64_t *ret_unix_seconds)
{
    bool bad = false;
    tc_span s = text;
    struct civil c;
    const int day_name = take_name(&s, day_names, 7, &bad);
    if (tc_span_starts(s, TC_SPAN(", ")))
        c = take_fixdate(&s, &bad);
    else if (tc_span_starts(s, TC_SPAN(" ")))
        c = take_asctime(&s, &bad);
    else {
        take_text(&s, tc_span_str(long_day_ends[day_name]), &bad);
        c = take_rfc850(&s, now_unix, &bad);
    }
    if (bad || s.len || c.day < 1 || c.day > days_in(c.year, c.month)) return false;
    *ret_unix_seconds = seconds_of(c);
    return true;
}
