/* words.c - see words.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/words.h"

#include "base/text.h"

void tc_words_add(tc_words *l, const char *text)
{
    const tc_span s = tc_span_first(tc_span_str(text), sizeof l->at - 1 - l->len);
    if (s.len) memcpy(l->at + l->len, s.at, s.len);
    l->len += s.len;
}

void tc_words_number(tc_words *l, const char *before, uint64_t n, const char *after)
{
    char digits[24];
    digits[tc_text_number(digits, n)] = 0;
    tc_words_add(l, before);
    tc_words_add(l, digits);
    tc_words_add(l, after);
}

void tc_words_saving(tc_words *l, uint64_t packed, uint64_t plain)
{
    tc_words_number(l, " for ", plain, " (");
    if (packed < plain)
        tc_words_number(l, "", (plain - packed) * 100 / plain, " % saved)");
    else
        tc_words_add(l, "nothing saved)");
}
