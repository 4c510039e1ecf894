/* scan.c - see scan.h. Sixteen bytes at a time where the machine has SSE2; never reads past the
 * end, so the last bytes are looked at twice rather than alone. */
// SPDX-License-Identifier: MIT
#include "h1/scan.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool stops(char c)
{
    return ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f;
}

const char *tc_h1_scan_plain(const char *at, const char *end)
{
    while (at < end && !stops(*at))
        at++;
    return at;
}

#if defined(__SSE2__)

enum { WIDE = 16 };

/* One bit for each byte that stops. */
static unsigned stops_of(const char *at)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
}

const char *tc_h1_scan(const char *at, const char *end)
{
    if (end - at < WIDE) return tc_h1_scan_plain(at, end);
    for (; end - at >= WIDE; at += WIDE) {
        const unsigned found = stops_of(at);
        if (found) return at + __builtin_ctz(found);
    }
    if (at == end) return end;
    const unsigned found = stops_of(end - WIDE);
    return found ? end - WIDE + __builtin_ctz(found) : end;
}

#else

const char *tc_h1_scan(const char *at, const char *end)
{
    return tc_h1_scan_plain(at, end);
}

#endif
