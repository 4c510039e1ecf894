/* asking.h - the settings trust, allow, deny, rate, auth and auth-users of a block. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* Fills .asking of a block, whose parent has its own; faults are c's. All of it lives as long as c.
 */
void tc_config_asking(tc_config *c, tc_section *s);
