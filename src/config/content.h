/* content.h - the settings of a block that are about what its files are answered with: fallback,
 * cache-control, error-page. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* Fills .content of a block, whose parent has its own; faults are c's. All of it lives as long as
 * c. */
void tc_config_content(tc_config *c, tc_section *s);
