/* span.c - see span.h. */
// SPDX-License-Identifier: MIT
#include "base/span.h"

#include "base/ascii.h"

bool tc_span_ieq(tc_span a, tc_span b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (tc_ascii_lower(a.at[i]) != tc_ascii_lower(b.at[i])) return false;
    return true;
}

tc_span tc_span_trim(tc_span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = tc_span_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool tc_span_number(tc_span s, uint64_t *ret_value)
{
    if (s.len == 0 || s.len > 19) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!tc_ascii_digit(s.at[i])) return false;
        value = value * 10 + (uint64_t)(s.at[i] - '0');
    }
    *ret_value = value;
    return true;
}
