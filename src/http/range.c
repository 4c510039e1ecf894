/* range.c - see range.h. */
// SPDX-License-Identifier: MIT
#include "http/range.h"

#include "base/ascii.h"
#include "base/text.h"
#include "http/list.h"

enum { RANGES = 64 };

/* Takes digits off *s; a number past 64 bits becomes the largest there is. False: no digit. */
static bool take_number(tc_span *s, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t n = 0;
    for (; n < s->len && tc_ascii_digit(s->at[n]); n++) {
        const uint64_t digit = (uint64_t)(s->at[n] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    if (n == 0) return false;
    (void)tc_span_take(s, n);
    *ret_value = value;
    return true;
}

static bool take_byte(tc_span *s, char byte)
{
    if (s->len == 0 || s->at[0] != byte) return false;
    (void)tc_span_take(s, 1);
    return true;
}

/* One range-spec. False: malformed. *ret_inside: some of it lies in the representation. */
static bool read_one(tc_span s, uint64_t size, tc_range *ret_range, bool *ret_inside)
{
    uint64_t first, last = UINT64_MAX, suffix;
    if (take_byte(&s, '-')) {
        if (!take_number(&s, &suffix) || s.len) return false;
        *ret_inside = suffix > 0 && size > 0;
        *ret_range = (tc_range){suffix < size ? size - suffix : 0, size - 1};
        return true;
    }
    if (!take_number(&s, &first) || !take_byte(&s, '-')) return false;
    if (s.len && (!take_number(&s, &last) || s.len || last < first)) return false;
    *ret_inside = first < size;
    *ret_range = (tc_range){first, last < size ? last : size - 1};
    return true;
}

/* Sorts, by insertion: there are few. */
static void insert(tc_range *ranges, size_t count, tc_range one)
{
    while (count > 0 && ranges[count - 1].first > one.first) {
        ranges[count] = ranges[count - 1];
        count--;
    }
    ranges[count] = one;
}

enum tc_range_verdict tc_range_of(tc_span field, uint64_t size, tc_range *ret_range)
{
    tc_range ranges[RANGES], one;
    size_t count = 0, members = 0;
    const size_t equals = tc_span_find(field, '=');
    tc_span rest = tc_span_from(field, equals + 1), member;
    if (!tc_span_ieq(tc_span_first(field, equals), TC_SPAN("bytes"))) return TC_RANGE_NONE;
    while (tc_list_next(&rest, &member)) {
        bool inside;
        if (++members > RANGES || !read_one(member, size, &one, &inside)) return TC_RANGE_NONE;
        if (inside) insert(ranges, count++, one);
    }
    if (members == 0) return TC_RANGE_NONE;
    if (count == 0) return TC_RANGE_NOT_SATISFIABLE;
    one = ranges[0];
    for (size_t i = 1; i < count; i++) {
        if (ranges[i].first > one.last && ranges[i].first - one.last > 1) return TC_RANGE_NONE;
        if (ranges[i].last > one.last) one.last = ranges[i].last;
    }
    *ret_range = one;
    return TC_RANGE_ONE;
}

bool tc_content_range_parse(tc_span value, tc_content_range *ret_range)
{
    const size_t blank = tc_span_find(value, ' '), slash = tc_span_find(value, '/');
    if (!tc_span_ieq(tc_span_first(value, blank), TC_SPAN("bytes")) || slash < blank) return false;
    const tc_span range = tc_span_from(tc_span_first(value, slash), blank + 1);
    const tc_span size = tc_span_from(value, slash + 1);
    const size_t dash = tc_span_find(range, '-');
    tc_content_range c = {.satisfied = !tc_span_eq(range, TC_SPAN("*")), .size = TC_SIZE_UNKNOWN};
    const bool known = !tc_span_eq(size, TC_SPAN("*"));
    if (known && !tc_span_number(size, &c.size)) return false;
    if (!c.satisfied) {
        if (!known) return false;
    } else if (!tc_span_number(tc_span_first(range, dash), &c.range.first) ||
               !tc_span_number(tc_span_from(range, dash + 1), &c.range.last) ||
               c.range.last < c.range.first || c.range.last >= c.size) {
        return false;
    }
    *ret_range = c;
    return true;
}

size_t tc_content_range_write(char at[TC_CONTENT_RANGE_BYTES], const tc_range *range, uint64_t size)
{
    memcpy(at, "bytes *", 7);
    size_t n = 7;
    if (range) {
        n = 6 + tc_text_number(at + 6, range->first);
        at[n++] = '-';
        n += tc_text_number(at + n, range->last);
    }
    at[n++] = '/';
    if (size != TC_SIZE_UNKNOWN) return n + tc_text_number(at + n, size);
    at[n++] = '*';
    return n;
}
