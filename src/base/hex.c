/* hex.c - see hex.h. */
// SPDX-License-Identifier: MIT
#include "base/hex.h"

#include <stdlib.h>

#include "base/hash.h"

void tc_hex_write(char *at, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        at[2 * i] = digits[bytes[i] >> 4];
        at[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void tc_hex_random(char *at, size_t digits)
{
    uint8_t bytes[32];
    tc_random_bytes(bytes, sizeof bytes);
    tc_hex_write(at, bytes, digits / 2);
}

bool tc_hex_is(tc_span s, size_t digits)
{
    if (s.len != digits) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!s.at[i] || !strchr("0123456789abcdef", s.at[i])) return false;
    return true;
}
