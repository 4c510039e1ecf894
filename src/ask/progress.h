/* progress.h - a bar on a terminal while content goes into a file: how much, how fast, how long
 * still. It looks at events; nothing is measured here. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"
#include "run/term.h"

typedef struct tc_progress {
    tc_watch watch; /* first */
    const tc_term *term;
    int64_t begun, drawn;
    bool visible;
} tc_progress;

void tc_progress_init(tc_progress *p, const tc_term *term);
void tc_progress_hide(tc_progress *p); /* so that something else can be printed */
