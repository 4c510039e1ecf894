/* wire_text.c - see wire_text.h. */
// SPDX-License-Identifier: MIT
#include "support/wire_text.h"

#include <stdlib.h>

#include "base/ascii.h"

enum { ITEMS = 1024 };

void wire_add(tc_buf *b, tc_span s)
{
    if (tc_buf_add(b, s)) abort();
}

tc_span wire_unescape(tc_arena *a, tc_span s)
{
    char *out = tc_arena_bytes(a, s.len + 1);
    size_t n = 0;
    if (!out) abort();
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '\\' && i + 1 < s.len) {
            c = s.at[++i];
            if (c == 'x' && i + 2 < s.len) {
                c = (char)(tc_ascii_hex(s.at[i + 1]) << 4 | tc_ascii_hex(s.at[i + 2]));
                i += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
            }
        }
        out[n++] = c;
    }
    return tc_span_of(out, n);
}

void wire_escape(tc_buf *b, tc_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\') wire_add(b, TC_SPAN("\\"));
        if (c < 0x20 || c >= 0x7f) {
            if (tc_buf_printf(b, "\\x%02x", c)) abort();
        } else {
            wire_add(b, tc_span_of(s.at + i, 1));
        }
    }
}

bool wire_word(tc_arena *a, tc_span *rest, tc_span *ret_word)
{
    *rest = tc_span_trim(*rest);
    if (rest->len == 0) return false;
    if (rest->at[0] == '"') {
        size_t end = 1;
        while (end < rest->len && rest->at[end] != '"')
            end += rest->at[end] == '\\' ? 2 : 1;
        *ret_word = wire_unescape(a, tc_span_of(rest->at + 1, end - 1));
        *rest = tc_span_from(*rest, end + 1);
    } else {
        *ret_word = tc_span_first(*rest, tc_span_find(*rest, ' '));
        *rest = tc_span_from(*rest, ret_word->len);
    }
    return true;
}

/* --- lines by stream --- */

typedef struct item {
    uint64_t stream;
    size_t nth;
    tc_span text;
} item;

static uint64_t stream_of(tc_span line, bool frames)
{
    uint64_t stream;
    tc_span rest = tc_span_first(line, tc_span_find(line, '\n'));
    while (frames && rest.len > 0 && !tc_span_starts(rest, TC_SPAN(" stream=")))
        rest = tc_span_from(rest, 1);
    if (frames) rest = tc_span_from(rest, sizeof " stream=" - 1);
    size_t end = 0;
    while (end < rest.len && rest.at[end] >= '0' && rest.at[end] <= '9')
        end++;
    if (tc_span_number(tc_span_first(rest, end), &stream)) return stream;
    return frames ? 0 : UINT64_MAX;
}

static int compare(const void *left, const void *right)
{
    const item *a = left, *b = right;
    if (a->stream != b->stream) return a->stream < b->stream ? -1 : 1;
    return a->nth < b->nth ? -1 : 1;
}

/* How long what stands before the content of such a line is; 0: it is of another kind. */
static size_t before_content(tc_span line, bool frames)
{
    const size_t quote = tc_span_find(line, '"');
    const tc_span before = tc_span_first(line, quote);
    if (quote == line.len) return 0;
    if (frames) return tc_span_starts(line, TC_SPAN("DATA ")) ? quote + 1 : 0;
    return before.len > 5 && tc_span_eq(tc_span_from(before, before.len - 5), TC_SPAN("data "))
               ? quote + 1
               : 0;
}

/* Is this line more of the content that the text so far ends with? */
static bool goes_on(tc_span last, tc_span line, bool frames)
{
    const size_t n = before_content(line, frames);
    return n > 0 && before_content(last, frames) == n &&
           tc_span_eq(tc_span_first(last, n), tc_span_first(line, n)) && last.len > n + 1 &&
           tc_span_starts(tc_span_from(last, last.len - 2), TC_SPAN("\"\n"));
}

void wire_sort(tc_buf *lines, bool frames)
{
    static item items[ITEMS];
    size_t count = 0, last = 0;
    tc_buf sorted;
    for (tc_span rest = tc_buf_span(lines); rest.len > 0;) {
        const size_t end = tc_span_find(rest, '\n') + 1;
        if (count > 0 && rest.at[0] == ' ') {
            items[count - 1].text.len += end;
        } else {
            if (count == ITEMS) abort();
            items[count] = (item){stream_of(rest, frames), count, tc_span_first(rest, end)};
            count++;
        }
        rest = tc_span_from(rest, end);
    }
    qsort(items, count, sizeof *items, compare);
    tc_buf_init(&sorted, lines->len + 1);
    for (size_t i = 0; i < count; i++) {
        const tc_span so_far = tc_span_from(tc_buf_span(&sorted), last);
        if (i > 0 && items[i].stream == items[i - 1].stream &&
            goes_on(so_far, items[i].text, frames)) {
            sorted.len -= 2;
            wire_add(&sorted, tc_span_from(items[i].text, before_content(items[i].text, frames)));
        } else {
            last = sorted.len;
            wire_add(&sorted, items[i].text);
        }
    }
    tc_buf_reset(lines);
    wire_add(lines, tc_buf_span(&sorted));
    tc_buf_fini(&sorted);
}
