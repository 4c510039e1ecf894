/* priority.h - how much a response is wanted (RFC 9218). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

enum { TC_URGENCIES = 8, TC_URGENCY = 3 };

/* Parameters of RFC 9218, 4. */
typedef struct tc_priority {
    uint8_t urgency; /* 0 most urgent, 7 least */
    bool incremental;
} tc_priority;

/* What the value says over what was so far; a malformed one says nothing. */
void tc_priority_read(tc_span value, tc_priority *p);
