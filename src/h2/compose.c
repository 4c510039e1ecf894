/* compose.c - heads and trailers of ours as blocks of fields (RFC 9113, 8.2 and 8.3).
 *
 * A block is encoded into the output at once: the peer's decoder sees blocks in the order in which
 * our encoder made them. */
// SPDX-License-Identifier: MIT
#include "http/pack/compose.h"
#include "base/text.h"
#include "h2/state.h"

static size_t bound_of(const tc_fields *f)
{
    size_t size = 0;
    for (uint32_t i = 0; f && i < f->count; i++)
        size += tc_hpack_encode_bound(f->at[i].name.len, f->at[i].value.len);
    return size;
}

static char *put_fields(tc_h2 *c, char *at, const tc_fields *f, bool of_block)
{
    for (uint32_t i = 0; f && i < f->count; i++) {
        const tc_field *field = &f->at[i];
        if (tc_compose_leaves_out(field, of_block)) continue;
        at = tc_hpack_encode(&c->encoder, at, field->name, field->value, field->id);
        tc_h2_note_field(c, true, field->name, field->value);
    }
    return at;
}

/* The block stands behind one frame head at start; more heads go between where it is too long for
 * one frame. Returns how many bytes all took. */
static size_t cut_frames(tc_h2 *c, char *start, size_t len, uint32_t id, bool end,
                         enum tc_h2_type type)
{
    const size_t more = len ? (len - 1) / TC_H2_FRAME_MAX : 0;
    for (size_t i = more + 1; i-- > 0;) {
        const size_t off = i * TC_H2_FRAME_MAX;
        const size_t n = i == more ? len - off : TC_H2_FRAME_MAX;
        char *at = start + off + i * TC_H2_FRAME_HEAD;
        if (i) memmove(at + TC_H2_FRAME_HEAD, start + TC_H2_FRAME_HEAD + off, n);
        const unsigned flags =
            (i == 0 && end ? TC_H2_END_STREAM : 0u) | (i == more ? TC_H2_END_HEADERS : 0u);
        tc_h2_head_write(at, (tc_h2_head){(uint32_t)n, id, i ? TC_H2_CONTINUATION : (uint8_t)type,
                                          (uint8_t)flags});
    }
    c->packed = (uint32_t)len;
    for (size_t i = 0; i <= more && c->env->notes; i++) {
        const char *at = start + i * (TC_H2_FRAME_MAX + TC_H2_FRAME_HEAD);
        const tc_h2_head head = tc_h2_head_read(at);
        tc_h2_note(c, true, &head, tc_span_of(at + TC_H2_FRAME_HEAD, head.length));
    }
    return len + (more + 1) * TC_H2_FRAME_HEAD;
}

tc_err tc_h2_send_block(tc_h2 *c, tc_h2_stream *s, const tc_message *m, const tc_fields *own,
                        const tc_field *pseudo, size_t pseudo_count, int64_t length, bool end,
                        uint32_t promised)
{
    char digits[20];
    size_t bound = TC_H2_FRAME_HEAD + sizeof promised + TC_HPACK_BEGIN_MAX + bound_of(own) +
                   tc_hpack_encode_bound(sizeof "content-length", sizeof digits);
    for (size_t i = 0; i < pseudo_count; i++)
        bound += tc_hpack_encode_bound(pseudo[i].name.len, pseudo[i].value.len);
    for (int i = 0; m && i < TC_BLOCKS; i++)
        if (m->blocks[i]) bound += bound_of(&m->blocks[i]->fields);
    bound += (bound / TC_H2_FRAME_MAX + 1) * TC_H2_FRAME_HEAD;
    char *start;
    if (c->out.len > c->env->limits->h2_output) return TC_ERR_TOO_BUSY;
    if (tc_buf_reserve(&c->out, bound, &start) != TC_OK) return TC_ERR_NO_MEMORY;
    char *block = start + TC_H2_FRAME_HEAD;
    if (promised) tc_h2_put_u32(block, promised);
    char *at = tc_hpack_encoder_begin(&c->encoder, block + (promised ? sizeof promised : 0));
    for (size_t i = 0; i < pseudo_count; i++) {
        at = tc_hpack_encode(&c->encoder, at, pseudo[i].name, pseudo[i].value, TC_FIELD_OTHER);
        tc_h2_note_field(c, true, pseudo[i].name, pseudo[i].value);
    }
    for (int i = 0; m && i < TC_BLOCKS; i++)
        if (m->blocks[i]) at = put_fields(c, at, &m->blocks[i]->fields, true);
    at = put_fields(c, at, own, false);
    if (length >= 0) {
        const tc_span value = tc_span_of(digits, tc_text_number(digits, (uint64_t)length));
        at = tc_hpack_encode(&c->encoder, at, TC_SPAN("content-length"), value,
                             TC_FIELD_CONTENT_LENGTH);
        tc_h2_note_field(c, true, TC_SPAN("content-length"), value);
    }
    const size_t size = cut_frames(c, start, (size_t)(at - block), s->id, end,
                                   promised ? TC_H2_PUSH_PROMISE : TC_H2_HEADERS);
    c->out.len += size;
    s->x->wire_out += size;
    tc_h2_credit(c, 1);
    return TC_OK;
}

