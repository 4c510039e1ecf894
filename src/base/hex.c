/* hex.c - see hex.h. */
// SPDX-License-Identifier: MIT
#include "base/hex.h"

#include <string.h>

#include "base/ascii.h"
#include "base/hash.h"

void tc_hex_write(char *at, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        at[2 * i] = digits[bytes[i] >> 4];
        at[2 * i + 1] = digits[bytes[i] & 15];
    }
}

bool tc_hex_read(uint8_t *bytes, const char *digits, size_t n)
{
    if (!tc_hex_is(tc_span_of(digits, strlen(digits)), 2 * n)) return false;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(tc_ascii_hex(digits[2 * i]) << 4 | tc_ascii_hex(digits[2 * i + 1]));
    return true;
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
