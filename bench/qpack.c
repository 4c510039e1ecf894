/* qpack.c - header compression against libnghttp3's, on the same header lists, in one run:
 * bench/qpack [FOLDER]. FOLDER holds lists (qpackers/qifs); without one, those of
 * test/vectors/qpack are used.
 *
 * For each round, both libraries encode all lists, each list file on one connection, acknowledged
 * as they go, then decode what nghttp3 encoded. The ratios are medians of the rounds; below 1,
 * Tercet is ahead. */
// SPDX-License-Identifier: MIT
#include <nghttp3/nghttp3.h>

#include "h3/qpack.h"
#include "http/pack/integer.h"
#include "measure.h"
#include "support/qif.h"

enum { LISTS = 16, FIELDS = 256, BLOCK = 1 << 17, ARENA = 1 << 18, TABLE = 4096, WAITING = 100 };

/* What nghttp3 made of a list. */
typedef struct made {
    tc_span instructions, section;
} made;

static const qif *files[LISTS];
static made *encoded[LISTS];
static size_t file_count, field_count, plain_bytes;
static bool cookies;
static char out[BLOCK], arena_room[ARENA];
static tc_arena kept;

static tc_span keep(const char *at, size_t len)
{
    const tc_span copy = tc_arena_copy(&kept, tc_span_of(at, len));
    if (!copy.at) abort();
    return copy;
}

/* The lists are gone when the visit ends, so they are copied. */
static void load(const qif *q, void *argument)
{
    (void)argument;
    qif *copy = tc_arena_alloc(&kept, sizeof *copy);
    if (file_count == LISTS || !copy) abort();
    *copy = *q;
    copy->lists = tc_arena_alloc(&kept, q->count * sizeof *q->lists);
    if (!copy->lists) abort();
    for (size_t i = 0; i < q->count; i++) {
        tc_field *fields = tc_arena_alloc(&kept, q->lists[i].count * sizeof *fields);
        if (!fields) abort();
        for (size_t j = 0; j < q->lists[i].count; j++) {
            const tc_field *f = &q->lists[i].fields[j];
            fields[j] =
                (tc_field){keep(f->name.at, f->name.len), keep(f->value.at, f->value.len), f->id};
        }
        copy->lists[i] = (qif_list){fields, q->lists[i].count};
    }
    field_count += q->field_count;
    plain_bytes += q->bytes;
    files[file_count++] = copy;
}

static size_t encode_ours(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < file_count; i++) {
        tc_qpack_encoder e;
        tc_qpack_encoder_init(&e, TABLE);
        tc_qpack_encoder_limit(&e, TABLE, WAITING);
        e.cookies = cookies;
        for (size_t n = 0; n < files[i]->count; n++) {
            const qif_list *list = &files[i]->lists[n];
            char *fields = tc_qpack_encoder_begin(&e, out, n), *end = fields;
            for (size_t j = 0; j < list->count; j++)
                end = tc_qpack_encode(&e, end, list->fields[j].name, list->fields[j].value,
                                      list->fields[j].id);
            bytes += tc_qpack_encoder_end(&e, fields, end).len + e.out.len;
            tc_buf_reset(&e.out);
            if (e.now.required) {
                char ack[16];
                char *after = tc_pack_integer_put(ack, 0x80, 7, n);
                tc_span in = tc_span_of(ack, (size_t)(after - ack));
                if (tc_qpack_encoder_read(&e, &in)) abort();
            }
        }
        tc_qpack_encoder_fini(&e);
    }
    return bytes;
}

static size_t encode_by_peer(bool keeps)
{
    static nghttp3_nv list[FIELDS];
    size_t bytes = 0;
    nghttp3_buf prefix, section, instructions;
    nghttp3_buf_init(&prefix);
    nghttp3_buf_init(&section);
    nghttp3_buf_init(&instructions);
    for (size_t i = 0; i < file_count; i++) {
        nghttp3_qpack_encoder *e;
        if (nghttp3_qpack_encoder_new(&e, TABLE, nghttp3_mem_default())) abort();
        nghttp3_qpack_encoder_set_max_dtable_capacity(e, TABLE);
        nghttp3_qpack_encoder_set_max_blocked_streams(e, WAITING);
        if (keeps) encoded[i] = calloc(files[i]->count, sizeof **encoded);
        for (size_t n = 0; n < files[i]->count; n++) {
            const qif_list *fields = &files[i]->lists[n];
            for (size_t j = 0; j < fields->count; j++) {
                const tc_field *f = &fields->fields[j];
                list[j] = (nghttp3_nv){(uint8_t *)(uintptr_t)f->name.at,
                                       (uint8_t *)(uintptr_t)f->value.at, f->name.len, f->value.len,
                                       NGHTTP3_NV_FLAG_NONE};
            }
            nghttp3_buf_reset(&prefix);
            nghttp3_buf_reset(&section);
            nghttp3_buf_reset(&instructions);
            if (nghttp3_qpack_encoder_encode(e, &prefix, &section, &instructions, (int64_t)n, list,
                                             fields->count))
                abort();
            const size_t head = nghttp3_buf_len(&prefix), rest = nghttp3_buf_len(&section);
            bytes += head + rest + nghttp3_buf_len(&instructions);
            nghttp3_qpack_encoder_ack_everything(e);
            if (!keeps) continue;
            memcpy(out, prefix.pos, head);
            memcpy(out + head, section.pos, rest);
            encoded[i][n] = (made){
                keep((char *)instructions.pos, nghttp3_buf_len(&instructions)),
                keep(out, head + rest),
            };
        }
        nghttp3_qpack_encoder_del(e);
    }
    nghttp3_buf_free(&prefix, nghttp3_mem_default());
    nghttp3_buf_free(&section, nghttp3_mem_default());
    nghttp3_buf_free(&instructions, nghttp3_mem_default());
    return bytes;
}

