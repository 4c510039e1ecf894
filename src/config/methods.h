/* methods.h - the settings of a block that are about methods and who may send them from where:
 * writable, upload-bytes, quota, and cors-... */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* Fills .uploads and .cors of a block, whose parent has its own; faults are c's. All of it lives as
 * long as c. */
void tc_config_methods(tc_config *c, tc_section *s);
