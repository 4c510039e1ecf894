/* note.c - frames for whoever looks on: in words, one line each and one for each field, and as they
 * are. */
// SPDX-License-Identifier: MIT
#include "h2/state.h"

static void add_signed(tc_words *l, const char *before, int64_t n)
{
    tc_words_add(l, before);
    tc_words_number(l, n < 0 ? "-" : "", (uint32_t)(n < 0 ? -n : n), "");
}

static void add_flags(tc_words *l, const tc_h2_head *h)
{
    const bool ends = h->type == TC_H2_DATA || h->type == TC_H2_HEADERS;
    const bool pads = ends || h->type == TC_H2_PUSH_PROMISE;
    const bool acks = h->type == TC_H2_SETTINGS || h->type == TC_H2_PING;
    const bool heads =
        h->type == TC_H2_HEADERS || h->type == TC_H2_CONTINUATION || h->type == TC_H2_PUSH_PROMISE;
    if (ends && h->flags & TC_H2_END_STREAM) tc_words_add(l, ", END_STREAM");
    if (acks && h->flags & TC_H2_ACK) tc_words_add(l, ", ACK");
    if (heads && h->flags & TC_H2_END_HEADERS) tc_words_add(l, ", END_HEADERS");
    if (pads && h->flags & TC_H2_PADDED) tc_words_add(l, ", PADDED");
}

static void add_settings(tc_words *l, tc_span payload)
{
    for (; payload.len >= 6; payload = tc_span_from(payload, 6)) {
        const unsigned number = tc_h2_u32(payload.at) >> 16;
        const char *name = tc_h2_setting_name(number);
        tc_words_add(l, ", ");
        if (name)
            tc_words_add(l, name);
        else
            tc_words_number(l, "setting ", number, "");
        tc_words_number(l, " ", tc_h2_u32(payload.at + 2), "");
    }
}

/* What is left of the windows when the frame has done its work. It is noted before it has, but for
 * a WINDOW_UPDATE of ours. */
static void add_windows(tc_words *l, const tc_h2 *c, bool ours, const tc_h2_head *h, tc_span p)
{
    const tc_h2_stream *s = h->stream ? tc_h2_find(c, h->stream) : NULL;
    const bool data = h->type == TC_H2_DATA, theirs_left = data == ours;
    int64_t by = data ? -(int64_t)h->length : ours ? 0 : (int64_t)(tc_h2_u32(p.at) & 0x7fffffff);
    if (h->stream && s)
        add_signed(l, ", window ", (theirs_left ? s->send_window : s->window.left) + by);
    if (!h->stream || data)
        add_signed(l, ", connection ", (theirs_left ? c->send_window : c->window.left) + by);
}

/* On the last frame of a block: what its fields would take as lines of text. */
static void add_saving(tc_words *l, const tc_h2 *c, const tc_h2_head *h)
{
    if (!(h->flags & TC_H2_END_HEADERS) || c->noted_fields.plain == 0) return;
    if (h->type == TC_H2_CONTINUATION) tc_words_number(l, ", ", c->packed, " in all");
    tc_words_saving(l, c->packed, c->noted_fields.plain);
}

static void add_payload(tc_words *l, const tc_h2_head *h, tc_span p)
{
    if (h->type == TC_H2_SETTINGS) add_settings(l, p);
    if (h->type == TC_H2_RST_STREAM && p.len == 4) {
        tc_words_add(l, ", ");
        tc_words_add(l, tc_h2_code_name(tc_h2_u32(p.at)));
    }
    const size_t before = h->flags & TC_H2_PADDED ? 1 : 0;
    if (h->type == TC_H2_PUSH_PROMISE && p.len >= before + 4)
        tc_words_number(l, ", promises stream ", tc_h2_u32(p.at + before) & 0x7fffffff, "");
    if (h->type == TC_H2_GOAWAY && p.len >= 8) {
        tc_words_number(l, ", last stream ", tc_h2_u32(p.at) & 0x7fffffff, ", ");
        tc_words_add(l, tc_h2_code_name(tc_h2_u32(p.at + 4)));
    }
    if (h->type == TC_H2_WINDOW_UPDATE && p.len == 4)
        tc_words_number(l, ", ", tc_h2_u32(p.at) & 0x7fffffff, " more");
}

