/* ascii.h - classes of single bytes, whatever the locale says. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>

static inline bool tc_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool tc_ascii_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char tc_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* 0 to 15, or -1. */
static inline int tc_ascii_hex(char c)
{
    if (tc_ascii_digit(c)) return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
