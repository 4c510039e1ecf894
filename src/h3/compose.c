/* compose.c - heads and trailers of ours as HEADERS (RFC 9114, 4.2 and 4.3). They stay in the
 * exchange's arena until the peer has them. */
// SPDX-License-Identifier: MIT
#include "http/pack/compose.h"

#include "base/alloc.h"
#include "base/text.h"
#include "h3/state.h"

enum { SCRATCH_KEPT = 4096, LENGTH_DIGITS = 20 };

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

/* In the exchange's arena. */
static tc_err send_whole(tc_h3 *c, tc_h3_stream *s, tc_span whole)
{
    const tc_h3_head head = {TC_H3_HEADERS, whole.len};
    const size_t front = 1 + tc_h3_varint_length(whole.len);
    char *frame = tc_arena_bytes(&s->x->arena, front + whole.len);
    if (!frame) {
        tc_qpack_encoder_undo(&c->encoder);
        return TC_ERR_NO_MEMORY;
    }
    memcpy(tc_h3_head_put(frame, head), whole.at, whole.len);
    tc_run_queue_add(&s->out, tc_run_bytes(tc_span_of(frame, front + whole.len)));
    tc_h3_note(c, true, s->id, head, (tc_span){0});
    tc_h3_credit(c, 1);
    return TC_OK;
}

/* --- answers that were sent before ---------------------------------------------------------- */

/* From the third request on: they may be the only ones; and whoever looks on sees each field. */
static void remember(tc_h3 *c, const tc_h3_stream *s, const tc_message *m, uint64_t mark,
                     tc_span fields)
{
    if (s->id < 8 || c->env->notes || c->encoder.unsettled ||
        tc_ring_mark(&c->encoder.table) != mark)
        return;
    if (!c->said) c->said = tc_alloc_zero(TC_SAID * sizeof *c->said);
    tc_said *a = c->said ? tc_said_keep(c->said, m, mark, fields) : NULL;
    if (!a) return;
    a->required = c->encoder.now.required;
    a->least = c->encoder.now.least;
}

/* *ret_err: if it was sent before. */
static bool send_again(tc_h3 *c, tc_h3_stream *s, const tc_message *m, tc_err *ret_err)
{
    char room[TC_QPACK_PREFIX_MAX + TC_SAID_BYTES];
    if (!c->said || c->env->notes || tc_run_queue_room(&s->out) == 0) return false;
    const tc_said *a = tc_said_before(c->said, m, tc_ring_mark(&c->encoder.table));
    if (!a) return false;
    char *fields = tc_qpack_encoder_begin(&c->encoder, room, s->id);
    if (!tc_qpack_encoder_repeat(&c->encoder, a->required, a->least)) return false;
    memcpy(fields, a->fields, a->len);
    *ret_err = send_whole(c, s, tc_qpack_encoder_end(&c->encoder, fields, fields + a->len));
    return true;
}

/* --- sections ---------------------------------------------------------------------------- */

static void encoder_may_insert(tc_h3 *c)
{
    const tc_h3_pipe *p = &c->pipes[TC_H3_ENCODER];
    c->encoder.held = !p->open || p->blocked;
}

/* What a section is made of; m NULL: only the fields. */
typedef struct section {
    const tc_message *m;
    const tc_fields *own;
    const tc_composed *with; /* NULL: neither pseudo-fields nor a length */
} section;

static size_t bound_of_all(const section *n)
{
    size_t bound = bound_of(n->own) + tc_qpack_encode_bound(sizeof "content-length", LENGTH_DIGITS);
    for (size_t i = 0; n->with && i < n->with->pseudo_count; i++)
        bound += tc_qpack_encode_bound(n->with->pseudo[i].name.len, n->with->pseudo[i].value.len);
    for (int i = 0; n->m && i < TC_BLOCKS; i++)
        if (n->m->blocks[i]) bound += bound_of(&n->m->blocks[i]->fields);
    return bound;
}

static char *put_all(tc_h3 *c, char *at, const section *n)
{
    char digits[LENGTH_DIGITS];
    for (size_t i = 0; n->with && i < n->with->pseudo_count; i++)
        at = put_field(c, at, &n->with->pseudo[i]);
    for (int i = 0; n->m && i < TC_BLOCKS; i++)
        if (n->m->blocks[i]) at = put_fields(c, at, &n->m->blocks[i]->fields, true);
    at = put_fields(c, at, n->own, false);
    if (!n->with || n->with->length < 0) return at;
    const size_t len = tc_text_number(digits, (uint64_t)n->with->length);
    const tc_field length = {TC_SPAN("content-length"), tc_span_of(digits, len),
                             TC_FIELD_CONTENT_LENGTH};
    return put_field(c, at, &length);
}

static tc_err send_section(tc_h3 *c, tc_h3_stream *s, const section *n)
{
    const size_t bound = TC_H3_FRAME_HEAD + TC_QPACK_PREFIX_MAX + bound_of_all(n);
    char *start; /* the bound is several times what it takes */
    if (tc_run_queue_room(&s->out) == 0) return TC_ERR_FULL;
    if (tc_buf_reserve(&c->scratch, bound, &start) != TC_OK) return TC_ERR_NO_MEMORY;
    encoder_may_insert(c);
    const uint64_t mark = tc_ring_mark(&c->encoder.table);
    char *fields = tc_qpack_encoder_begin(&c->encoder, start, s->id);
    char *end = put_all(c, fields, n);
    const tc_err err = send_whole(c, s, tc_qpack_encoder_end(&c->encoder, fields, end));
    if (!err && n->m && n->with->length < 0)
        remember(c, s, n->m, mark, tc_span_of(fields, (size_t)(end - fields)));
    if (bound > SCRATCH_KEPT) tc_buf_fini(&c->scratch);
    return err;
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
    const section n = {interim ? NULL : m, &m->fields, &with};
    if (interim || with.length >= 0 || !send_again(c, s, m, &err)) err = send_section(c, s, &n);
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
    if (!err) err = send_section(c, s, &(section){NULL, &m->fields, &with});
    if (!err) head_went(c, s, m, end);
    return err;
}

tc_err tc_h3_send_trailers(tc_h3 *c, tc_h3_stream *s)
{
    return send_section(c, s, &(section){NULL, &s->x->ours.trailers, NULL});
}
