/* failure.h - what went wrong, in which phase, why, and how to mend it: for people, on stderr. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "run/term.h"

typedef struct tc_failure {
    tc_err err;
    const char *phase; /* "connect", "request", "response"; NULL: before any */
    tc_span url;
    tc_span why; /* more than err says, or empty */
} tc_failure;

tc_err tc_failure_text(const tc_failure *f, const tc_term *term, tc_buf *out) TC_MUST_USE;
