/* etag.c - see etag.h. */
// SPDX-License-Identifier: MIT
#include "http/etag.h"

bool tc_etag_weak(tc_span etag)
{
    return tc_span_starts(etag, TC_SPAN("W/"));
}

static tc_span opaque(tc_span etag)
{
    return tc_span_from(etag, tc_etag_weak(etag) ? 2 : 0);
}

size_t tc_etag_length(tc_span s)
{
    const tc_span tag = opaque(s);
    if (tag.len < 2 || tag.at[0] != '"') return 0;
    for (size_t i = 1; i < tag.len; i++) {
        const uint8_t c = (uint8_t)tag.at[i];
        if (c == '"') return s.len - tag.len + i + 1;
        if (c < 0x21 || c == 0x7f) return 0;
    }
    return 0;
}

bool tc_etag_equal(tc_span a, tc_span b, bool strong)
{
    if (strong && (tc_etag_weak(a) || tc_etag_weak(b))) return false;
    if (a.len == 0 || tc_etag_length(a) != a.len) return false;
    return tc_span_eq(opaque(a), opaque(b));
}

static tc_span skip(tc_span s, bool commas)
{
    size_t n = 0;
    while (n < s.len && (s.at[n] == ' ' || s.at[n] == '\t' || (commas && s.at[n] == ',')))
        n++;
    return tc_span_from(s, n);
}

bool tc_etag_matches(tc_span list, tc_span etag, bool strong)
{
    if (tc_span_eq(tc_span_trim(list), TC_SPAN("*"))) return true;
    for (list = skip(list, true); list.len; list = skip(list, true)) {
        const size_t n = tc_etag_length(list);
        if (n == 0) return false;
        const tc_span tag = tc_span_take(&list, n);
        list = skip(list, false);
        if (list.len && list.at[0] != ',') return false;
        if (tc_etag_equal(tag, etag, strong)) return true;
    }
    return false;
}
