/* qpack_vectors.c - header lists of real sites: what nghttp3's encoder made of them is read, what
 * ours makes of them is read back, by us and by libnghttp3, and libnghttp3's by us, with
 * acknowledgements that come when it happens. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include <nghttp3/nghttp3.h>

#include "h3/qpack.h"
#include "support/check.h"
#include "support/qif.h"

enum { ARENA_MAX = 1 << 22, BLOCK_MAX = 1 << 17, OUT_MAX = 1 << 20, TABLE = 4096, BLOCKED = 100 };

static char block_room[BLOCK_MAX];

/* The section is read as those fields, and as no more. */
static void check_fields(tc_qpack_decoder *d, tc_qpack_section *s, const qif_list *list,
                         const char *path)
{
    tc_arena a;
    tc_field f;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    for (size_t i = 0; i < list->count; i++) {
        check_case(tc_qpack_decode(d, s, &a, BLOCK_MAX, &f) == TC_OK, path);
        check_case(tc_span_eq(f.name, list->fields[i].name), path);
        check_case(tc_span_eq(f.value, list->fields[i].value), path);
        check_case(f.id == list->fields[i].id, path);
    }
    check_case(tc_qpack_decode(d, s, &a, BLOCK_MAX, &f) == TC_ERR_NOTHING, path);
    tc_arena_fini(&a);
}

static bool read_section(tc_qpack_decoder *d, const qif_record *r, const qif *q, const char *path)
{
    tc_qpack_section s;
    check_case(r->stream > 0 && r->stream <= q->count, path);
    check_case(tc_qpack_section_begin(d, check_edge(r->bytes), &s) == TC_OK, path);
    if (tc_qpack_is_blocked(d, &s)) return false;
    check_fields(d, &s, &q->lists[r->stream - 1], path);
    check_case(tc_qpack_section_end(d, &s, r->stream) == TC_OK, path);
    return true;
}

static void read_made(const qif *q, const qif_made *made)
{
    tc_qpack_decoder d;
    qif_record waiting[BLOCKED];
    size_t waits = 0, read = 0;
    tc_qpack_decoder_init(&d, made->table, OUT_MAX);
    tc_ring_resize(&d.table, made->table); /* they were made when no instruction had to say so */
    for (size_t i = 0; i < made->count; i++) {
        const qif_record *r = &made->records[i];
        if (r->stream == 0) {
            tc_span in = r->bytes;
            check_case(tc_qpack_decoder_read(&d, &in) == TC_OK, made->path);
            check_case(in.len == 0, made->path);
        } else if (read_section(&d, r, q, made->path)) {
            read++;
        } else {
            check_case(waits < made->blocked, made->path);
            waiting[waits++] = *r;
        }
        for (size_t j = waits; j-- > 0;)
            if (read_section(&d, &waiting[j], q, made->path)) {
                waiting[j] = waiting[--waits];
                read++;
            }
    }
    check_case(read == q->count && waits == 0, made->path);
    tc_qpack_decoder_fini(&d);
}

static void nghttp3s_vectors_are_read(void **state)
{
    (void)state;
    assert_true(qif_each_made(read_made) >= 20);
}

/* --- ours, read by us and by libnghttp3 --- */

static tc_span encode(tc_qpack_encoder *e, const qif_list *list, uint64_t stream)
{
    char *fields = tc_qpack_encoder_begin(e, block_room, stream), *end = fields;
    for (size_t i = 0; i < list->count; i++) {
        const tc_field *f = &list->fields[i];
        const size_t bound = tc_qpack_encode_bound(f->name.len, f->value.len);
        assert_true((size_t)(block_room + BLOCK_MAX - end) >= bound);
        char *after = tc_qpack_encode(e, end, f->name, f->value, f->id);
        assert_true((size_t)(after - end) <= bound);
        end = after;
    }
    return tc_qpack_encoder_end(e, fields, end);
}

typedef struct settings {
    uint32_t table, blocked;
    bool late, cookies; /* acknowledgements come only when it happens */
    size_t plain, ours, theirs;
} settings;

