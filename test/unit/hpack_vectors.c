/* hpack_vectors.c - header lists of real sites: what other encoders made of them is read, what ours
 * makes of them is read back, by us and by libnghttp2, and libnghttp2's by us. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "h2/hpack.h"
#include "support/check.h"
#include "support/story.h"

enum { ARENA_MAX = 1 << 22, FIELDS_MAX = 256, BLOCK_MAX = 1 << 17, TABLE_MAX = 65536 };

static char block_room[BLOCK_MAX];

/* The block is read as those fields, and as no more. */
static void check_block(tc_hpack_decoder *d, tc_span block, const story_block *b, const char *path)
{
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_field f;
    tc_hpack_decoder_begin(d);
    for (size_t i = 0; i < b->count; i++) {
        check_case(tc_hpack_decode(d, &block, &a, BLOCK_MAX, &f) == TC_OK, path);
        check_case(tc_span_eq(f.name, b->fields[i].name), path);
        check_case(tc_span_eq(f.value, b->fields[i].value), path);
        check_case(f.id == b->fields[i].id, path);
    }
    check_case(tc_hpack_decode(d, &block, &a, BLOCK_MAX, &f) == TC_ERR_NOTHING, path);
    tc_arena_fini(&a);
}

static tc_span encode(tc_hpack_encoder *e, const story_block *b)
{
    char *out = tc_hpack_encoder_begin(e, block_room);
    for (size_t i = 0; i < b->count; i++) {
        const tc_field *f = &b->fields[i];
        const size_t bound = tc_hpack_encode_bound(f->name.len, f->value.len);
        assert_true((size_t)(block_room + BLOCK_MAX - out) >= bound);
        char *end = tc_hpack_encode(e, out, f->name, f->value, f->id);
        assert_true((size_t)(end - out) <= bound);
        out = end;
    }
    return tc_span_of(block_room, (size_t)(out - block_room));
}

static void read_story(const story *s, void *argument)
{
    (void)argument;
    tc_hpack_decoder d;
    tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
    for (size_t i = 0; i < s->count; i++)
        check_block(&d, s->blocks[i].wire, &s->blocks[i], s->path);
    tc_hpack_decoder_fini(&d);
}

static void other_encoders_are_read(void **state)
{
    (void)state;
    static const char *const folders[] = {"nghttp2", "nghttp2-change-table-size",
                                          "haskell-http2-linear-huffman"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_true(story_each(folders[i], read_story, NULL) >= 5);
}

static void write_story(const story *s, void *argument)
{
    (void)argument;
    tc_hpack_decoder d;
    tc_hpack_encoder e;
    tc_hpack_decoder_init(&d, TABLE_MAX);
    tc_hpack_encoder_init(&e, TABLE_MAX);
    for (size_t i = 0; i < s->count; i++) {
        if (check_random_below(8) == 0) {
            const uint32_t size = (uint32_t)check_random_below(check_random_below(2) ? 300 : 9000);
            tc_hpack_encoder_limit(&e, size);
            tc_hpack_decoder_limit(&d, size);
            if (check_random_below(2)) {
                tc_hpack_decoder_limit(&d, TABLE_MAX);
                tc_hpack_encoder_limit(&e, TC_HPACK_TABLE);
            }
        }
        check_block(&d, encode(&e, &s->blocks[i]), &s->blocks[i], s->path);
    }
    tc_hpack_decoder_fini(&d);
    tc_hpack_encoder_fini(&e);
}

static void ours_is_read_by_us(void **state)
{
    (void)state;
    assert_true(story_each("nghttp2", write_story, NULL) >= 5);
}

/* --- libnghttp2 --- */

static void inflate(nghttp2_hd_inflater *peer, tc_span in, const story_block *b, const char *path)
{
    const uint8_t *at = (const uint8_t *)in.at;
    size_t left = in.len, count = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        const ssize_t n = nghttp2_hd_inflate_hd2(peer, &nv, &flags, at, left, 1);
        check_case(n >= 0, path);
        at += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            const tc_field *f = &b->fields[count++];
            check_case(tc_span_eq(tc_span_of((char *)nv.name, nv.namelen), f->name), path);
            check_case(tc_span_eq(tc_span_of((char *)nv.value, nv.valuelen), f->value), path);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
        check_case((flags & NGHTTP2_HD_INFLATE_EMIT) || left, path);
    }
    check_case(count == b->count, path);
    (void)nghttp2_hd_inflate_end_headers(peer);
}

