/* span.h - bytes to look at, not to free. Passed and returned by value, in two registers. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct tc_span {
    const char *at;
    size_t len;
} tc_span;

_Static_assert(sizeof(tc_span) == 2 * sizeof(void *), "passed in two registers");

/* A span of a string literal. */
#define TC_SPAN(literal) ((tc_span){"" literal, sizeof(literal) - 1})
/* For printf: "%.*s", TC_FMT(span). */
#define TC_FMT(span) (int)(span).len, (span).at

static inline tc_span tc_span_of(const char *at, size_t len)
{
    return (tc_span){at, len};
}

/* Of a C string of our own (never of network data). NULL gives an empty span. */
static inline tc_span tc_span_str(const char *string)
{
    return (tc_span){string, string ? strlen(string) : 0};
}

static inline bool tc_span_eq(tc_span a, tc_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool tc_span_starts(tc_span s, tc_span with)
{
    return s.len >= with.len && (with.len == 0 || memcmp(s.at, with.at, with.len) == 0);
}

static inline bool tc_span_ends(tc_span s, tc_span with)
{
    return s.len >= with.len &&
           (with.len == 0 || memcmp(s.at + s.len - with.len, with.at, with.len) == 0);
}

/* From byte n on; empty past the end. (Adding 0 to NULL is undefined in C, and compiles to the same
 * with the test as without.) */
static inline tc_span tc_span_from(tc_span s, size_t n)
{
    if (n > s.len) n = s.len;
    return (tc_span){n ? s.at + n : s.at, s.len - n};
}

/* The first n bytes, or all. */
static inline tc_span tc_span_first(tc_span s, size_t n)
{
    return (tc_span){s.at, n < s.len ? n : s.len};
}

/* Takes the first n bytes off *s and returns them. n must not pass the end. */
static inline tc_span tc_span_take(tc_span *s, size_t n)
{
    const tc_span front = {s->at, n};
    if (n) s->at += n;
    s->len -= n;
    return front;
}

/* Index of the byte, or s.len where it is missing. */
static inline size_t tc_span_find(tc_span s, char byte)
{
    const char *found = s.len ? memchr(s.at, byte, s.len) : NULL;
    return found ? (size_t)(found - s.at) : s.len;
}

/* ASCII letters without regard to case. */
bool tc_span_ieq(tc_span a, tc_span b);

/* Without blanks (SP and HTAB) at both ends. */
tc_span tc_span_trim(tc_span s);

/* A decimal number of 1 to 19 digits and nothing else; false otherwise. */
bool tc_span_number(tc_span s, uint64_t *ret_value);
