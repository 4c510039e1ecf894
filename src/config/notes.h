/* notes.h - what is allowed and may not be meant. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* When all is resolved and built: one line for each block, where it begins to hold. clear: http://
 * is spoken. */
void tc_config_notes(const tc_config *c, bool clear,
                     void (*say)(const tc_section *s, const char *sentence));
/* Whether it is, by what listens. */
bool tc_config_speaks_clear(const tc_config *c);
