/* variants.h - the settings about languages and codings of files (files/variants.h). */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"
#include "files/variants.h"

/* Fills .variants of a block, whose parent has its own: blocks that say nothing of this share it.
 * NULL: nothing is negotiated. It lives as long as the configuration, whose faults are told. */
void tc_config_variants(tc_config *c, tc_section *s);
