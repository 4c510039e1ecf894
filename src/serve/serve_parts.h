/* serve_parts.h - what a server stands on, opened one after the other, and the server upon it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/build.h"
#include "serve/kin.h"

/* Serves what a configuration without faults says, until it is told to end. The program's exit
 * code; what failed was said. kin: NULL where this process has no master. */
int tc_serve_config(tc_config *c, const tc_built *built, tc_kin *kin);
