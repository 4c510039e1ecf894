/* word.h - eight bytes looked at as one number: most text has nothing in it that matters, and this
 * finds that out. */
// SPDX-License-Identifier: MIT
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TC_WORD = 8 };

#define TC_WORD_EACH(byte) (UINT64_C(0x0101010101010101) * (uint8_t)(byte))

/* The first byte is the one of least value. */
static inline uint64_t tc_word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* Of those bytes, which are more than i, the next ones from i on; zeros behind them. */
static inline uint64_t tc_word_of(const char *at, size_t len, size_t i)
{
    const size_t left = len - i;
    if (left >= TC_WORD) return tc_word_at(at + i);
    if (len >= TC_WORD) return tc_word_at(at + len - TC_WORD) >> 8 * (TC_WORD - left);
    uint64_t word = 0;
    memcpy(&word, at + i, left);
    return le64toh(word);
}

/* The high bit of each byte is set that is c, or (only then) of some behind it.
 * The other bits mean nothing, so that several answers can be put together before one test. */
static inline uint64_t tc_word_are(uint64_t word, char c)
{
    const uint64_t x = word ^ TC_WORD_EACH(c);
    return (x - TC_WORD_EACH(1)) & ~x;
}

/* How many bytes stand before the first one whose high bit is set in the answers; TC_WORD: there is
 * none. */
static inline size_t tc_word_first(uint64_t answers)
{
    answers &= TC_WORD_EACH(0x80);
    return answers ? (size_t)__builtin_ctzll(answers) / 8 : TC_WORD;
}
