/* preloads.h - the settings preload, early-hints and push of a block. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"
#include "gate/preload.h"

/* Faults are c's. Fills what tc_preloads_init began. */
void tc_config_preloads(tc_config *c, const tc_section *s, tc_preloads *preloads);
