/* compose.c - heads and trailers of ours as HEADERS (RFC 9114, 4.2 and 4.3). They stay in the
 * exchange's arena until the peer has them. */
// SPDX-License-Identifier: MIT
#include "http/pack/compose.h"

#include "base/text.h"
#include "h3/state.h"

enum { SCRATCH_KEPT = 4096 };

static size_t bound_of(const tc_fields *f)
{
    size_t size = 0;
    for (uint32_t i = 0; i < f->count; i++)
        size += tc_qpack_encode_bound(f->at[i].name.len, f->at[i].value.len);
    return size;
}

static char *put_field(tc_h3 *c, char *at, const tc_field *f)
{
    tc_h3_note_field(c, true, f);
    return tc_qpack_encode(&c->encoder, at, f->name, f->value, f->id);
}

static char *put_fields(tc_h3 *c, char *at, const tc_fields *f, bool of_block)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const tc_field *field = &f->at[i];
        if (!tc_compose_leaves_out(field, of_block)) at = put_field(c, at, field);
    }
    return at;
}

static void encoder_may_insert(tc_h3 *c)
{
    const tc_h3_pipe *p = &c->pipes[TC_H3_ENCODER];
    c->encoder.held = !p->open || p->blocked;
}

/* m NULL: only the fields. */
static tc_err send_section(tc_h3 *c, tc_h3_stream *s, const tc_message *m, const tc_fields *own,
                           const tc_composed *with)
{
    char digits[20];
    size_t bound = TC_H3_FRAME_HEAD + TC_QPACK_PREFIX_MAX + bound_of(own) +
                   tc_qpack_encode_bound(sizeof "content-length", sizeof digits);
    for (size_t i = 0; with && i < with->pseudo_count; i++)
        bound += tc_qpack_encode_bound(with->pseudo[i].name.len, with->pseudo[i].value.len);
    for (int i = 0; m && i < TC_BLOCKS; i++)
        if (m->blocks[i]) bound += bound_of(&m->blocks[i]->fields);
    if (tc_run_queue_room(&s->out) == 0) return TC_ERR_FULL;
    char *start; /* the bound is several times what it takes */
    if (tc_buf_reserve(&c->scratch, bound, &start) != TC_OK) return TC_ERR_NO_MEMORY;
    encoder_may_insert(c);
    char *fields = tc_qpack_encoder_begin(&c->encoder, start + TC_H3_FRAME_HEAD, s->id);
    char *at = fields;
    for (size_t i = 0; with && i < with->pseudo_count; i++)
        at = put_field(c, at, &with->pseudo[i]);
    for (int i = 0; m && i < TC_BLOCKS; i++)
        if (m->blocks[i]) at = put_fields(c, at, &m->blocks[i]->fields, true);
    at = put_fields(c, at, own, false);
    if (with && with->length >= 0) {
        const size_t len = tc_text_number(digits, (uint64_t)with->length);
        const tc_field length = {TC_SPAN("content-length"), tc_span_of(digits, len),
                                 TC_FIELD_CONTENT_LENGTH};
        at = put_field(c, at, &length);
    }
    const tc_span whole = tc_qpack_encoder_end(&c->encoder, fields, at);
    const tc_h3_head head = {TC_H3_HEADERS, whole.len};
    const size_t front = 1 + tc_h3_varint_length(whole.len);
    char *frame = tc_arena_bytes(&s->x->arena, front + whole.len);
    if (!frame) {
        tc_qpack_encoder_undo(&c->encoder);
        return TC_ERR_NO_MEMORY;
    }
    memcpy(tc_h3_head_put(frame, head), whole.at, whole.len);
    if (bound > SCRATCH_KEPT) tc_buf_fini(&c->scratch);
    tc_run_queue_add(&s->out, tc_run_bytes(tc_span_of(frame, front + whole.len)));
    tc_h3_note(c, true, s->id, head, (tc_span){0});
    tc_h3_credit(c, 1);
    return TC_OK;
}

static void head_went(tc_h3 *c, tc_h3_stream *s, const tc_message *m, bool end)
{
    s->head_sent = true;
    s->ended = end || s->no_content;
    s->body_left = m->length > 0 ? (uint64_t)m->length : 0;
    tc_h3_ready(c, s);
}

tc_err tc_h3_send_response(tc_h3 *c, tc_exchange *x, bool end)
{
    tc_h3_stream *s = tc_h3_stream_of(x);
    tc_message *m = &x->ours;
    tc_composed with;
    if (s->closing) return TC_OK;
    if (s->head_sent) return TC_ERR_HEAD_TWICE;
    tc_err err = tc_compose_response(x, end, &with);
    if (err) return err;
    const bool interim = m->status < 200;
    err = send_section(c, s, interim ? NULL : m, &m->fields, &with);
    if (err) return err;
    s->no_content = with.no_content;
    if (interim)
        tc_h3_ready(c, s);
    else
        head_went(c, s, m, end);
    return TC_OK;
}

tc_err tc_h3_send_request(tc_h3 *c, tc_exchange *x, bool end)
{
    tc_h3_stream *s = tc_h3_stream_of(x);
    tc_message *m = &x->ours;
    tc_composed with;
    tc_err err = tc_compose_request(c->env, m, end, &with);
    if (!err) err = send_section(c, s, NULL, &m->fields, &with);
    if (!err) head_went(c, s, m, end);
    return err;
}

tc_err tc_h3_send_trailers(tc_h3 *c, tc_h3_stream *s)
{
    return send_section(c, s, NULL, &s->x->ours.trailers, NULL);
}
