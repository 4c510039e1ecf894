/* clock.h - the two clocks. Engines never read them: time is an argument there. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

#define TC_MS INT64_C(1000000) /* nanoseconds */
#define TC_S INT64_C(1000000000)

int64_t tc_clock_now(void);  /* monotonic nanoseconds, for spans of time */
int64_t tc_clock_wall(void); /* seconds since 1970 UTC, for dates */
