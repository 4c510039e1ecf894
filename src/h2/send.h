/* send.h - the output as runs for the link. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h2/state.h"

size_t tc_h2_output(tc_h2 *c, tc_run *ret_runs, size_t max, size_t budget);
void tc_h2_wrote(tc_h2 *c, size_t n);
