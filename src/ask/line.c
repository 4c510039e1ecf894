/* line.c - see line.h. On a narrow terminal details go first, then what else can be left out, then
 * a media type and at last a path are cut, then the end; no number is, and the time at the right
 * end stays. */
// SPDX-License-Identifier: MIT
#include "ask/line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "run/units.h"

enum { WIDTH_MAX = 110, WIDTH_MIN = 40, LABEL_COLUMNS = 14, ELASTIC_MIN = 8, DOTS = 3 };

/* What cannot be added for want of memory is left out: it is only a picture. */
static void piece_end(tc_picture *p, enum tc_style style)
{
    const struct tc_picture_piece *last = &p->pieces[p->piece_count ? p->piece_count - 1 : 0];
    if (p->piece_count && last->style == style && !last->elastic && !last->whole && !last->dropped)
        p->piece_count--;
    if (p->piece_count == TC_PICTURE_PIECES) p->piece_count--;
    p->pieces[p->piece_count++] = (struct tc_picture_piece){.style = style, .end = p->text.len};
}

/* One that stands for itself. */
static void add_piece(tc_picture *p, tc_span text, struct tc_picture_piece piece)
{
    const size_t before = p->text.len;
    if (p->piece_count == TC_PICTURE_PIECES) return;
    if (tc_text_terminal(&p->text, text, false) != TC_OK || p->text.len == before) return;
    piece.end = p->text.len;
    p->pieces[p->piece_count++] = piece;
}

__attribute__((format(printf, 3, 4))) void tc_line_add(tc_picture *p, enum tc_style style,
                                                       const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0 && tc_buf_add(&p->text, tc_span_first(tc_span_str(text), (size_t)n)) == TC_OK)
        piece_end(p, style);
}

void tc_line_foreign(tc_picture *p, enum tc_style style, tc_span text)
{
    if (tc_text_terminal(&p->text, text, false) == TC_OK) piece_end(p, style);
}

void tc_line_elastic(tc_picture *p, enum tc_style style, tc_span text)
{
    add_piece(p, text, (struct tc_picture_piece){.style = style, .elastic = true});
}

void tc_line_elastic_type(tc_picture *p, tc_span text)
{
    add_piece(p, text,
              (struct tc_picture_piece){
                  .style = TC_STYLE_PLAIN, .elastic = true, .dropped = TC_DROP_TYPE});
}

void tc_line_optional(tc_picture *p, unsigned dropped, enum tc_style style, tc_span text)
{
    add_piece(p, text, (struct tc_picture_piece){.style = style, .dropped = dropped});
}

void tc_line_whole(tc_picture *p, enum tc_style style, tc_span text)
{
    add_piece(p, text, (struct tc_picture_piece){.style = style, .whole = true});
}

void tc_line_time(tc_picture *p, enum tc_style style, int64_t ns)
{
    if (tc_units_time(&p->text, ns) == TC_OK) piece_end(p, style);
}

void tc_line_gap(tc_picture *p)
{
    tc_line_add(p, TC_STYLE_PLAIN, "   ");
}

void tc_line_begin(tc_picture *p, unsigned number, const char *label)
{
    tc_buf_reset(&p->text);
    p->piece_count = 0;
    if (number)
        tc_line_add(p, TC_STYLE_DIM, "  %u ", number);
    else
        tc_line_add(p, TC_STYLE_DIM, "    ");
    tc_line_add(p, TC_STYLE_CYAN, "%-*s", LABEL_COLUMNS - 4, label);
}

tc_err tc_line_put(tc_picture *p, enum tc_style style, tc_span text)
{
    const bool styled = style != TC_STYLE_PLAIN && p->term->color;
    tc_err err = styled ? tc_buf_printf(&p->out, "%s", tc_term_style(p->term, style)) : TC_OK;
    if (!err) err = tc_buf_add(&p->out, text);
    if (!err && styled) err = tc_buf_printf(&p->out, "%s", tc_term_style(p->term, TC_STYLE_PLAIN));
    return err;
}

/* The first bytes of s that take at most so many columns. */
static tc_span first_columns(tc_span s, size_t columns)
{
    size_t n = 0;
    while (n < s.len && (columns > 0 || ((unsigned char)s.at[n] & 0xc0) == 0x80)) {
        if (((unsigned char)s.at[n] & 0xc0) != 0x80) columns--;
        n++;
    }
    return tc_span_first(s, n);
}

