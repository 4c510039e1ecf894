/* term.c - see term.h. */
// SPDX-License-Identifier: MIT
#include "run/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/span.h"

static unsigned columns_of(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *set = getenv("COLUMNS");
    uint64_t n;
    return tc_span_number(tc_span_str(set), &n) && n > 0 && n < 10000 ? (unsigned)n : 80;
}

void tc_term_init(tc_term *t, int fd, enum tc_color_when when)
{
    const char *no_color = getenv("NO_COLOR"), *kind = getenv("TERM");
    const bool is_terminal = isatty(fd);
    const bool may = is_terminal && !(no_color && *no_color) && !(kind && !strcmp(kind, "dumb"));
    *t = (tc_term){
        .fd = fd,
        .is_terminal = is_terminal,
        .color = when == TC_COLOR_ALWAYS || (when == TC_COLOR_AUTO && may),
        .columns = is_terminal ? columns_of(fd) : 80,
    };
}

const char *tc_term_style(const tc_term *t, enum tc_style style)
{
    static const char *const sequences[] = {
        [TC_STYLE_PLAIN] = "\033[0m",  [TC_STYLE_BOLD] = "\033[1m",
        [TC_STYLE_DIM] = "\033[2m",    [TC_STYLE_RED] = "\033[31m",
        [TC_STYLE_GREEN] = "\033[32m", [TC_STYLE_YELLOW] = "\033[33m",
        [TC_STYLE_BLUE] = "\033[34m",  [TC_STYLE_MAGENTA] = "\033[35m",
        [TC_STYLE_CYAN] = "\033[36m",
    };
    return t->color ? sequences[style] : "";
}

enum tc_style tc_term_status(unsigned status)
{
    switch (status / 100) {
    case 1: return TC_STYLE_CYAN;
    case 2: return TC_STYLE_GREEN;
    case 3: return TC_STYLE_YELLOW;
    case 4: return TC_STYLE_RED;
    case 5: return TC_STYLE_MAGENTA;
    default: return TC_STYLE_PLAIN;
    }
}
