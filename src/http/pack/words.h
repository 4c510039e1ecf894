/* words.h - words after one another, as many as fit: a frame said for whoever looks on. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { TC_WORDS_BYTES = 512 };

/* One byte is always left for an end of the line. */
typedef struct tc_words {
    char at[TC_WORDS_BYTES];
    size_t len;
} tc_words;

void tc_words_add(tc_words *l, const char *text);
void tc_words_number(tc_words *l, const char *before, uint64_t n, const char *after);
