/* language.c - see language.h. */
// SPDX-License-Identifier: MIT
#include "http/language.h"

#include "base/ascii.h"
#include "http/accept.h"

enum { RANGE_BYTES = 64 };

typedef struct range {
    tc_span text;
    int q;
} range;

bool tc_language_is_tag(tc_span tag)
{
    size_t subtag = 0; /* bytes of the one that ends here */
    if (tag.len == 0 || !tc_ascii_alpha(tag.at[0])) return false;
    for (size_t i = 0; i < tag.len; i++) {
        if (tag.at[i] == '-' ? subtag == 0
                             : !tc_ascii_alpha(tag.at[i]) && !tc_ascii_digit(tag.at[i]))
            return false;
        subtag = tag.at[i] == '-' ? 0 : subtag + 1;
        if (subtag > 8) return false;
    }
    return subtag > 0;
}

/* The ranges, by falling weight, each where it stands among its equals. */
static size_t read_ranges(const tc_fields *f, range ranges[TC_LANGUAGE_RANGES_MAX])
{
    size_t count = 0;
    uint32_t cursor = 0;
    range r;
    tc_span line;
    while (tc_fields_next(f, TC_FIELD_ACCEPT_LANGUAGE, &cursor, &line))
        while (count < TC_LANGUAGE_RANGES_MAX && tc_weighted_next(&line, &r.text, &r.q)) {
            if (r.text.len > RANGE_BYTES) continue; /* no language has such a name */
            size_t at = count++;
            for (; at > 0 && ranges[at - 1].q < r.q; at--)
                ranges[at] = ranges[at - 1];
            ranges[at] = r;
        }
    return count;
}

/* Without its last subtag, nor a single letter before that: it would say nothing. */
static tc_span shorter(tc_span s)
{
    do {
        while (s.len > 0 && s.at[s.len - 1] != '-')
            s.len--;
        if (s.len > 0) s.len--;
    } while (s.len > 1 && s.at[s.len - 2] == '-');
    return s;
}

static bool find(tc_span text, const tc_span *tags, size_t count, size_t *ret_place)
{
    for (; text.len > 0; text = shorter(text))
        for (size_t i = 0; i < count; i++)
            if (tc_span_ieq(tags[i], text)) {
                *ret_place = i;
                return true;
            }
    return false;
}

/* Whether the range is the tag or the beginning of it (RFC 4647, 3.3.1). */
static bool covers(tc_span text, tc_span tag)
{
    return tag.len >= text.len && tc_span_ieq(tc_span_first(tag, text.len), text) &&
           (tag.len == text.len || tag.at[text.len] == '-');
}

static bool excluded(tc_span tag, const range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].q == 0 && covers(ranges[i].text, tag)) return true;
    return false;
}

size_t tc_language_lookup(const tc_fields *f, const tc_span *tags, size_t count)
{
    range ranges[TC_LANGUAGE_RANGES_MAX];
    const size_t range_count = read_ranges(f, ranges);
    size_t place;
    for (size_t i = 0; i < range_count && ranges[i].q > 0; i++)
        if (find(ranges[i].text, tags, count, &place) &&
            (tags[place].len == ranges[i].text.len || !excluded(tags[place], ranges, range_count)))
            return place;
    for (place = 0; place < count; place++)
        if (!excluded(tags[place], ranges, range_count)) return place;
    return 0;
}
