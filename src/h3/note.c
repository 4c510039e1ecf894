/* note.c - frames in words, one line each and one for each field, for whoever looks on. */
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

void tc_h3_note(tc_h3 *c, bool ours, uint64_t sid, tc_h3_head head, tc_span payload)
{
    if (!c->env->notes) return;
    tc_words l = {.len = 0};
    tc_words_add(&l, ours ? ">" : "<");
    if (c->deaf) { /* the last word */
        tc_words_add(&l, "CONNECTION_CLOSE, ");
        tc_words_add(&l, tc_h3_code_name(head.type));
    } else {
        add_frame(&l, c, sid, head, payload);
    }
    l.at[l.len++] = '\n';
    (void)!tc_buf_add(&c->notes, tc_span_of(l.at, l.len)); /* or whoever looks on misses a line */
    if (!c->deaf && head.type == TC_H3_HEADERS) tc_noted_move(&c->noted_fields, &c->notes);
}