void tc_line_flush(tc_picture *p)
{
    if (p->before) p->before(p->before_self);
    tc_span rest = tc_buf_span(&p->out);
    while (rest.len) {
        const ssize_t n = write(p->term->fd, rest.at, rest.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break; /* nobody to tell */
        rest = tc_span_from(rest, (size_t)n);
    }
    tc_buf_reset(&p->out);
    p->printed = true;
}

/* With the gap before it, if another one follows. */
static void remove_piece(tc_picture *p, unsigned i)
{
    size_t begin = i ? p->pieces[i - 1].end : 0;
    const size_t end = p->pieces[i].end;
    while (begin && p->text.at[begin - 1] == ' ' && end < p->text.len && p->text.at[end] == ' ')
        begin--;
    const size_t length = end - begin;
    memmove(p->text.at + begin, p->text.at + end, p->text.len - end);
    p->text.len -= length;
    for (unsigned j = 0; j < i; j++)
        if (p->pieces[j].end > begin) p->pieces[j].end = begin;
    p->piece_count--;
    for (; i < p->piece_count; i++) {
        p->pieces[i] = p->pieces[i + 1];
        p->pieces[i].end -= length;
    }
}

/* By how many columns the line is too long, were this piece cut as far as it may be. */
static size_t excess_without(const tc_picture *p, unsigned i, size_t room)
{
    const size_t begin = i ? p->pieces[i - 1].end : 0;
    const size_t piece = tc_units_columns(tc_span_of(p->text.at + begin, p->pieces[i].end - begin));
    const size_t cut = p->pieces[i].elastic && piece > ELASTIC_MIN ? piece - ELASTIC_MIN : 0;
    const size_t least = tc_units_columns(tc_buf_span(&p->text)) - cut;
    return least > room ? least - room : 0;
}

/* Blanks at the end are none of the line. */
static void trim(tc_picture *p)
{
    while (p->text.len && p->text.at[p->text.len - 1] == ' ')
        p->text.len--;
    for (unsigned i = 0; i < p->piece_count; i++)
        if (p->pieces[i].end > p->text.len) p->pieces[i].end = p->text.len;
}

/* On a narrow terminal the details at the end of a line go first, all at once, then what can be
 * left out, in its order. */
static void drop_details(tc_picture *p, size_t room)
{
    while (p->piece_count > 1 && p->pieces[p->piece_count - 1].style == TC_STYLE_DIM &&
           !p->pieces[p->piece_count - 1].dropped && tc_units_columns(tc_buf_span(&p->text)) > room)
        p->text.len = p->pieces[--p->piece_count - 1].end;
    trim(p);
    for (unsigned dropped = TC_DROP_DETAIL; dropped <= TC_DROP_TYPE; dropped++)
        for (unsigned i = p->piece_count; i-- > 0;)
            if (p->pieces[i].dropped == dropped && excess_without(p, i, room)) remove_piece(p, i);
    trim(p);
}

/* How much of a piece is shown. cut: three dots stand behind it. */
struct shown {
    size_t columns;
    bool cut;
};

/* Cuts the elastic pieces, the last one first, as far as that goes. Returns how many columns are
 * still too many. */
static size_t cut_elastic(const tc_picture *p, struct shown *shown, size_t excess)
{
    for (unsigned i = p->piece_count; i-- > 0 && excess;) {
        if (!p->pieces[i].elastic || shown[i].columns <= ELASTIC_MIN) continue;
        const size_t before = shown[i].columns;
        const size_t most = before - ELASTIC_MIN, cut = excess < most ? excess : most;
        shown[i] = (struct shown){before - cut - DOTS, true};
        excess -= cut;
    }
    return excess;
}

/* Cuts the end of a line that is too long. */
static void cut_end(const tc_picture *p, struct shown *shown, size_t room)
{
    size_t left = room > DOTS ? room - DOTS : 0;
    unsigned i = 0;
    for (; i < p->piece_count; i++) {
        const size_t columns = shown[i].columns + (shown[i].cut ? DOTS : 0);
        if (columns > left) break;
        left -= columns;
    }
    if (i < p->piece_count && p->pieces[i].whole)
        shown[i] = (struct shown){0, false};
    else if (i < p->piece_count)
        shown[i] = (struct shown){left < shown[i].columns ? left : shown[i].columns, true};
    while (++i < p->piece_count)
        shown[i] = (struct shown){0, false};
}

/* Puts the pieces of the line out, in so many columns. */
static tc_err put_pieces(tc_picture *p, size_t room)
{
    struct shown shown[TC_PICTURE_PIECES];
    const size_t whole = tc_units_columns(tc_buf_span(&p->text));
    size_t begin = 0;
    tc_err err = TC_OK;
    for (unsigned i = 0; i < p->piece_count; begin = p->pieces[i++].end)
        shown[i] = (struct shown){
            tc_units_columns(tc_span_of(p->text.at + begin, p->pieces[i].end - begin)), false};
    if (whole > room && cut_elastic(p, shown, whole - room)) cut_end(p, shown, room);
    begin = 0;
    for (unsigned i = 0; i < p->piece_count && !err; begin = p->pieces[i++].end) {
        const tc_span all = tc_span_of(p->text.at + begin, p->pieces[i].end - begin);
        const tc_span part = first_columns(all, shown[i].columns);
        if (part.len) err = tc_line_put(p, p->pieces[i].style, part);
        if (!err && shown[i].cut) err = tc_line_put(p, p->pieces[i].style, TC_SPAN("..."));
    }
    return err;
}

void tc_line_end(tc_picture *p, tc_span right)
{
    size_t width = p->term->columns > WIDTH_MAX ? WIDTH_MAX : p->term->columns;
    if (width < WIDTH_MIN) width = WIDTH_MIN;
    const size_t taken = right.len ? tc_units_columns(right) + 2 : 0;
    const size_t room = width > taken ? width - taken : 0;
    drop_details(p, room);
    const size_t whole = tc_units_columns(tc_buf_span(&p->text));
    tc_err err = put_pieces(p, room);
    if (!err && right.len) {
        const size_t pad = whole > room ? 0 : room - whole;
        err = tc_buf_printf(&p->out, "%*s", (int)(pad + 2), "");
        if (!err) err = tc_line_put(p, TC_STYLE_DIM, right);
    }
    if (!err) err = tc_buf_add_byte(&p->out, '\n');
    if (!p->held) tc_line_flush(p);
}

void tc_line_end_time(tc_picture *p, const char *word, int64_t ns)
{
    char room[48];
    tc_buf right;
    tc_buf_init(&right, sizeof room);
    tc_err err = tc_buf_printf(&right, "%s", word);
    if (!err) err = tc_units_time(&right, ns);
    tc_line_end(p, err ? (tc_span){0} : tc_buf_span(&right));
    tc_buf_fini(&right);
}
