/* progress.c - see progress.h. */
// SPDX-License-Identifier: MIT
#include "ask/progress.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "run/units.h"

enum { DRAW_EVERY_MS = 100, FIRST_AFTER_MS = 200, BAR_MIN = 8, BAR_MAX = 40 };

static void put(const tc_progress *p, tc_span s)
{
    if (write(p->term->fd, s.at, s.len) < 0) return; /* only a picture */
}

void tc_progress_hide(tc_progress *p)
{
    if (!p->visible) return;
    p->visible = false;
    put(p, TC_SPAN("\r\033[K"));
}

static tc_err add_clock(tc_buf *b, uint64_t seconds)
{
    if (seconds >= 3600)
        return tc_buf_printf(b, "%u:%02u:%02u", (unsigned)(seconds / 3600),
                             (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
    return tc_buf_printf(b, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
}

/* "  1.2 of 10.0 MB   3.4 MB/s   0:03 left" */
static tc_err add_numbers(tc_buf *b, uint64_t have, uint64_t all, uint64_t rate, uint64_t seconds)
{
    tc_err err = tc_buf_printf(b, "  ");
    if (!err) err = tc_units_rounded(b, have);
    if (!err && all) err = tc_buf_printf(b, " of ");
    if (!err && all) err = tc_units_rounded(b, all);
    if (!err) err = tc_buf_printf(b, "   ");
    if (!err) err = tc_units_rounded(b, rate);
    if (!err) err = tc_buf_printf(b, "/s   ");
    if (!err && all && rate) err = add_clock(b, (all - have + rate - 1) / rate);
    if (!err && all && rate) err = tc_buf_printf(b, " left");
    if (!err && !all) err = add_clock(b, seconds);
    return err;
}

static tc_err add_bar(tc_buf *b, const tc_term *t, uint64_t have, uint64_t all, size_t room)
{
    const size_t width = room > BAR_MAX ? BAR_MAX : room;
    const double part = (double)have / (double)all;
    const size_t full = (size_t)(part * (double)width);
    tc_err err = tc_buf_printf(b, "  %s[", tc_term_style(t, TC_STYLE_GREEN));
    for (size_t i = 0; i < width && !err; i++)
        err = tc_buf_add_byte(b, i < full ? '=' : i == full ? '>' : ' ');
    return err ? err
               : tc_buf_printf(b, "]%s %3.0f %%", tc_term_style(t, TC_STYLE_PLAIN), part * 100);
}

static void draw(tc_progress *p, const tc_seen *what)
{
    const uint64_t have = what->x->content_in;
    const int64_t length = what->x->theirs.length, took = what->at - p->begun;
    const uint64_t all = length > 0 && (uint64_t)length >= have ? (uint64_t)length : 0;
    const double rate = took > 0 ? (double)have * (double)TC_S / (double)took : 0;
    tc_buf line, numbers;
    tc_buf_init(&line, 1024);
    tc_buf_init(&numbers, 256);
    tc_err err = add_numbers(&numbers, have, all, (uint64_t)rate, (uint64_t)(took / TC_S));
    const size_t taken = numbers.len + sizeof "  [] 100 %" + 1;
    if (!err) err = tc_buf_printf(&line, "\r\033[K");
    if (!err && all && p->term->columns >= taken + BAR_MIN)
        err = add_bar(&line, p->term, have, all, p->term->columns - taken);
    if (!err && p->term->columns > numbers.len) err = tc_buf_add(&line, tc_buf_span(&numbers));
    if (!err) put(p, tc_buf_span(&line));
    p->visible = true;
    p->drawn = what->at;
    tc_buf_fini(&line);
    tc_buf_fini(&numbers);
}

static void see(tc_watch *w, const tc_seen *what)
{
    tc_progress *p = (tc_progress *)w;
    if (what->x && what->x->pushed) return; /* it is not what is being written */
    if (what->kind == TC_SEEN_RESPONSE_HEAD) {
        p->begun = what->at;
        p->drawn = what->at + (FIRST_AFTER_MS - DRAW_EVERY_MS) * TC_MS;
    } else if (what->kind == TC_SEEN_CLOSED) {
        tc_progress_hide(p);
    } else if (what->x && what->at - p->drawn >= DRAW_EVERY_MS * TC_MS) {
        draw(p, what);
    }
}

void tc_progress_init(tc_progress *p, const tc_term *term)
{
    *p = (tc_progress){.watch = {.see = see}, .term = term};
    p->watch.mask =
        1u << TC_SEEN_RESPONSE_HEAD | 1u << TC_SEEN_RESPONSE_DATA | 1u << TC_SEEN_CLOSED;
}
