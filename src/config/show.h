/* show.h - what is in force, as a file that could be read again: defaults and where the rest was
 * given stand in comments. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* Of a resolved configuration. */
tc_err tc_config_show(const tc_config *c, tc_buf *out) TC_MUST_USE;
