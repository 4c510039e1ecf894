/* histogram.c - see histogram.h. */
// SPDX-License-Identifier: MIT
#include "load/histogram.h"

enum { PART_BITS = 6 };

/* Below 64 ns each has a counter of its own; then the six bits behind the first one count. */
static unsigned slot_of(int64_t ns)
{
    const uint64_t limit = (UINT64_C(1) << TC_HISTOGRAM_BITS) - 1;
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    if (value > limit) value = limit;
    if (value < TC_HISTOGRAM_PARTS) return (unsigned)value;
    const unsigned shift = 63 - (unsigned)__builtin_clzll(value) - PART_BITS;
    return (shift << PART_BITS) + (unsigned)(value >> shift);
}

/* The largest time of a slot. */
static int64_t top_of(unsigned slot)
{
    if (slot < TC_HISTOGRAM_PARTS) return slot;
    const unsigned shift = (slot >> PART_BITS) - 1;
    const uint64_t part = (slot & (TC_HISTOGRAM_PARTS - 1)) + TC_HISTOGRAM_PARTS;
    return (int64_t)(((part + 1) << shift) - 1);
}

void tc_histogram_add(tc_histogram *h, int64_t ns)
{
    if (ns < 0) ns = 0;
    if (!h->count || ns < h->least) h->least = ns;
    if (ns > h->most) h->most = ns;
    h->count++;
    h->sum += (uint64_t)ns;
    h->at[slot_of(ns)]++;
}

int64_t tc_histogram_part(const tc_histogram *h, double part)
{
    const double wanted = part * (double)h->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < TC_HISTOGRAM_SLOTS && h->count; i++) {
        seen += h->at[i];
        if (!h->at[i] || (double)seen < wanted) continue;
        const int64_t top = top_of(i);
        return top < h->most ? top : h->most;
    }
    return h->most;
}

uint64_t tc_histogram_below(const tc_histogram *h, int64_t ns)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < TC_HISTOGRAM_SLOTS && top_of(i) < ns; i++)
        seen += h->at[i];
    return seen;
}
