/* timer.h - deadlines in a heap, made for timers that are put off far more often than they ring.
 *
 * Putting a timer off (the idle time of a busy connection) only stores the new deadline; the heap
 * is mended when the old one comes up. Times are monotonic nanoseconds. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

#define TC_NEVER INT64_MAX

typedef struct tc_timer {
    int64_t deadline; /* TC_NEVER: not set */
    uint32_t place;   /* in the heap, from 1; 0: not in it */
} tc_timer;

struct tc_timers_slot;

typedef struct tc_timers {
    struct tc_timers_slot *slots;
    uint32_t count, size;
} tc_timers;

void tc_timers_fini(tc_timers *t); /* zero is a valid start */

/* deadline may be TC_NEVER. The timer must stay where it is while it is set; a zeroed one is
 * ready. Fails only without memory. */
tc_err tc_timer_set(tc_timers *t, tc_timer *timer, int64_t deadline) TC_MUST_USE;
void tc_timer_clear(tc_timers *t, tc_timer *timer); /* before the timer's memory goes */

int64_t tc_timers_next(const tc_timers *t); /* a time by which to look; TC_NEVER */
/* One timer whose deadline is not after now, cleared; NULL when there is none. */
tc_timer *tc_timers_due(tc_timers *t, int64_t now);
