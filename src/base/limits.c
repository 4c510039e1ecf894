/* limits.c - see limits.h. */
// SPDX-License-Identifier: MIT
#include "base/limits.h"

const tc_limits tc_limits_default = {
#define TC_LIMIT(name, default_value, least, unit, sentence) .name = default_value,
#include "limit.def"
#undef TC_LIMIT
};

const tc_limit_row tc_limit_rows[] = {
#define TC_LIMIT(name, default_value, least, unit, sentence)                                       \
    {#name, unit, sentence, default_value, least, offsetof(tc_limits, name)},
#include "limit.def"
#undef TC_LIMIT
};

const size_t tc_limit_row_count = sizeof tc_limit_rows / sizeof *tc_limit_rows;

const tc_refusal_row tc_refusal_rows[] = {
#define TC_REFUSAL(name, sentence) {#name, sentence, offsetof(tc_reached, refused.name)},
#include "refusal.def"
#undef TC_REFUSAL
};

const size_t tc_refusal_row_count = sizeof tc_refusal_rows / sizeof *tc_refusal_rows;

tc_err tc_limits_set(tc_limits *limits, tc_span assignment)
{
    const size_t equals = tc_span_find(assignment, '=');
    const tc_span name = tc_span_first(assignment, equals);
    uint64_t value;
    if (equals == assignment.len || !tc_span_number(tc_span_from(assignment, equals + 1), &value))
        return TC_ERR_USAGE;
    for (size_t i = 0; i < tc_limit_row_count; i++)
        if (tc_span_eq(name, tc_span_str(tc_limit_rows[i].name))) {
            *tc_limit_at(limits, &tc_limit_rows[i]) = value;
            return TC_OK;
        }
    return TC_ERR_USAGE;
}

const tc_limit_row *tc_limits_too_small(const tc_limits *limits)
{
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)limits + tc_limit_rows[i].offset, sizeof value);
        if (value < tc_limit_rows[i].least) return &tc_limit_rows[i];
    }
    return NULL;
}

void tc_reached_add(tc_reached *to, const tc_reached *more)
{
#define TC_LIMIT(name, default_value, least, unit, sentence) to->name += more->name;
#include "limit.def"
#undef TC_LIMIT
#define TC_REFUSAL(name, sentence) to->refused.name += more->refused.name;
#include "refusal.def"
#undef TC_REFUSAL
}
