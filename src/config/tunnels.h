/* tunnels.h - the setting connect. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* Fills .tunnels of a resolved configuration; faults are c's. It lives as long as c. */
void tc_config_tunnels(tc_config *c);
