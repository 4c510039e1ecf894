/* hex.h - bytes as hexadecimal digits: ids and keys by chance, seals and hashes as text. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* 2 * n digits, lower case, not terminated. */
void tc_hex_write(char *at, const uint8_t *bytes, size_t n);
/* n bytes of what that wrote. */
bool tc_hex_read(uint8_t *bytes, const char *digits, size_t n);
/* digits of them, from the system; an even number, 64 at most. */
void tc_hex_random(char *at, size_t digits);
/* Exactly that many digits, lower case. */
bool tc_hex_is(tc_span s, size_t digits);
