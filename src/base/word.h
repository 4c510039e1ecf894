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
