/* percent.h - percent-encoding (RFC 3986, 2.1). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"

/* Unreserved characters (2.3) and those of also stand as they are. at is NULL without memory. */
tc_span tc_percent_encode(tc_arena *a, tc_span s, const char *also);
/* plus: "+" is a blank, as in what forms send. Where nothing is encoded, s itself. at is NULL where
 * a "%" is not followed by two hex digits, or without memory. */
tc_span tc_percent_decode(tc_arena *a, tc_span s, bool plus);
