/* glob.h - patterns of paths: "*" and "?" stand for what is no "/", "**" for anything.
 *
 * A pattern without "/" is held against the last name of a path ("*.css"), any other against the
 * whole ("/assets/" and then "**"). "/" and then "**" and then "/" also stands for a single "/". */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* Costs at most the product of both lengths, twice over. */
bool tc_glob(tc_span pattern, tc_span path);
