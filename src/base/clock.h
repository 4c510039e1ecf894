/* clock.h - the two clocks. Engines never read them: time is an argument there.
 *
 * A test may stop the monotonic clock of its thread and move it on by hand, so that what takes time
 * does not depend on how busy the machine is. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

#define TC_MS INT64_C(1000000) /* nanoseconds */
#define TC_S INT64_C(1000000000)

int64_t tc_clock_now(void);  /* monotonic nanoseconds, for spans of time */
int64_t tc_clock_wall(void); /* seconds since 1970 UTC, for dates */
int64_t tc_clock_wall_ns(void);

void tc_clock_stop(void);
void tc_clock_move(int64_t ns); /* of a stopped one; loops see it when they look (tc_loop_tick) */
void tc_clock_go(void);         /* it is the system's again */
