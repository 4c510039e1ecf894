/* h2_peer.c - see h2_peer.h. */
// SPDX-License-Identifier: MIT
#include "support/h2_peer.h"

void h2_peer_init(h2_peer *p)
{
    tc_buf_init(&p->say, CONN_BUF_MAX);
}

void h2_peer_fini(h2_peer *p)
{
    tc_buf_fini(&p->say);
}

static void add(tc_buf *b, tc_span s)
{
    assert_int_equal(tc_buf_add(b, s), TC_OK);
}

void h2_peer_frame(h2_peer *p, unsigned type, unsigned flags, uint32_t stream, tc_span payload)
{
    char head[TC_H2_FRAME_HEAD];
    tc_h2_head_write(head,
                     (tc_h2_head){(uint32_t)payload.len, stream, (uint8_t)type, (uint8_t)flags});
    add(&p->say, tc_span_of(head, sizeof head));
    add(&p->say, payload);
}

static void add_text(tc_buf *b, tc_span text)
{
    assert_true(text.len < 127);
    assert_int_equal(tc_buf_add_byte(b, (char)text.len), TC_OK);
    add(b, text);
}

static void add_lines(tc_buf *block, const char *lines)
{
    for (tc_span rest = tc_span_str(lines); rest.len > 0;) {
        const size_t end = tc_span_find(rest, '\n');
        const tc_span line = tc_span_first(rest, end);
        rest = tc_span_from(rest, end + 1);
        const size_t first = line.at[0] == ':' ? 1 : 0;
        const size_t colon = first + tc_span_find(tc_span_from(line, first), ':');
        assert_int_equal(tc_buf_add_byte(block, 0), TC_OK); /* literal, not to be indexed */
        add_text(block, tc_span_first(line, colon));
        add_text(block, tc_span_from(line, colon + 2));
    }
}

void h2_peer_fields(h2_peer *p, unsigned flags, uint32_t stream, const char *lines)
{
    tc_buf block;
    tc_buf_init(&block, 1 << 20);
    add_lines(&block, lines);
    h2_peer_frame(p, TC_H2_HEADERS, flags, stream, tc_buf_span(&block));
    tc_buf_fini(&block);
}

void h2_peer_promise(h2_peer *p, unsigned flags, uint32_t stream, uint32_t promised,
                     const char *lines)
{
    tc_buf block;
    char id[4];
    tc_buf_init(&block, 1 << 20);
    tc_h2_put_u32(id, promised);
    add(&block, tc_span_of(id, sizeof id));
    add_lines(&block, lines);
    h2_peer_frame(p, TC_H2_PUSH_PROMISE, flags, stream, tc_buf_span(&block));
    tc_buf_fini(&block);
}

void h2_peer_preface(h2_peer *p)
{
    add(&p->say, TC_SPAN(TC_H2_PREFACE));
    h2_peer_frame(p, TC_H2_SETTINGS, 0, 0, (tc_span){0});
    h2_peer_frame(p, TC_H2_SETTINGS, TC_H2_ACK, 0, (tc_span){0}); /* of what we are sure to send */
}

void h2_peer_u32(h2_peer *p, unsigned type, uint32_t stream, uint32_t value)
{
    char at[4];
    tc_h2_put_u32(at, value);
    h2_peer_frame(p, type, 0, stream, tc_span_of(at, sizeof at));
}

void h2_peer_setting(h2_peer *p, unsigned number, uint32_t value)
{
    char at[6] = {(char)(number >> 8), (char)number};
    tc_h2_put_u32(at + 2, value);
    h2_peer_frame(p, TC_H2_SETTINGS, 0, 0, tc_span_of(at, sizeof at));
}

void h2_peer_tell(h2_peer *p, conn *c, size_t step)
{
    for (tc_span rest = tc_buf_span(&p->say); rest.len > 0;)
        conn_feed(c, tc_span_take(&rest, step && step < rest.len ? step : rest.len), false);
    tc_buf_reset(&p->say);
}

tc_h2_head h2_peer_find(const conn *c, unsigned type, unsigned nth, tc_span *ret_payload)
{
    tc_span out = tc_buf_span(&c->out);
    if (tc_span_starts(out, TC_SPAN(TC_H2_PREFACE)))
        out = tc_span_from(out, sizeof TC_H2_PREFACE - 1);
    while (out.len >= TC_H2_FRAME_HEAD) {
        const tc_h2_head head = tc_h2_head_read(out.at);
        const tc_span payload = tc_span_first(tc_span_from(out, TC_H2_FRAME_HEAD), head.length);
        if (head.type == type && nth-- == 0) {
            if (ret_payload) *ret_payload = payload;
            return head;
        }
        out = tc_span_from(out, TC_H2_FRAME_HEAD + head.length);
    }
    return (tc_h2_head){.length = UINT32_MAX};
}

uint32_t h2_peer_goaway(const conn *c)
{
    tc_span payload = {0};
    const tc_h2_head head = h2_peer_find(c, TC_H2_GOAWAY, 0, &payload);
    return head.length == UINT32_MAX ? UINT32_MAX : tc_h2_u32(payload.at + 4);
}

uint32_t h2_peer_reset(const conn *c)
{
    tc_span payload = {0};
    const tc_h2_head head = h2_peer_find(c, TC_H2_RST_STREAM, 0, &payload);
    return head.length == UINT32_MAX ? UINT32_MAX : tc_h2_u32(payload.at);
}

bool h2_peer_logged(const conn *c, const char *text)
{
    const tc_span wanted = tc_span_str(text);
    for (size_t i = 0; i < c->log.len; i++)
        if (tc_span_starts(tc_span_from(tc_buf_span(&c->log), i), wanted)) return true;
    return false;
}
