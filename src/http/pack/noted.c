/* noted.c - see noted.h. A frame stands in the buffer as a mark, then, where it is aligned, the
 * struct, its numbers and its fields. */
// SPDX-License-Identifier: MIT
#include "http/pack/noted.h"

#include <assert.h>

enum { OURS = 'F', THEIRS = 'f', ALIGN = 8 };

void tc_noted_add(tc_noted *n, bool ours, tc_span name, tc_span value)
{
    const size_t begin = n->lines.len;
    tc_err err = tc_buf_add_byte(&n->lines, ours ? '>' : '<');
    if (!err) err = tc_buf_add(&n->lines, name);
    if (!err) err = tc_buf_add(&n->lines, TC_SPAN(": "));
    if (!err) err = tc_buf_add(&n->lines, value);
    for (size_t i = begin; i < n->lines.len; i++)
        if (n->lines.at[i] == '\n') n->lines.at[i] = ' '; /* it makes no line */
    if (!err) err = tc_buf_add_byte(&n->lines, '\n');
    if (err) n->lines.len = begin;
    n->plain += name.len + value.len + 4;
}

void tc_noted_clear(tc_noted *n)
{
    tc_buf_fini(&n->lines);
    n->plain = 0;
}

void tc_notes_add_lines(tc_buf *notes, tc_span lines)
{
    (void)!tc_buf_add(notes, lines); /* or whoever looks on misses a line */
}

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* The lines without what marks them as ours or theirs. */
static size_t copy_fields(char *to, tc_span lines)
{
    char *at = to;
    while (lines.len) {
        const size_t end = tc_span_find(lines, '\n') + 1;
        memcpy(at, lines.at + 1, end - 1);
        at += end - 1;
        lines = tc_span_from(lines, end);
    }
    return (size_t)(at - to);
}

void tc_notes_add_frame(tc_buf *notes, bool ours, const tc_frame *frame, const tc_noted *n)
{
    const size_t begin = aligned(notes->len + 1),
                 numbers = frame->number_count * sizeof *frame->numbers;
    const tc_span lines = n ? tc_buf_span(&n->lines) : (tc_span){0};
    char *room;
    assert(frame->number_count <= TC_NOTED_NUMBERS);
    if (tc_buf_reserve(notes, begin - notes->len + sizeof *frame + numbers + lines.len, &room) !=
        TC_OK)
        return;
    *room = ours ? OURS : THEIRS;
    room = notes->at + begin;
    tc_frame kept = *frame;
    if (numbers) memcpy(room + sizeof kept, frame->numbers, numbers);
    kept.fields.len = copy_fields(room + sizeof kept + numbers, lines);
    memcpy(room, &kept, sizeof kept);
    notes->len = begin + sizeof kept + numbers + kept.fields.len;
}

/* The buffer may have moved since: what the frame points at is told anew. */
static size_t give_frame(const tc_buf *notes, size_t at, tc_event *ev)
{
    tc_frame *f = (tc_frame *)(void *)(notes->at + aligned(at + 1));
    const size_t numbers = f->number_count * sizeof *f->numbers;
    f->numbers = (const tc_frame_number *)(f + 1);
    f->fields.at = (const char *)(f + 1) + numbers;
    *ev = (tc_event){.kind = TC_EV_FRAME, .frame = f, .ours = notes->at[at] == OURS};
    return (size_t)(f->fields.at + f->fields.len - notes->at);
}

bool tc_notes_give(tc_buf *notes, size_t *taken, tc_event *ev)
{
    if (*taken == notes->len) {
        if (*taken) tc_buf_reset(notes);
        *taken = 0;
        return false;
    }
    const tc_span rest = tc_span_from(tc_buf_span(notes), *taken);
    if (rest.at[0] == OURS || rest.at[0] == THEIRS) {
        *taken = give_frame(notes, *taken, ev);
        return true;
    }
    const size_t end = tc_span_find(rest, '\n');
    *taken += end + 1;
    *ev = (tc_event){
        .kind = TC_EV_NOTE, .data = tc_span_of(rest.at + 1, end - 1), .ours = rest.at[0] == '>'};
    return true;
}