/* The same from a block that was made before. */
static tc_err send_again(tc_h2 *c, tc_h2_stream *s, tc_span block, bool end)
{
    const unsigned flags = TC_H2_END_HEADERS | (end ? TC_H2_END_STREAM : 0u);
    const tc_h2_head head = {(uint32_t)block.len, s->id, TC_H2_HEADERS, (uint8_t)flags};
    char *at;
    if (c->out.len > c->env->limits->h2_output) return TC_ERR_TOO_BUSY;
    if (tc_buf_reserve(&c->out, TC_H2_FRAME_HEAD + block.len, &at) != TC_OK)
        return TC_ERR_NO_MEMORY;
    tc_h2_head_write(at, head);
    memcpy(at + TC_H2_FRAME_HEAD, block.at, block.len);
    c->out.len += TC_H2_FRAME_HEAD + block.len;
    s->x->wire_out += TC_H2_FRAME_HEAD + block.len;
    tc_h2_note(c, true, &head, (tc_span){0});
    tc_h2_credit(c, 1);
    return TC_OK;
}

static void head_went(tc_h2 *c, tc_h2_stream *s, const tc_message *m, bool end)
{
    s->head_sent = true;
    s->ended = end;
    s->end_sent = s->x->whole = end || s->no_content;
    s->body_left = m->length > 0 ? (uint64_t)m->length : 0;
    tc_h2_settle(c, s);
}

static tc_err send_final(tc_h2 *c, tc_h2_stream *s, const tc_message *m, const tc_composed *with,
                         bool end)
{
    const int64_t length = with->length;
    const tc_span before = length < 0 ? tc_h2_said_before(c, m) : (tc_span){0};
    if (before.len) return send_again(c, s, before, end);
    const uint64_t mark = tc_ring_mark(&c->encoder.table);
    const size_t at = c->out.len;
    c->encoder.unsettled = false;
    const bool steady = tc_hpack_encoder_stays(&c->encoder, mark);
    const tc_err err = tc_h2_send_block(c, s, m, &m->fields, with->pseudo, 1, length, end, 0);
    if (!err && length < 0 && steady)
        tc_h2_remember_said(c, m, tc_span_from(tc_buf_span(&c->out), at + TC_H2_FRAME_HEAD), mark);
    return err;
}

tc_err tc_h2_send_response(tc_h2 *c, tc_exchange *x, bool end)
{
    tc_h2_stream *s = tc_h2_stream_of(x);
    tc_message *m = &x->ours;
    tc_composed with;
    if (s->closing) return TC_OK;
    if (s->head_sent) return TC_ERR_HEAD_TWICE;
    tc_err err = tc_compose_response(x, end, &with);
    if (err) return err;
    if (m->status < 200)
        return tc_h2_send_block(c, s, NULL, &m->fields, with.pseudo, 1, with.length, false, 0);
    s->no_content = with.no_content;
    err = send_final(c, s, m, &with, end || s->no_content);
    if (!err) head_went(c, s, m, end);
    return err;
}

tc_err tc_h2_send_request(tc_h2 *c, tc_exchange *x, bool end)
{
    tc_h2_stream *s = tc_h2_stream_of(x);
    tc_message *m = &x->ours;
    tc_composed with;
    tc_err err = tc_compose_request(c->env, m, end, &with);
    if (err) return err;
    err = tc_h2_send_block(c, s, NULL, &m->fields, with.pseudo, with.pseudo_count, with.length, end,
                           0);
    if (!err) head_went(c, s, m, end);
    return err;
}