static void note_words(tc_h2 *c, bool ours, const tc_h2_head *head, tc_span payload)
{
    tc_words l = {.len = 0};
    const char *name = tc_h2_type_name(head->type);
    tc_words_add(&l, ours ? ">" : "<");
    if (name)
        tc_words_add(&l, name);
    else
        tc_words_number(&l, "frame type ", head->type, "");
    if (head->stream) tc_words_number(&l, " stream ", head->stream, "");
    tc_words_number(&l, ", ", head->length, " bytes");
    if (tc_h2_has_fields(head->type)) add_saving(&l, c, head);
    add_flags(&l, head);
    add_payload(&l, head, payload);
    if (head->type == TC_H2_DATA || (head->type == TC_H2_WINDOW_UPDATE && payload.len == 4))
        add_windows(&l, c, ours, head, payload);
    l.at[l.len++] = '\n';
    tc_notes_add_lines(&c->notes, tc_span_of(l.at, l.len));
}

/* --- and as they are -------------------------------------------------------------------------- */

static uint32_t settings_of(tc_span p, tc_frame_number *at)
{
    uint32_t n = 0;
    for (; p.len >= 6 && n < TC_NOTED_NUMBERS; p = tc_span_from(p, 6)) {
        const unsigned id = tc_h2_u32(p.at) >> 16;
        at[n++] = (tc_frame_number){tc_h2_setting_name(id), id, tc_h2_u32(p.at + 2)};
    }
    return n;
}

static uint32_t one(tc_frame_number *at, const char *name, uint32_t value)
{
    *at = (tc_frame_number){.name = name, .value = value};
    return 1;
}

static uint32_t numbers_of(const tc_h2_head *h, tc_span p, tc_frame_number *at)
{
    const size_t before = h->type == TC_H2_PUSH_PROMISE && h->flags & TC_H2_PADDED ? 1 : 0;
    if (h->type == TC_H2_SETTINGS) return settings_of(p, at);
    if (p.len < before + 4) return 0;
    const uint32_t first = tc_h2_u32(p.at + before), stream = first & 0x7fffffff;
    switch (h->type) {
    case TC_H2_RST_STREAM: return one(at, "error_code", first);
    case TC_H2_WINDOW_UPDATE: return one(at, "increment", stream);
    case TC_H2_PUSH_PROMISE: return one(at, "promised_stream_id", stream);
    case TC_H2_PRIORITY_UPDATE: return one(at, "prioritized_stream_id", stream);
    case TC_H2_GOAWAY:
        if (p.len < 8) return 0;
        return one(at, "last_stream_id", stream) + one(at + 1, "error_code", tc_h2_u32(p.at + 4));
    default: return 0;
    }
}

static void note_frame(tc_h2 *c, bool ours, const tc_h2_head *h, tc_span payload, bool whole)
{
    tc_frame_number numbers[TC_NOTED_NUMBERS];
    const tc_frame frame = {.name = tc_h2_type_name(h->type),
                            .type = h->type,
                            .sid = h->stream,
                            .length = h->length,
                            .flags = h->flags,
                            .number_count = numbers_of(h, payload, numbers),
                            .numbers = numbers};
    tc_notes_add_frame(&c->notes, ours, &frame, whole ? &c->noted_fields : NULL);
}

void tc_h2_note(tc_h2 *c, bool ours, const tc_h2_head *head, tc_span payload)
{
    const unsigned notes = c->env->notes;
    if (!notes) return;
    const bool whole = tc_h2_has_fields(head->type) && head->flags & TC_H2_END_HEADERS;
    if (notes & TC_NOTES_FRAMES) note_frame(c, ours, head, payload, whole);
    if (notes & TC_NOTES_WORDS) note_words(c, ours, head, payload);
    if (!whole) return;
    if (notes & TC_NOTES_WORDS) tc_notes_add_lines(&c->notes, tc_buf_span(&c->noted_fields.lines));
    tc_noted_clear(&c->noted_fields);
}

void tc_h2_note_theirs(tc_h2 *c)
{
    if (!c->has_noting) return;
    c->has_noting = false;
    tc_h2_note(c, false, &c->noting, c->noting_payload);
}
