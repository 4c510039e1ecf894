/* line.h - one line of the picture, made of pieces, so that its width is known without its colours.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "ask/picture.h"

/* number of the phase, 0: none */
void tc_line_begin(tc_picture *p, unsigned number, const char *label);
void tc_line_add(tc_picture *p, enum tc_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Text that somebody else wrote. */
void tc_line_foreign(tc_picture *p, enum tc_style style, tc_span text);
/* What a reader can do without, where the line is too long: those that go first come first. */
enum {
    TC_DROP_DETAIL = 1,
    TC_DROP_CLASS,
    TC_DROP_PARAMETERS,
    TC_DROP_ADDRESS,
    TC_DROP_CIPHER,
    TC_DROP_TLS,
    TC_DROP_TYPE
};
/* A part of the line that may be cut, the last of them first. */
void tc_line_elastic(tc_picture *p, enum tc_style style, tc_span text);
/* One that is left out if it cannot be cut enough. */
void tc_line_elastic_type(tc_picture *p, tc_span text);
void tc_line_optional(tc_picture *p, unsigned dropped, enum tc_style style, tc_span text);
/* Never cut. */
void tc_line_whole(tc_picture *p, enum tc_style style, tc_span text);
void tc_line_time(tc_picture *p, enum tc_style style, int64_t ns);
void tc_line_gap(tc_picture *p);
/* Ends the line, with right (a time) at the right end of it; nothing there if it is empty. */
void tc_line_end(tc_picture *p, tc_span right);
void tc_line_end_time(tc_picture *p, const char *word, int64_t ns);

/* Text in p->out, and all of that to the terminal. */
tc_err tc_line_put(tc_picture *p, enum tc_style style, tc_span text) TC_MUST_USE;
void tc_line_flush(tc_picture *p);
