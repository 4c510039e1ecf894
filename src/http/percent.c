/* percent.c - see percent.h. */
// SPDX-License-Identifier: MIT
#include "http/percent.h"

#include <string.h>

#include "base/ascii.h"

static bool stands(char c, const char *also)
{
    return tc_ascii_alpha(c) || tc_ascii_digit(c) || (c && (strchr("-._~", c) || strchr(also, c)));
}

tc_span tc_percent_encode(tc_arena *a, tc_span s, const char *also)
{
    static const char hex[] = "0123456789ABCDEF";
    char *at = tc_arena_bytes(a, 3 * s.len + 1);
    size_t len = 0;
    for (size_t i = 0; at && i < s.len; i++) {
        const char c = s.at[i];
        if (stands(c, also)) {
            at[len++] = c;
        } else {
            at[len++] = '%';
            at[len++] = hex[(uint8_t)c >> 4];
            at[len++] = hex[(uint8_t)c & 15];
        }
    }
    return tc_span_of(at, len);
}

tc_span tc_percent_decode(tc_arena *a, tc_span s, bool plus)
{
    if (s.len && tc_span_find(s, '%') == s.len && (!plus || tc_span_find(s, '+') == s.len))
        return s;
    char *at = tc_arena_bytes(a, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; at && i < s.len; i++) {
        char c = plus && s.at[i] == '+' ? ' ' : s.at[i];
        if (c == '%') {
            const int high = i + 2 < s.len ? tc_ascii_hex(s.at[i + 1]) : -1;
            const int low = i + 2 < s.len ? tc_ascii_hex(s.at[i + 2]) : -1;
            if (high < 0 || low < 0) return (tc_span){0};
            c = (char)(high << 4 | low);
            i += 2;
        }
        at[len++] = c;
    }
    return tc_span_of(at, len);
}
