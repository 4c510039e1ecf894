/* fuzz_hpack.c - header blocks from a peer, on one connection; what was understood is encoded
 * again, by an encoder whose table changes too, and must be understood as the same.
 *
 * The input is records of two bytes and what they say: 0xxx: a block of xxx bytes; 1xxx: a SETTINGS
 * of ours with xxx times four for the table; 2xxx: the same of the peer's, for the encoder. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h2/hpack.h"

enum { ARENA_MAX = 1 << 18, FIELDS = 256, VALUE_MAX = 16384, TABLE_MAX = 16384 };

typedef struct ends {
    tc_hpack_decoder theirs, ours;
    tc_hpack_encoder encoder;
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
    check(tc_ring_get(t, t->inserted - t->count) == NULL);
}

static void encode_again(ends *s, const tc_field *fields, size_t count)
{
    size_t room = TC_HPACK_BEGIN_MAX;
    for (size_t i = 0; i < count; i++)
        room += tc_hpack_encode_bound(fields[i].name.len, fields[i].value.len);
    char *block = malloc(room), *end = tc_hpack_encoder_begin(&s->encoder, block);
    for (size_t i = 0; i < count; i++) {
        const tc_field *f = &fields[i];
        end = f->value.len % 7 == 6 ? tc_hpack_encode_fixed(end, f->name, f->value, f->id)
                                    : tc_hpack_encode(&s->encoder, end, f->name, f->value, f->id);
    }
    check((size_t)(end - block) <= room);
    tc_arena a;
    tc_field f;
    tc_span rest = tc_span_of(block, (size_t)(end - block));
    tc_arena_init(&a, NULL, 0, ARENA_MAX * 4);
    tc_hpack_decoder_begin(&s->ours);
    for (size_t i = 0; i < count; i++) {
        check(tc_hpack_decode(&s->ours, &rest, &a, VALUE_MAX, &f) == TC_OK);
        check(tc_span_eq(f.name, fields[i].name) && tc_span_eq(f.value, fields[i].value));
        check(f.id == fields[i].id);
    }
    check(tc_hpack_decode(&s->ours, &rest, &a, VALUE_MAX, &f) == TC_ERR_NOTHING);
    check_table(&s->encoder.table);
    check_table(&s->ours.table);
    tc_arena_fini(&a);
    free(block);
}

/* False at the end of the connection. */
static bool read_block(ends *s, tc_span bytes)
{
    char *copy = malloc(bytes.len + 1); /* so that a byte too far is seen */
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    copy = realloc(copy, bytes.len ? bytes.len : 1);
    tc_span block = tc_span_of(copy, bytes.len);
    tc_field fields[FIELDS];
    size_t count = 0;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_hpack_decoder_begin(&s->theirs);
    tc_err err = TC_OK;
    while (count < FIELDS && !err) {
        err = tc_hpack_decode(&s->theirs, &block, &a, VALUE_MAX, &fields[count]);
        if (err) break;
        check(fields[count].id == tc_field_id_of(fields[count].name));
        count++;
    }
    check_table(&s->theirs.table);
    if (err == TC_ERR_NOTHING) encode_again(s, fields, count);
    tc_arena_fini(&a);
    free(copy);
    return err == TC_ERR_NOTHING;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ends s;
    tc_span in = tc_span_of((const char *)data, size);
    tc_hpack_decoder_init(&s.theirs, TC_HPACK_TABLE);
    tc_hpack_decoder_init(&s.ours, TABLE_MAX);
    tc_hpack_encoder_init(&s.encoder, TABLE_MAX);
    bool more = true;
    while (more && in.len >= 2) {
        const unsigned word = (unsigned)(uint8_t)in.at[0] << 8 | (uint8_t)in.at[1];
        const unsigned n = word & 0xfff;
        (void)tc_span_take(&in, 2);
        switch (word >> 12 & 3) {
        case 1: tc_hpack_decoder_limit(&s.theirs, n * 4); break;
        case 2:
            tc_hpack_decoder_limit(&s.ours, n * 4);
            tc_hpack_encoder_limit(&s.encoder, n * 4);
            s.encoder.cookies = n & 1;
            break;
        default: more = read_block(&s, tc_span_take(&in, n < in.len ? n : in.len)); break;
        }
    }
    tc_hpack_decoder_fini(&s.theirs);
    tc_hpack_decoder_fini(&s.ours);
    tc_hpack_encoder_fini(&s.encoder);
    return 0;
}
