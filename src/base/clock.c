/* clock.c - see clock.h. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <time.h>

int64_t tc_clock_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return t.tv_sec * TC_S + t.tv_nsec;
}

int64_t tc_clock_wall(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}
