/* measure.h - two libraries at the same work, in turns: nanoseconds for one field, and the median
 * of the ratios of rounds. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum { ROUNDS = 15, REPEAT_NS = 40000000 };

static inline double measure(size_t (*work)(void), size_t fields)
{
    const int64_t begin = tc_clock_now();
    int64_t now, times = 0;
    do {
        if (work() == 0) abort();
        times++;
        now = tc_clock_now();
    } while (now - begin < REPEAT_NS);
    return (double)(now - begin) / (double)times / (double)fields;
}

static inline int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static inline void compare(const char *what, const char *peer, size_t (*ours)(void),
                           size_t (*theirs)(void), size_t fields)
{
    double a[ROUNDS], b[ROUNDS], ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = measure(ours, fields);
        b[i] = measure(theirs, fields);
        ratio[i] = a[i] / b[i];
    }
    printf("%-8s %6.1f ns a field, %s %6.1f: %.2f\n", what, median(a), peer, median(b),
           median(ratio));
}
