/* fuzz_qpack.c - the encoder stream, the decoder stream and sections from a peer, on one
 * connection; what was understood is encoded again, and must be understood as the same.
 *
 * The input is records of two bytes and what they say: 0xxx: a section of xxx bytes; 1xxx: as many
 * bytes of the encoder stream; 2xxx: of the decoder stream, to our encoder; 3xxx: what our own
 * decoder has to acknowledge reaches our encoder (odd xxx), or a stream is cancelled. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h3/qpack.h"

enum { ARENA_MAX = 1 << 18, FIELDS = 256, VALUE_MAX = 16384, TABLE = 1024, BLOCKED = 3 };
enum { OUT_MAX = 1 << 16 };

typedef struct ends {
    tc_qpack_decoder theirs, ours;
    tc_qpack_encoder encoder; /* of "ours" */
    tc_buf stream;            /* of the peer's encoder, not taken yet */
    tc_buf acks;              /* of the peer's decoder, likewise */
    uint64_t next;
    bool strange; /* the encoder was told what our decoder did not say */
} ends;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good) abort();
}

static void check_table(const tc_ring *t)
{
    uint64_t size = 0;
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const tc_ring_entry *e = tc_ring_get(t, t->inserted - i);
        check(e != NULL);
        size += (uint64_t)e->name_len + e->value_len + TC_RING_OVERHEAD;
        bytes += tc_ring_name_stored(e) + e->value_len;
    }
    check(size == t->size && t->size <= t->max && bytes == t->end - t->begin);
}

static void encode_again(ends *s, const tc_field *fields, size_t count)
{
    size_t room = TC_QPACK_PREFIX_MAX;
    for (size_t i = 0; i < count; i++)
        room += tc_qpack_encode_bound(fields[i].name.len, fields[i].value.len);
    char *block = malloc(room);
    const uint64_t stream = s->next++;
    char *begin = tc_qpack_encoder_begin(&s->encoder, block, stream), *end = begin;
    for (size_t i = 0; i < count; i++) {
        const tc_field *f = &fields[i];
        end = f->value.len % 7 == 6 ? tc_qpack_encode_fixed(end, f->name, f->value, f->id)
                                    : tc_qpack_encode(&s->encoder, end, f->name, f->value, f->id);
    }
    check((size_t)(end - block) <= room);
    const tc_span whole = tc_qpack_encoder_end(&s->encoder, begin, end);
    tc_span in = tc_buf_span(&s->encoder.out);
    check_table(&s->encoder.table);
    if (s->strange) { /* what leaves our table may still be in use */
        tc_buf_reset(&s->encoder.out);
        free(block);
        return;
    }
    tc_qpack_section section;
    tc_arena a;
    tc_field f;
    check(tc_qpack_decoder_read(&s->ours, &in) == TC_OK && in.len == 0);
    tc_buf_reset(&s->encoder.out);
    check(tc_qpack_section_begin(&s->ours, whole, &section) == TC_OK);
    check(!tc_qpack_is_blocked(&s->ours, &section));
    tc_arena_init(&a, NULL, 0, ARENA_MAX * 4);
    for (size_t i = 0; i < count; i++) {
        check(tc_qpack_decode(&s->ours, &section, &a, VALUE_MAX, &f) == TC_OK);
        check(tc_span_eq(f.name, fields[i].name) && tc_span_eq(f.value, fields[i].value));
        check(f.id == fields[i].id);
    }
    check(tc_qpack_decode(&s->ours, &section, &a, VALUE_MAX, &f) == TC_ERR_NOTHING);
    if (s->ours.out.len < OUT_MAX / 2) check(!tc_qpack_section_end(&s->ours, &section, stream));
    check_table(&s->ours.table);
    tc_arena_fini(&a);
    free(block);
}

/* A copy that ends where its memory ends. */
static char *exact(tc_span bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    return copy;
}

/* False at the end of the connection. */
static bool read_section(ends *s, tc_span bytes)
{
    char *copy = exact(bytes);
    tc_qpack_section section;
    tc_field fields[FIELDS];
    size_t count = 0;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_err err = tc_qpack_section_begin(&s->theirs, tc_span_of(copy, bytes.len), &section);
    const bool blocked = !err && tc_qpack_is_blocked(&s->theirs, &section);
    while (count < FIELDS && !err && !blocked) {
        err = tc_qpack_decode(&s->theirs, &section, &a, VALUE_MAX, &fields[count]);
        if (err) break;
        check(fields[count].id == tc_field_id_of(fields[count].name));
        count++;
    }
    if (err == TC_ERR_NOTHING) encode_again(s, fields, count);
    if (err == TC_ERR_NOTHING && s->theirs.out.len < OUT_MAX / 2)
        check(tc_qpack_section_end(&s->theirs, &section, 0) == TC_OK);
    tc_arena_fini(&a);
    free(copy);
    return blocked || err == TC_ERR_NOTHING;
}

/* The bytes join those that were not taken. */
static bool read_stream(ends *s, tc_buf *kept, tc_span bytes)
{
    if (tc_buf_add(kept, bytes)) return false;
    char *copy = exact(tc_buf_span(kept));
    tc_span in = tc_span_of(copy, kept->len);
    const tc_err err = kept == &s->stream ? tc_qpack_decoder_read(&s->theirs, &in)
                                          : tc_qpack_encoder_read(&s->encoder, &in);
    tc_buf_drop(kept, kept->len - in.len);
    check_table(&s->theirs.table);
    free(copy);
    return !err;
}

static bool acknowledge(ends *s)
{
    check(tc_qpack_decoder_tell(&s->ours) == TC_OK);
    tc_span in = tc_buf_span(&s->ours.out);
    const tc_err err = s->strange ? TC_OK : tc_qpack_encoder_read(&s->encoder, &in);
    tc_buf_reset(&s->ours.out);
    check(!err);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ends s = {.next = 0};
    tc_span in = tc_span_of((const char *)data, size);
    tc_qpack_decoder_init(&s.theirs, TABLE, OUT_MAX);
    tc_qpack_decoder_init(&s.ours, TABLE, OUT_MAX);
    tc_qpack_encoder_init(&s.encoder, TABLE);
    tc_qpack_encoder_limit(&s.encoder, TABLE, size % 2 ? BLOCKED : 0);
    tc_buf_init(&s.stream, 1 << 20);
    tc_buf_init(&s.acks, 1 << 20);
    bool more = true;
    while (more && in.len >= 2) {
        const unsigned word = (unsigned)(uint8_t)in.at[0] << 8 | (uint8_t)in.at[1];
        const unsigned n = word & 0xfff;
        (void)tc_span_take(&in, 2);
        const tc_span bytes = word >> 12 & 2 && word >> 12 & 1
                                  ? (tc_span){0}
                                  : tc_span_take(&in, n < in.len ? n : in.len);
        switch (word >> 12 & 3) {
        case 0: more = read_section(&s, bytes); break;
        case 1: more = read_stream(&s, &s.stream, bytes); break;
        case 2:
            s.strange = true;
            more = read_stream(&s, &s.acks, bytes);
            break;
        default: more = n & 1 ? acknowledge(&s) : tc_qpack_decoder_cancel(&s.theirs, n) == TC_OK;
        }
    }
    tc_qpack_decoder_fini(&s.theirs);
    tc_qpack_decoder_fini(&s.ours);
    tc_qpack_encoder_fini(&s.encoder);
    tc_buf_fini(&s.stream);
    tc_buf_fini(&s.acks);
    return 0;
}
