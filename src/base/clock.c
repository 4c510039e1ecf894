/* clock.c - see clock.h. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <time.h>

static _Thread_local int64_t stopped; /* 0: it goes */

int64_t tc_clock_now(void)
{
    struct timespec t;
    if (stopped) return stopped;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return t.tv_sec * TC_S + t.tv_nsec;
}

void tc_clock_stop(void)
{
    stopped = tc_clock_now();
}

void tc_clock_move(int64_t ns)
{
    stopped += ns;
}

void tc_clock_go(void)
{
    stopped = 0;
}

int64_t tc_clock_wall_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * TC_S + t.tv_nsec;
}

int64_t tc_clock_wall(void)
{
    return tc_clock_wall_ns() / TC_S;
}
