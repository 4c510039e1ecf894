/* words.h - words after one another, as many as fit: a frame said for whoever looks on. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

enum { TC_WORDS_BYTES = 512 };

/* One byte is always left for an end of the line. */
typedef struct tc_words {
    char at[TC_WORDS_BYTES];
    size_t len;
} tc_words;

void tc_words_add(tc_words *l, const char *text);
void tc_words_number(tc_words *l, const char *before, uint64_t n, const char *after);
/* What a block of fields would take as lines of text, beside what it took. */
void tc_words_saving(tc_words *l, uint64_t packed, uint64_t plain);
