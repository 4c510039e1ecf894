/* hpack.c - header compression against libnghttp2's, on the same header lists, in one run:
 * bench/hpack [FOLDER]. FOLDER holds stories (http2jp/hpack-test-case); without one, those of
 * test/vectors/hpack are used.
 *
 * For each round, both libraries encode all stories, then decode what nghttp2 encoded, one
 * connection a story. The ratios are medians of the rounds; below 1, Tercet is ahead. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "h2/hpack.h"
#include "measure.h"
#include "support/story.h"

enum { STORIES = 64, FIELDS = 256, BLOCK = 1 << 17, ARENA = 1 << 18 };

static story stories[STORIES];
static tc_span *encoded[STORIES]; /* by nghttp2, by story and block */
static size_t story_count, field_count, plain_bytes;
static char out[BLOCK], arena_room[ARENA];

static void load(const story *s, void *folder)
{
    (void)folder;
    if (story_count == STORIES || !story_load(&stories[story_count], s->path)) abort();
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->blocks[i].count; j++) {
            plain_bytes += s->blocks[i].fields[j].name.len + s->blocks[i].fields[j].value.len;
            field_count++;
        }
    story_count++;
}

static size_t encode_ours(bool cookies)
{
    size_t bytes = 0;
    for (size_t i = 0; i < story_count; i++) {
        tc_hpack_encoder e;
        tc_hpack_encoder_init(&e, TC_HPACK_TABLE);
        e.cookies = cookies;
        for (size_t b = 0; b < stories[i].count; b++) {
            const story_block *block = &stories[i].blocks[b];
            char *end = tc_hpack_encoder_begin(&e, out);
            for (size_t j = 0; j < block->count; j++)
                end = tc_hpack_encode(&e, end, block->fields[j].name, block->fields[j].value,
                                      block->fields[j].id);
            bytes += (size_t)(end - out);
        }
        tc_hpack_encoder_fini(&e);
    }
    return bytes;
}

static size_t encode_theirs(bool keep)
{
    static nghttp2_nv list[FIELDS];
    size_t bytes = 0;
    for (size_t i = 0; i < story_count; i++) {
        nghttp2_hd_deflater *e;
        if (nghttp2_hd_deflate_new(&e, TC_HPACK_TABLE)) abort();
        if (keep) encoded[i] = calloc(stories[i].count + 1, sizeof **encoded);
        for (size_t b = 0; b < stories[i].count; b++) {
            const story_block *block = &stories[i].blocks[b];
            for (size_t j = 0; j < block->count; j++) {
                const tc_field *f = &block->fields[j];
                list[j] = (nghttp2_nv){(uint8_t *)(uintptr_t)f->name.at,
                                       (uint8_t *)(uintptr_t)f->value.at, f->name.len, f->value.len,
                                       NGHTTP2_NV_FLAG_NONE};
            }
            const ssize_t n =
                nghttp2_hd_deflate_hd(e, (uint8_t *)out, sizeof out, list, block->count);
            if (n < 0) abort();
            bytes += (size_t)n;
            if (keep) encoded[i][b] = tc_arena_copy(&stories[i].arena, tc_span_of(out, (size_t)n));
        }
        nghttp2_hd_deflate_del(e);
    }
    return bytes;
}

static size_t encode_ours_plain(void)
{
    return encode_ours(false);
}

static size_t encode_theirs_plain(void)
{
    return encode_theirs(false);
}

static size_t decode_ours(void)
{
    size_t fields = 0;
    for (size_t i = 0; i < story_count; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        for (size_t b = 0; b < stories[i].count; b++) {
            tc_arena a;
            tc_field f;
            tc_span block = encoded[i][b];
            tc_arena_init(&a, arena_room, sizeof arena_room, 0);
            tc_hpack_decoder_begin(&d);
            while (tc_hpack_decode(&d, &block, &a, ARENA, &f) == TC_OK)
                fields++;
            tc_arena_fini(&a);
        }
        tc_hpack_decoder_fini(&d);
    }
    return fields;
}

static size_t decode_theirs(void)
{
    size_t fields = 0;
    for (size_t i = 0; i < story_count; i++) {
        nghttp2_hd_inflater *d;
        if (nghttp2_hd_inflate_new(&d)) abort();
        for (size_t b = 0; b < stories[i].count; b++) {
            const uint8_t *at = (const uint8_t *)encoded[i][b].at;
            size_t left = encoded[i][b].len;
            for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
                nghttp2_nv nv;
                flags = 0;
                const ssize_t n = nghttp2_hd_inflate_hd2(d, &nv, &flags, at, left, 1);
                if (n < 0) abort();
                at += n;
                left -= (size_t)n;
                fields += (flags & NGHTTP2_HD_INFLATE_EMIT) != 0;
            }
            (void)nghttp2_hd_inflate_end_headers(d);
        }
        nghttp2_hd_inflate_del(d);
    }
    return fields;
}

int main(int argc, char **argv)
{
    if (argc > 1) (void)setenv("HPACK_VECTORS", argv[1], 1);
    if (story_each("nghttp2", load, NULL) == 0) return 1;
    const size_t theirs = encode_theirs(true), ours = encode_ours(false),
                 with_cookies = encode_ours(true);
    if (decode_ours() != field_count || decode_theirs() != field_count) return 1;
    printf("%zu stories, %zu fields, %zu bytes\n", story_count, field_count, plain_bytes);
    printf("size     %zu bytes, nghttp2 %zu: %.3f; %zu with long cookies in the table: %.3f\n",
           ours, theirs, (double)ours / (double)theirs, with_cookies,
           (double)with_cookies / (double)theirs);
    compare("encode", "nghttp2", encode_ours_plain, encode_theirs_plain, field_count);
    compare("decode", "nghttp2", decode_ours, decode_theirs, field_count);
    for (size_t i = 0; i < story_count; i++) {
        free(encoded[i]);
        story_fini(&stories[i]);
    }
    return 0;
}