static size_t encode_theirs(void)
{
    return encode_by_peer(false);
}

static size_t decode_ours(void)
{
    size_t fields = 0;
    for (size_t i = 0; i < file_count; i++) {
        tc_qpack_decoder d;
        tc_qpack_decoder_init(&d, TABLE, 1 << 20);
        for (size_t n = 0; n < files[i]->count; n++) {
            tc_span in = encoded[i][n].instructions;
            tc_qpack_section s;
            tc_arena a;
            tc_field f;
            if (tc_qpack_decoder_read(&d, &in) ||
                tc_qpack_section_begin(&d, encoded[i][n].section, &s))
                abort();
            tc_arena_init(&a, arena_room, sizeof arena_room, 0);
            while (tc_qpack_decode(&d, &s, &a, ARENA, &f) == TC_OK)
                fields++;
            tc_arena_fini(&a);
            if (tc_qpack_section_end(&d, &s, n)) abort();
        }
        tc_qpack_decoder_fini(&d);
    }
    return fields;
}

static size_t decode_theirs(void)
{
    size_t fields = 0;
    for (size_t i = 0; i < file_count; i++) {
        nghttp3_qpack_decoder *d;
        nghttp3_qpack_stream_context *context;
        if (nghttp3_qpack_decoder_new(&d, TABLE, WAITING, nghttp3_mem_default())) abort();
        if (nghttp3_qpack_stream_context_new(&context, 0, nghttp3_mem_default())) abort();
        for (size_t n = 0; n < files[i]->count; n++) {
            const tc_span instructions = encoded[i][n].instructions;
            const uint8_t *at = (const uint8_t *)encoded[i][n].section.at;
            size_t left = encoded[i][n].section.len;
            if (nghttp3_qpack_decoder_read_encoder(d, (const uint8_t *)instructions.at,
                                                   instructions.len) < 0)
                abort();
            nghttp3_qpack_stream_context_reset(context);
            for (uint8_t flags = 0; !(flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL);) {
                nghttp3_qpack_nv nv;
                const nghttp3_ssize took =
                    nghttp3_qpack_decoder_read_request(d, context, &nv, &flags, at, left, 1);
                if (took < 0) abort();
                at += took;
                left -= (size_t)took;
                if (!(flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT)) continue;
                fields++;
                nghttp3_rcbuf_decref(nv.name);
                nghttp3_rcbuf_decref(nv.value);
            }
        }
        nghttp3_qpack_stream_context_del(context);
        nghttp3_qpack_decoder_del(d);
    }
    return fields;
}

int main(int argc, char **argv)
{
    if (argc > 1) (void)setenv("QPACK_VECTORS", argv[1], 1);
    tc_arena_init(&kept, NULL, 0, (size_t)1 << 30);
    if (qif_each(load, NULL) == 0) return 1;
    const size_t theirs = encode_by_peer(true), ours = encode_ours();
    cookies = true;
    const size_t with_cookies = encode_ours();
    cookies = false;
    if (decode_ours() != field_count || decode_theirs() != field_count) return 1;
    printf("%zu files, %zu fields, %zu bytes\n", file_count, field_count, plain_bytes);
    printf("size     %zu bytes, nghttp3 %zu: %.3f; %zu with long cookies in the table: %.3f\n",
           ours, theirs, (double)ours / (double)theirs, with_cookies,
           (double)with_cookies / (double)theirs);
    compare("encode", "nghttp3", encode_ours, encode_theirs, field_count);
    compare("decode", "nghttp3", decode_ours, decode_theirs, field_count);
    for (size_t i = 0; i < file_count; i++)
        free(encoded[i]);
    tc_arena_fini(&kept);
    return 0;
}
