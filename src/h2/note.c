/* note.c - frames in words, one line each, for whoever looks on. */
// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "h2/state.h"

enum { LINE_MAX_BYTES = 512 };

/* Words after one another, as many as fit. */
typedef struct line {
    char at[LINE_MAX_BYTES];
    size_t len;
} line;

static void add(line *l, const char *text)
{
    const tc_span s = tc_span_first(tc_span_str(text), sizeof l->at - 1 - l->len);
    if (s.len) memcpy(l->at + l->len, s.at, s.len);
    l->len += s.len;
}

static void add_number(line *l, const char *before, uint32_t n, const char *after)
{
    char digits[24];
    digits[tc_text_number(digits, n)] = 0;
    add(l, before);
    add(l, digits);
    add(l, after);
}

static void add_flags(line *l, const tc_h2_head *h)
{
    const bool ends = h->type == TC_H2_DATA || h->type == TC_H2_HEADERS;
    const bool pads = ends || h->type == TC_H2_PUSH_PROMISE;
    const bool acks = h->type == TC_H2_SETTINGS || h->type == TC_H2_PING;
    const bool heads =
        h->type == TC_H2_HEADERS || h->type == TC_H2_CONTINUATION || h->type == TC_H2_PUSH_PROMISE;
    if (ends && h->flags & TC_H2_END_STREAM) add(l, ", END_STREAM");
    if (acks && h->flags & TC_H2_ACK) add(l, ", ACK");
    if (heads && h->flags & TC_H2_END_HEADERS) add(l, ", END_HEADERS");
    if (pads && h->flags & TC_H2_PADDED) add(l, ", PADDED");
}

static void add_settings(line *l, tc_span payload)
{
    for (; payload.len >= 6; payload = tc_span_from(payload, 6)) {
        const unsigned number = tc_h2_u32(payload.at) >> 16;
        const char *name = tc_h2_setting_name(number);
        add(l, ", ");
        if (name)
            add(l, name);
        else
            add_number(l, "setting ", number, "");
        add_number(l, " ", tc_h2_u32(payload.at + 2), "");
    }
}

static void add_payload(line *l, const tc_h2_head *h, tc_span p)
{
    if (h->type == TC_H2_SETTINGS) add_settings(l, p);
    if (h->type == TC_H2_RST_STREAM && p.len == 4) {
        add(l, ", ");
        add(l, tc_h2_code_name(tc_h2_u32(p.at)));
    }
    const size_t before = h->flags & TC_H2_PADDED ? 1 : 0;
    if (h->type == TC_H2_PUSH_PROMISE && p.len >= before + 4)
        add_number(l, ", promises stream ", tc_h2_u32(p.at + before) & 0x7fffffff, "");
    if (h->type == TC_H2_GOAWAY && p.len >= 8) {
        add_number(l, ", last stream ", tc_h2_u32(p.at) & 0x7fffffff, ", ");
        add(l, tc_h2_code_name(tc_h2_u32(p.at + 4)));
    }
    if (h->type == TC_H2_WINDOW_UPDATE && p.len == 4)
        add_number(l, ", ", tc_h2_u32(p.at) & 0x7fffffff, " more");
}

void tc_h2_note(tc_h2 *c, bool ours, const tc_h2_head *head, tc_span payload)
{
    if (!c->env->notes) return;
    line l = {.len = 0};
    const char *name = tc_h2_type_name(head->type);
    add(&l, ours ? ">" : "<");
    if (name)
        add(&l, name);
    else
        add_number(&l, "frame type ", head->type, "");
    if (head->stream) add_number(&l, " stream ", head->stream, "");
    add_number(&l, ", ", head->length, " bytes");
    add_flags(&l, head);
    add_payload(&l, head, payload);
    l.at[l.len++] = '\n';
    (void)!tc_buf_add(&c->notes, tc_span_of(l.at, l.len)); /* or whoever looks on misses a line */
}