static void decode_by_peer(nghttp3_qpack_decoder *peer, tc_span section, uint64_t stream,
                           const qif_list *list, const char *path)
{
    nghttp3_qpack_stream_context *context;
    const uint8_t *at = (const uint8_t *)section.at;
    size_t left = section.len, count = 0;
    assert_int_equal(
        nghttp3_qpack_stream_context_new(&context, (int64_t)stream, nghttp3_mem_default()), 0);
    for (uint8_t flags = 0; !(flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL);) {
        nghttp3_qpack_nv nv;
        const nghttp3_ssize n =
            nghttp3_qpack_decoder_read_request(peer, context, &nv, &flags, at, left, 1);
        check_case(n >= 0, path);
        check_case(!(flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED), path);
        at += n;
        left -= (size_t)n;
        if (!(flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT)) continue;
        const nghttp3_vec name = nghttp3_rcbuf_get_buf(nv.name),
                          value = nghttp3_rcbuf_get_buf(nv.value);
        const tc_field *f = &list->fields[count++];
        check_case(tc_span_eq(tc_span_of((char *)name.base, name.len), f->name), path);
        check_case(tc_span_eq(tc_span_of((char *)value.base, value.len), f->value), path);
        nghttp3_rcbuf_decref(nv.name);
        nghttp3_rcbuf_decref(nv.value);
    }
    check_case(count == list->count, path);
    nghttp3_qpack_stream_context_del(context);
}

static void peer_acknowledges(nghttp3_qpack_decoder *peer, tc_qpack_encoder *e)
{
    uint8_t room[4096];
    nghttp3_buf buf;
    assert_true(nghttp3_qpack_decoder_get_decoder_streamlen(peer) <= sizeof room);
    nghttp3_buf_init(&buf);
    buf.begin = buf.pos = buf.last = room;
    buf.end = room + sizeof room;
    nghttp3_qpack_decoder_write_decoder(peer, &buf);
    tc_span in = tc_span_of((char *)buf.pos, nghttp3_buf_len(&buf));
    assert_int_equal(tc_qpack_encoder_read(e, &in), TC_OK);
    assert_int_equal(in.len, 0);
}

static void ours_to_peer(const qif *q, void *argument)
{
    settings *s = argument;
    tc_qpack_encoder e;
    nghttp3_qpack_decoder *peer;
    assert_int_equal(nghttp3_qpack_decoder_new(&peer, s->table, s->blocked, nghttp3_mem_default()),
                     0);
    tc_qpack_encoder_init(&e, s->table);
    e.cookies = s->cookies;
    tc_qpack_encoder_limit(&e, s->table, s->blocked);
    for (size_t i = 0; i < q->count; i++) {
        const tc_span section = encode(&e, &q->lists[i], i * 4);
        s->ours += section.len + e.out.len;
        if (e.out.len) {
            const nghttp3_ssize n =
                nghttp3_qpack_decoder_read_encoder(peer, (uint8_t *)e.out.at, e.out.len);
            check_case(n == (nghttp3_ssize)e.out.len, q->path);
        }
        tc_buf_reset(&e.out);
        decode_by_peer(peer, section, i * 4, &q->lists[i], q->path);
        if (!s->late || check_random_below(20) == 0) peer_acknowledges(peer, &e);
    }
    nghttp3_qpack_decoder_del(peer);
    tc_qpack_encoder_fini(&e);
}

