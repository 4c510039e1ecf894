/* caching.h - which Cache-Control (RFC 9111, 5.2) goes with which file: by patterns of paths, the
 * first that matches. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

typedef struct tc_caching_rule {
    tc_span pattern; /* base/glob.h */
    tc_span value;
} tc_caching_rule;

/* "*.css=max-age=31536000, immutable": the pattern ends at the first "=". NULL: it is good, and the
 * rule points into the text; else what is wrong. */
const char *tc_caching_read(tc_span text, tc_caching_rule *ret_rule);
/* The value for a path; empty: none. */
tc_span tc_caching_of(const tc_caching_rule *rules, size_t count, tc_span path);