static tc_span deflate(nghttp2_hd_deflater *peer, const story_block *b)
{
    static nghttp2_nv list[FIELDS_MAX];
    assert_true(b->count <= FIELDS_MAX);
    for (size_t i = 0; i < b->count; i++) {
        const tc_field *f = &b->fields[i];
        list[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)f->name.at, (uint8_t *)(uintptr_t)f->value.at,
                               f->name.len, f->value.len, NGHTTP2_NV_FLAG_NONE};
    }
    const ssize_t n =
        nghttp2_hd_deflate_hd(peer, (uint8_t *)block_room, sizeof block_room, list, b->count);
    assert_true(n >= 0);
    return tc_span_of(block_room, (size_t)n);
}

typedef struct sizes {
    size_t plain, ours, theirs;
    bool cookies; /* we put long ones into the table, as nghttp2 does */
} sizes;

static void exchange_story(const story *s, void *argument)
{
    sizes *sum = argument;
    nghttp2_hd_inflater *inflater;
    nghttp2_hd_deflater *deflater;
    tc_hpack_decoder d;
    tc_hpack_encoder e;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    assert_int_equal(nghttp2_hd_deflate_new(&deflater, TC_HPACK_TABLE), 0);
    tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
    tc_hpack_encoder_init(&e, TC_HPACK_TABLE);
    e.cookies = sum && sum->cookies;
    for (size_t i = 0; i < s->count; i++) {
        const story_block *b = &s->blocks[i];
        if (sum) {
            for (size_t j = 0; j < b->count; j++)
                sum->plain += b->fields[j].name.len + b->fields[j].value.len;
        } else if (check_random_below(10) == 0) {
            const uint32_t size = (uint32_t)check_random_below(TC_HPACK_TABLE + 1);
            assert_int_equal(nghttp2_hd_deflate_change_table_size(deflater, size), 0);
            assert_int_equal(nghttp2_hd_inflate_change_table_size(inflater, size), 0);
            tc_hpack_encoder_limit(&e, size);
            tc_hpack_decoder_limit(&d, size);
        }
        tc_span block = encode(&e, b);
        if (sum) sum->ours += block.len;
        inflate(inflater, block, b, s->path);
        block = deflate(deflater, b);
        if (sum) sum->theirs += block.len;
        check_block(&d, block, b, s->path);
    }
    nghttp2_hd_inflate_del(inflater);
    nghttp2_hd_deflate_del(deflater);
    tc_hpack_decoder_fini(&d);
    tc_hpack_encoder_fini(&e);
}

static void both_ways_with_nghttp2(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(story_each("nghttp2", exchange_story, NULL) >= 5);
}

static void blocks_are_no_larger_than_nghttp2s(void **state)
{
    (void)state;
    for (int cookies = 0; cookies < 2; cookies++) {
        sizes sum = {.cookies = cookies};
        assert_true(story_each("nghttp2", exchange_story, &sum) >= 5);
        print_message("%zu bytes of fields: ours %zu%s, nghttp2 %zu\n", sum.plain, sum.ours,
                      cookies ? " with cookies" : "", sum.theirs);
        assert_true(!cookies || sum.ours <= sum.theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_encoders_are_read),
        cmocka_unit_test(ours_is_read_by_us),
        cmocka_unit_test(both_ways_with_nghttp2),
        cmocka_unit_test(blocks_are_no_larger_than_nghttp2s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
