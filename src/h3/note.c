/* note.c - frames for whoever looks on: in words, one line each and one for each field, and as they
 * are. */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

static void add_settings(tc_words *l, tc_span payload)
{
    uint64_t number, value;
    while (tc_h3_varint_take(&payload, &number) && tc_h3_varint_take(&payload, &value)) {
        enum tc_h3_code code;
        const char *name = tc_h3_setting_name(tc_h3_check_setting(number, value, &code));
        tc_words_add(l, ", ");
        if (name)
            tc_words_add(l, name);
        else
            tc_words_number(l, "setting ", number, "");
        tc_words_number(l, " ", value, "");
    }
}

static void add_frame(tc_words *l, const tc_h3 *c, uint64_t sid, tc_h3_head head, tc_span payload)
{
    const char *name = tc_h3_type_name(head.type);
    uint64_t id;
    if (name)
        tc_words_add(l, name);
    else
        tc_words_number(l, "frame type ", head.type, "");
    if (sid != TC_NO_STREAM) tc_words_number(l, " stream ", sid, "");
    tc_words_number(l, ", ", head.length, " bytes");
    if (head.type == TC_H3_HEADERS && c->noted_fields.plain)
        tc_words_saving(l, head.length, c->noted_fields.plain);
    if (head.type == TC_H3_SETTINGS) add_settings(l, payload);
    if (head.type == TC_H3_GOAWAY && tc_h3_varint_take(&payload, &id))
        tc_words_number(l, ", from ", id, " on");
}

static void note_words(tc_h3 *c, bool ours, uint64_t sid, tc_h3_head head, tc_span payload)
{
    tc_words l = {.len = 0};
    tc_words_add(&l, ours ? ">" : "<");
    if (c->deaf) { /* the last word */
        tc_words_add(&l, "CONNECTION_CLOSE, ");
        tc_words_add(&l, tc_h3_code_name(head.type));
    } else {
        add_frame(&l, c, sid, head, payload);
    }
    l.at[l.len++] = '\n';
    tc_notes_add_lines(&c->notes, tc_span_of(l.at, l.len));
}

/* --- and as they are -------------------------------------------------------------------------- */

static uint32_t settings_of(tc_span p, tc_frame_number *at)
{
    uint32_t n = 0;
    uint64_t id, value;
    while (n < TC_NOTED_NUMBERS && tc_h3_varint_take(&p, &id) && tc_h3_varint_take(&p, &value)) {
        enum tc_h3_code code;
        const char *name = tc_h3_setting_name(tc_h3_check_setting(id, value, &code));
        at[n++] = (tc_frame_number){name, id, value};
    }
    return n;
}

static uint32_t numbers_of(uint64_t type, tc_span p, tc_frame_number *at)
{
    if (type == TC_H3_SETTINGS) return settings_of(p, at);
    const bool push = type == TC_H3_MAX_PUSH_ID || type == TC_H3_CANCEL_PUSH;
    if (!push && type != TC_H3_GOAWAY && type != TC_H3_PRIORITY_UPDATE) return 0;
    *at = (tc_frame_number){.name = push ? "push_id" : "id"};
    return tc_h3_varint_take(&p, &at->value);
}

/* The control stream is the first that we open: its frames wait for it. */
static uint64_t stream_of(const tc_h3 *c, uint64_t sid)
{
    return sid != TC_NO_STREAM ? sid : tc_h3_is_server(c) ? 3 : 2;
}

static void note_frame(tc_h3 *c, bool ours, uint64_t sid, tc_h3_head head, tc_span payload)
{
    tc_frame_number numbers[TC_NOTED_NUMBERS];
    const tc_frame frame = {.name = tc_h3_type_name(head.type),
                            .type = head.type,
                            .sid = stream_of(c, sid),
                            .length = head.length,
                            .number_count = numbers_of(head.type, payload, numbers),
                            .numbers = numbers};
    const bool block = head.type == TC_H3_HEADERS;
    tc_notes_add_frame(&c->notes, ours, &frame, block ? &c->noted_fields : NULL);
}

void tc_h3_note(tc_h3 *c, bool ours, uint64_t sid, tc_h3_head head, tc_span payload)
{
    const unsigned notes = c->env->notes;
    if (!notes) return;
    if (notes & TC_NOTES_FRAMES && !c->deaf) note_frame(c, ours, sid, head, payload);
    if (notes & TC_NOTES_WORDS) note_words(c, ours, sid, head, payload);
    if (c->deaf || head.type != TC_H3_HEADERS) return;
    if (notes & TC_NOTES_WORDS) tc_notes_add_lines(&c->notes, tc_buf_span(&c->noted_fields.lines));
    tc_noted_clear(&c->noted_fields);
}

void tc_h3_note_stream(tc_h3 *c, bool ours, uint64_t sid, enum tc_h3_pipe_kind kind)
{
    static const char *const names[] = {[TC_H3_CONTROL] = "control",
                                        [TC_H3_ENCODER] = "qpack_encode",
                                        [TC_H3_DECODER] = "qpack_decode"};
    if (!(c->env->notes & TC_NOTES_FRAMES)) return;
    tc_notes_add_frame(&c->notes, ours, &(tc_frame){.pipe = names[kind], .sid = sid}, NULL);
}
