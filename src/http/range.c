/* range.c - see range.h. */
// SPDX-License-Identifier: MIT
#include "http/range.h"

#include "base/ascii.h"
#include "base/text.h"
#include "http/list.h"

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
        *ret_inside = suffix > 0;
        *ret_range = (tc_range){suffix < size ? size - suffix : 0, size - 1};
        return true;
    }
    if (!take_number(&s, &first) || !take_byte(&s, '-')) return false;
    if (s.len && (!take_number(&s, &last) || s.len || last < first)) return false;
    *ret_inside = first < size;
    *ret_range = (tc_range){first, last < size ? last : size - 1};
    return true;
}

/* Whether one part takes fewer bytes than two (RFC 9110, 15.3.7.2). */
static bool near(tc_range a, tc_range b)
{
    if (a.first > b.first) return near(b, a);
    return b.first <= a.last || b.first - a.last - 1 <= TC_RANGE_GAP;
}

static void remove_at(tc_range_set *set, size_t i)
{
    set->count--;
    for (; i < set->count; i++)
        set->at[i] = set->at[i + 1];
}

/* One that meets others takes the place of the first of them. False: there is no room. */
static bool add(tc_range_set *set, tc_range one)
{
    size_t place = set->count;
    for (size_t i = 0; i < set->count; i++) {
        if (!near(set->at[i], one)) continue;
        const tc_range old = set->at[i];
        if (old.first < one.first) one.first = old.first;
        if (old.last > one.last) one.last = old.last;
        if (i < place) place = i;
        remove_at(set, i);
        i = (size_t)-1; /* it has grown: others may meet it now */
    }
    if (set->count == set->room) return false;
    for (size_t i = set->count++; i > place; i--)
        set->at[i] = set->at[i - 1];
    set->at[place] = one;
    return true;
}

static enum tc_range_verdict nothing(tc_range_set *set, enum tc_range_verdict why)
{
    set->count = 0;
    return why;
}

enum tc_range_verdict tc_ranges_of(tc_span field, uint64_t size, tc_range_set *set)
{
    const size_t equals = tc_span_find(field, '=');
    tc_span rest = tc_span_from(field, equals + 1), member;
    bool any = false, room = true, whole = false;
    set->count = 0;
    if (!tc_span_ieq(tc_span_first(field, equals), TC_SPAN("bytes"))) return TC_RANGE_NONE;
    while (tc_list_next(&rest, &member)) {
        tc_range one;
        bool inside;
        any = true;
        if (!read_one(member, size, &one, &inside)) return nothing(set, TC_RANGE_NONE);
        whole |= inside && size == 0; /* what has no bytes has all that its end may have */
        if (inside && size > 0 && room) room = add(set, one);
    }
    if (!any || whole) return TC_RANGE_NONE;
    if (!room) return nothing(set, TC_RANGE_TOO_MANY);
    return set->count ? TC_RANGE_SOME : TC_RANGE_NOT_SATISFIABLE;
}

size_t tc_range_members(tc_span field)
{
    size_t count = 1;
    for (size_t i = 0; i < field.len; i++)
        count += field.at[i] == ',';
    return count;
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