static tc_span encode_by_peer(nghttp3_qpack_encoder *peer, const qif_list *list, uint64_t stream,
                              tc_span *ret_instructions)
{
    static nghttp3_nv fields[256];
    static nghttp3_buf prefix, section, instructions;
    static bool begun;
    if (!begun) {
        nghttp3_buf_init(&prefix);
        nghttp3_buf_init(&section);
        nghttp3_buf_init(&instructions);
        begun = true;
    }
    nghttp3_buf_reset(&prefix);
    nghttp3_buf_reset(&section);
    nghttp3_buf_reset(&instructions);
    for (size_t i = 0; i < list->count; i++) {
        const tc_field *f = &list->fields[i];
        fields[i] =
            (nghttp3_nv){(uint8_t *)(uintptr_t)f->name.at, (uint8_t *)(uintptr_t)f->value.at,
                         f->name.len, f->value.len, NGHTTP3_NV_FLAG_NONE};
    }
    assert_int_equal(nghttp3_qpack_encoder_encode(peer, &prefix, &section, &instructions,
                                                  (int64_t)stream, fields, list->count),
                     0);
    const size_t head = nghttp3_buf_len(&prefix), rest = nghttp3_buf_len(&section);
    assert_true(head + rest <= sizeof block_room);
    memcpy(block_room, prefix.pos, head);
    if (rest) memcpy(block_room + head, section.pos, rest);
    *ret_instructions = tc_span_of((char *)instructions.pos, nghttp3_buf_len(&instructions));
    return tc_span_of(block_room, head + rest);
}

static void theirs_to_us(const qif *q, void *argument)
{
    settings *s = argument;
    tc_qpack_decoder d;
    nghttp3_qpack_encoder *peer;
    assert_int_equal(nghttp3_qpack_encoder_new(&peer, s->table, nghttp3_mem_default()), 0);
    nghttp3_qpack_encoder_set_max_dtable_capacity(peer, s->table);
    nghttp3_qpack_encoder_set_max_blocked_streams(peer, s->blocked);
    tc_qpack_decoder_init(&d, s->table, OUT_MAX);
    for (size_t i = 0; i < q->count; i++) {
        tc_span instructions;
        const tc_span section = encode_by_peer(peer, &q->lists[i], i * 4, &instructions);
        tc_qpack_section read;
        s->theirs += section.len + instructions.len;
        s->plain += q->lists[i].count;
        check_case(tc_qpack_decoder_read(&d, &instructions) == TC_OK, q->path);
        check_case(tc_qpack_section_begin(&d, section, &read) == TC_OK, q->path);
        check_fields(&d, &read, &q->lists[i], q->path);
        assert_int_equal(tc_qpack_section_end(&d, &read, i * 4), TC_OK);
        if (s->late && check_random_below(20)) continue;
        assert_int_equal(tc_qpack_decoder_tell(&d), TC_OK);
        if (d.out.len) {
            const nghttp3_ssize n =
                nghttp3_qpack_encoder_read_decoder(peer, (uint8_t *)d.out.at, d.out.len);
            check_case(n == (nghttp3_ssize)d.out.len, q->path);
        }
        tc_buf_reset(&d.out);
    }
    nghttp3_qpack_encoder_del(peer);
    tc_qpack_decoder_fini(&d);
}

static void both_ways_with_nghttp3(void **state)
{
    (void)state;
    static const settings rows[] = {
        {4096, 100, true, false, 0, 0, 0}, {4096, 0, true, false, 0, 0, 0},
        {256, 100, true, false, 0, 0, 0},  {512, 0, false, false, 0, 0, 0},
        {65536, 100, true, true, 0, 0, 0}, {0, 0, true, false, 0, 0, 0},
        {40, 100, false, false, 0, 0, 0},  {1000, 3, true, true, 0, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settings s = rows[i];
        assert_true(qif_each(ours_to_peer, &s) >= 3);
        assert_true(qif_each(theirs_to_us, &s) >= 3);
    }
}

static void sections_are_no_larger_than_nghttp3s(void **state)
{
    (void)state;
    for (int cookies = 0; cookies < 2; cookies++)
        for (unsigned blocked = 0; blocked <= BLOCKED; blocked += BLOCKED) {
            settings s = {TABLE, blocked, false, cookies, 0, 0, 0};
            assert_true(qif_each(ours_to_peer, &s) >= 3);
            assert_true(qif_each(theirs_to_us, &s) >= 3);
            print_message("%zu fields, %u streams may wait: ours %zu%s, nghttp3 %zu bytes\n",
                          s.plain, blocked, s.ours, cookies ? " with cookies" : "", s.theirs);
            assert_true(!cookies || s.ours <= s.theirs);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nghttp3s_vectors_are_read),
        cmocka_unit_test(both_ways_with_nghttp3),
        cmocka_unit_test(sections_are_no_larger_than_nghttp3s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
