/* dump.c - see dump.h. */
// SPDX-License-Identifier: MIT
#include "ask/dump.h"

enum { ROW_BYTES = 16 };

static tc_err put_row(tc_buf *out, tc_span row, size_t off)
{
    char text[ROW_BYTES];
    tc_err err = tc_buf_printf(out, "%06zx ", off);
    for (size_t i = 0; i < ROW_BYTES && !err; i++) {
        const char *gap = i == ROW_BYTES / 2 ? "  " : " ";
        err = i < row.len ? tc_buf_printf(out, "%s%02x", gap, (unsigned char)row.at[i])
                          : tc_buf_printf(out, "%s  ", gap);
        if (i < row.len) text[i] = row.at[i] >= ' ' && row.at[i] <= '~' ? row.at[i] : '.';
    }
    if (!err) err = tc_buf_add(out, TC_SPAN("  "));
    return err ? err : tc_buf_add(out, tc_span_of(text, row.len));
}

tc_err tc_dump(tc_buf *out, tc_span mark, tc_span bytes, size_t most)
{
    const tc_span shown = tc_span_first(bytes, most < bytes.len ? most : bytes.len);
    tc_err err = TC_OK;
    for (size_t off = 0; off < shown.len && !err; off += ROW_BYTES) {
        const size_t left = shown.len - off;
        err = tc_buf_add(out, mark);
        if (!err)
            err =
                put_row(out, tc_span_of(shown.at + off, left < ROW_BYTES ? left : ROW_BYTES), off);
        if (!err) err = tc_buf_add_byte(out, '\n');
    }
    if (shown.len == bytes.len || err) return err;
    err = tc_buf_add(out, mark);
    return err ? err : tc_buf_printf(out, "... and %zu bytes more\n", bytes.len - shown.len);
}
