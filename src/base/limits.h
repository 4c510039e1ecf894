/* limits.h - tables/limit.def as two structs: what is allowed, and how often that was reached. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

typedef struct tc_limits {
#define TC_LIMIT(name, default_value, least, unit, sentence) uint64_t name;
#include "limit.def"
#undef TC_LIMIT
} tc_limits;

/* How often each limit was reached, by the same names. */
typedef tc_limits tc_reached;

extern const tc_limits tc_limits_default;

/* One row of the table, for help texts and reports. */
typedef struct tc_limit_row {
    const char *name, *unit, *sentence;
    uint64_t default_value, least;
    size_t offset; /* of the member in tc_limits */
} tc_limit_row;

extern const tc_limit_row tc_limit_rows[];
extern const size_t tc_limit_row_count;

/* "header_ms=2000": TC_ERR_USAGE when the name is unknown or the value no number. */
tc_err tc_limits_set(tc_limits *limits, tc_span assignment) TC_MUST_USE;
/* The first one that is below the least value that makes sense; NULL: all are fine. */
const tc_limit_row *tc_limits_too_small(const tc_limits *limits);

void tc_reached_add(tc_reached *to, const tc_reached *more);

static inline uint64_t *tc_limit_at(tc_limits *limits, const tc_limit_row *row)
{
    return (uint64_t *)((char *)limits + row->offset);
}
