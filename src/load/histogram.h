/* histogram.h - how often which time was measured, in a fixed room: 64 counters for each doubling,
 * so that what is read back is at most 1/64 above what was put in. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

enum {
    TC_HISTOGRAM_PARTS = 64, /* of a doubling */
    TC_HISTOGRAM_BITS = 40,  /* times up to 2^40 ns, 18 minutes; longer ones count as that */
    TC_HISTOGRAM_SLOTS = (TC_HISTOGRAM_BITS - 5) * TC_HISTOGRAM_PARTS
};

/* Zero is a valid start. */
typedef struct tc_histogram {
    uint64_t count, sum;
    int64_t least, most; /* exact */
    uint64_t at[TC_HISTOGRAM_SLOTS];
} tc_histogram;

void tc_histogram_add(tc_histogram *h, int64_t ns); /* below 0 is 0 */
/* The time that this part (0 to 1) of all was not above; 0 where nothing was measured. */
int64_t tc_histogram_part(const tc_histogram *h, double part);
/* How many were below ns, as far as the counters tell. */
uint64_t tc_histogram_below(const tc_histogram *h, int64_t ns);
