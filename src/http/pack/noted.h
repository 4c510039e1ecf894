/* noted.h - what of the wire waits for those who look on: lines in words, and frames. Engines keep
 * them in one buffer, in their order, and give them as events. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/engine.h"
#include "http/event.h"

enum { TC_NOTED_NUMBERS = 32, TC_NOTED_BYTES = 1 << 20 };

/* Fields of the block under way, a line each ('<' or '>', text, '\n'): its frame is noted first. */
typedef struct tc_noted {
    tc_buf lines;
    uint64_t plain; /* bytes of the block as lines of text */
} tc_noted;

void tc_noted_add(tc_noted *n, bool ours, tc_span name, tc_span value);
void tc_noted_clear(tc_noted *n);

/* At the end of notes: a line that begins with '<' or '>' and ends with '\n', or many of them; a
 * frame with what it points at, and with the lines of n as its fields if it has any. Without memory
 * whoever looks on misses it. */
void tc_notes_add_lines(tc_buf *notes, tc_span lines);
void tc_notes_add_frame(tc_buf *notes, bool ours, const tc_frame *frame, const tc_noted *n);
/* The next one; *taken counts how far they are given. False: there is none. */
bool tc_notes_give(tc_buf *notes, size_t *taken, tc_event *ret_event);
