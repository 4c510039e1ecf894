/* wire_text.h - words and escapes of conversations, and lines by stream. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "base/buf.h"

tc_span wire_unescape(tc_arena *a, tc_span s);
void wire_escape(tc_buf *b, tc_span s);
/* The next word, or what stands between quotes, unescaped. */
bool wire_word(tc_arena *a, tc_span *rest, tc_span *ret_word);
void wire_add(tc_buf *b, tc_span s); /* aborts without memory */

/* How streams take turns depends on how bytes came, so that the order of lines counts within a
 * stream only: sorts lines by it, and joins runs of content that follow each other. A line that
 * begins with a space belongs to the one before. Of frames, the stream is in the line, none comes
 * first; of events, it is the line's first word, none comes last. */
void wire_sort(tc_buf *lines, bool frames);
