/* limits.h - tables/limit.def as two structs: what is allowed, and how often that was reached; with
 * the latter, tables/refusal.def: whom settings turned away. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

typedef struct tc_limits {
#define TC_LIMIT(name, default_value, least, unit, sentence) uint64_t name;
#include "limit.def"
#undef TC_LIMIT
} tc_limits;

typedef struct tc_refused {
#define TC_REFUSAL(name, sentence) uint64_t name;
#include "refusal.def"
#undef TC_REFUSAL
} tc_refused;

/* How often each limit was reached, by the same names, in the same places. */
typedef struct tc_reached {
#define TC_LIMIT(name, default_value, least, unit, sentence) uint64_t name;
#include "limit.def"
#undef TC_LIMIT
    tc_refused refused;
} tc_reached;

extern const tc_limits tc_limits_default;

/* One row of the table, for help texts and reports. */
typedef struct tc_limit_row {
    const char *name, *unit, *sentence;
    uint64_t default_value, least;
    size_t offset; /* of the member in tc_limits */
} tc_limit_row;

extern const tc_limit_row tc_limit_rows[];
extern const size_t tc_limit_row_count;

typedef struct tc_refusal_row {
    const char *name, *sentence;
    size_t offset; /* of the member in tc_reached */
} tc_refusal_row;

extern const tc_refusal_row tc_refusal_rows[];
extern const size_t tc_refusal_row_count;

/* "header_ms=2000": TC_ERR_USAGE when the name is unknown or the value no number. */
tc_err tc_limits_set(tc_limits *limits, tc_span assignment) TC_MUST_USE;
/* The first one that is below the least value that makes sense; NULL: all are fine. */
const tc_limit_row *tc_limits_too_small(const tc_limits *limits);

void tc_reached_add(tc_reached *to, const tc_reached *more);

static inline uint64_t *tc_limit_at(tc_limits *limits, const tc_limit_row *row)
{
    return (uint64_t *)((char *)limits + row->offset);
}

static inline uint64_t *tc_reached_at(tc_reached *reached, const tc_limit_row *row)
{
    return (uint64_t *)((char *)reached + row->offset);
}
