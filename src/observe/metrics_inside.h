/* metrics_inside.h - what the files of the metrics share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/metrics.h"

extern const int64_t tc_metrics_bounds[TC_METRICS_BUCKETS]; /* ns, rising */
