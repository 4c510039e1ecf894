/* term.h - what a terminal can do: colours, width. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum tc_color_when { TC_COLOR_AUTO, TC_COLOR_ALWAYS, TC_COLOR_NEVER };
#define TC_COLOR_WORDS "auto|always|never" /* the metavar of --color */

enum tc_style {
    TC_STYLE_PLAIN,
    TC_STYLE_BOLD,
    TC_STYLE_DIM,
    TC_STYLE_RED,
    TC_STYLE_GREEN,
    TC_STYLE_YELLOW,
    TC_STYLE_BLUE,
    TC_STYLE_MAGENTA,
    TC_STYLE_CYAN
};

typedef struct tc_term {
    int fd;
    bool is_terminal;
    bool color;
    unsigned columns; /* 80 where nobody knows */
} tc_term;

/* auto: colours on a terminal that has them, unless NO_COLOR is set to anything (no-color.org). */
void tc_term_init(tc_term *t, int fd, enum tc_color_when when);
/* The escape sequence that begins a style (PLAIN ends it), or "". */
const char *tc_term_style(const tc_term *t, enum tc_style style);
/* By class: 1xx cyan, 2xx green, 3xx yellow, 4xx red, 5xx magenta. */
enum tc_style tc_term_status(unsigned status);
