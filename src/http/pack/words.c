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

void tc_noted_add(tc_noted *n, bool ours, tc_span name, tc_span value)
{
    const size_t begin = n->lines.len;
    tc_err err = tc_buf_add_byte(&n->lines, ours ? '>' : '<');
    if (!err) err = tc_buf_add(&n->lines, name);
    if (!err) err = tc_buf_add(&n->lines, TC_SPAN(": "));
    if (!err) err = tc_buf_add(&n->lines, value);
    for (size_t i = begin; i < n->lines.len; i++)
        if (n->lines.at[i] == '\n') n->lines.at[i] = ' '; /* it makes no line */
    if (!err) err = tc_buf_add_byte(&n->lines, '\n');
    if (err) n->lines.len = begin;
    n->plain += name.len + value.len + 4;
}

void tc_noted_move(tc_noted *n, tc_buf *notes)
{
    (void)!tc_buf_add(notes, tc_buf_span(&n->lines)); /* or whoever looks on misses a line */
    tc_buf_fini(&n->lines);
    n->plain = 0;
}
