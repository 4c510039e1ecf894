/* pages.h - pages that a block names (error-page, fallback) and its folder lacks. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/build.h"

/* A page must be there in a folder that it is for; what a block inside serves may do without. Who
 * takes the place of a generation that crashed does not ask: better without a page than not at all.
 * After the routes were built. */
void tc_config_pages(tc_built *b, tc_config *c);
