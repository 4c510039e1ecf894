/* cookie_date.c - dates of cookies (RFC 6265bis, 5.1.1): the first token that can be a time, a day,
 * a month, a year is one. The calendar is date.c's. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/ascii.h"
#include "http/cookie.h"
#include "http/date.h"

enum { FIRST_YEAR = 1601 };

typedef struct parts {
    int hour, minute, second, day, month, year; /* -1: not yet; month from 0 */
} parts;

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool is_delimiter(char c)
{
    const unsigned char b = (unsigned char)c;
    return b == '\t' || (b >= 0x20 && b <= 0x2f) || (b >= 0x3b && b <= 0x40) ||
           (b >= 0x5b && b <= 0x60) || (b >= 0x7b && b <= 0x7e);
}

/* least to most digits, behind which no digit stands. */
static bool take_digits(tc_span *s, size_t least, size_t most, int *ret)
{
    size_t n = 0;
    int value = 0;
    while (n < s->len && n <= most && tc_ascii_digit(s->at[n]))
        n++;
    if (n < least || n > most) return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (s->at[i] - '0');
    (void)tc_span_take(s, n);
    *ret = value;
    return true;
}

static bool take_colon(tc_span *s)
{
    if (!tc_span_starts(*s, TC_SPAN(":"))) return false;
    (void)tc_span_take(s, 1);
    return true;
}

static bool is_time(tc_span s, parts *p)
{
    int hour, minute, second;
    if (!take_digits(&s, 1, 2, &hour) || !take_colon(&s) || !take_digits(&s, 1, 2, &minute) ||
        !take_colon(&s) || !take_digits(&s, 1, 2, &second))
        return false;
    p->hour = hour;
    p->minute = minute;
    p->second = second;
    return true;
}

static int month_of(tc_span s)
{
    for (int i = 0; i < 12; i++)
        if (tc_span_ieq(tc_span_first(s, 3), tc_span_of(months[i], 3))) return i;
    return -1;
}

static void take_token(tc_span token, parts *p)
{
    if (p->hour < 0 && is_time(token, p)) return;
    tc_span s = token;
    if (p->day < 0 && take_digits(&s, 1, 2, &p->day)) return;
    if (p->month < 0 && (p->month = month_of(token)) >= 0) return;
    if (p->year < 0) (void)take_digits(&s, 2, 4, &p->year);
}

bool tc_cookie_date(tc_span text, int64_t *ret_unix)
{
    parts p = {-1, -1, -1, -1, -1, -1};
    char date[64];
    while (text.len) {
        size_t n = 0;
        while (n < text.len && !is_delimiter(text.at[n]))
            n++;
        if (n) take_token(tc_span_first(text, n), &p);
        text = tc_span_from(text, n + 1);
    }
    if (p.year >= 70 && p.year <= 99) p.year += 1900;
    if (p.year >= 0 && p.year <= 69) p.year += 2000;
    if (p.hour < 0 || p.hour > 23 || p.minute > 59 || p.second > 59 || p.day < 1 || p.month < 0 ||
        p.year < FIRST_YEAR)
        return false;
    const int n = snprintf(date, sizeof date, "Sun, %02d %s %04d %02d:%02d:%02d GMT", p.day,
                           months[p.month], p.year, p.hour, p.minute, p.second);
    return tc_date_parse(tc_span_of(date, (size_t)n), 0, ret_unix);
}
