/* units.c - see units.h. */
// SPDX-License-Identifier: MIT
#include "run/units.h"

#include "base/clock.h"
#include "base/text.h"

tc_err tc_units_time(tc_buf *b, int64_t ns)
{
    if (ns < 0) ns = 0;
    if (ns < 10 * TC_MS - TC_MS / 20)
        return tc_buf_printf(b, "%.1f ms", (double)ns / (double)TC_MS);
    if (ns < TC_S - TC_MS / 2) return tc_buf_printf(b, "%.0f ms", (double)ns / (double)TC_MS);
    if (ns < 100 * TC_S) return tc_buf_printf(b, "%.2f s", (double)ns / (double)TC_S);
    return tc_buf_printf(b, "%.0f s", (double)ns / (double)TC_S);
}

tc_err tc_units_bytes(tc_buf *b, uint64_t n)
{
    const tc_err err = tc_text_thousands(b, n);
    return err ? err : tc_buf_add(b, TC_SPAN(" B"));
}

tc_err tc_units_rounded(tc_buf *b, uint64_t n)
{
    static const char *const names[] = {"kB", "MB", "GB", "TB"};
    double value = (double)n / 1000;
    size_t i = 0;
    if (n < 1000) return tc_buf_printf(b, "%u B", (unsigned)n);
    for (; value >= 999.95 && i + 1 < sizeof names / sizeof *names; i++)
        value /= 1000;
    return tc_buf_printf(b, "%.1f %s", value, names[i]);
}

tc_err tc_units_place(tc_buf *b, unsigned n)
{
    const unsigned tens = n % 100, ones = n % 10;
    const bool teen = tens >= 11 && tens <= 13;
    return tc_buf_printf(b, "%u%s", n,
                         teen        ? "th"
                         : ones == 1 ? "st"
                         : ones == 2 ? "nd"
                         : ones == 3 ? "rd"
                                     : "th");
}

size_t tc_units_columns(tc_span text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return n;
}
