/* variants_case.c - see variants_case.h. */
// SPDX-License-Identifier: MIT
#include "support/variants_case.h"

#include <brotli/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "http/exchange.h"
#include "net/loop.h"

variants_case vc;

void vc_add_codings(const char *a, const char *b, const char *c)
{
    const char *const names[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (names[i]) assert_null(tc_variants_add_coding(&vc.variants, tc_span_str(names[i])));
}

void vc_start(void)
{
    tc_file_cache_init(&vc.cache, &vc.limits, &vc.reached);
    tc_files_init(&vc.files, &vc.config, &vc.cache, vc.loop);
}

void vc_done_with(tc_exchange *one)
{
    if (!one) return;
    if (one->handler && one->handler->on_close) one->handler->on_close(one->self, one, TC_OK);
    tc_exchange_fini(one);
    free(one);
}

void vc_stop(void)
{
    vc_done_with(vc.x);
    vc.x = NULL;
    tc_files_fini(&vc.files);
    tc_file_cache_fini(&vc.cache);
    assert_int_equal(vc.cache.files, 0);
    assert_int_equal(vc.cache.bytes, 0);
    assert_int_equal(vc.cache.open, 0);
    assert_int_equal(vc.cache.result_bytes, 0);
    assert_null(vc.cache.results.newest);
}

int vc_begin(void **state)
{
    (void)state;
    for (int i = 0; i < LARGE; i++)
        vc.text[i] = (char)('a' + i * (i / 64) % 7);
    folder_make(&vc.root);
    vc.limits = tc_limits_default;
    vc.reached = (tc_reached){0};
    tc_variants_config_init(&vc.variants);
    vc.config = (tc_files_config){
        .root = vc.root.fd, .index = TC_SPAN("index.html"), .variants = &vc.variants};
    assert_int_equal(tc_loop_new(&vc.loop), TC_OK);
    vc_start();
    return 0;
}

int vc_end(void **state)
{
    (void)state;
    vc_stop();
    assert_int_equal(tc_loop_turn(vc.loop, tc_loop_now(vc.loop)), TC_OK);
    tc_loop_free(vc.loop);
    folder_remove(&vc.root);
    return 0;
}

void vc_write_old(const char *name, tc_span content)
{
    folder_write(&vc.root, name, content);
    folder_age(&vc.root, name, 1000);
}

void vc_let_settle(void)
{
    usleep(60000); /* ctime cannot be set */
}

tc_err vc_begin_ask(enum tc_method method, const char *path, const char *field_lines)
{
    vc.x = malloc(sizeof *vc.x);
    assert_non_null(vc.x);
    tc_exchange_init(vc.x, 1, 262144);
    vc.x->theirs = check_request(&vc.x->arena, method, field_lines);
    vc.x->theirs.path = tc_span_str(path);
    vc.x->theirs.scheme = TC_SPAN("https");
    return tc_files_handler.on_head(&vc.files, vc.x);
}

void vc_until_answered(tc_exchange *one)
{
    const int64_t until = tc_loop_tick(vc.loop) + 60 * TC_S;
    while (!one->began) {
        assert_true(tc_loop_tick(vc.loop) < until);
        assert_int_equal(tc_loop_turn(vc.loop, until), TC_OK);
    }
}

unsigned vc_ask(enum tc_method method, const char *path, const char *field_lines)
{
    vc_done_with(vc.x);
    assert_int_equal(vc_begin_ask(method, path, field_lines), TC_OK);
    vc_until_answered(vc.x);
    assert_true(vc.x->ended);
    return vc.x->ours.status;
}

unsigned vc_get(const char *path, const char *field_lines)
{
    return vc_ask(TC_METHOD_GET, path, field_lines);
}

const char *vc_field(enum tc_field_id id)
{
    static char room[4][256];
    static unsigned next;
    char *at = room[next++ % 4];
    tc_span value;
    if (!tc_message_get(&vc.x->ours, id, &value)) return "";
    (void)snprintf(at, sizeof room[0], "%.*s", TC_FMT(value));
    return at;
}

tc_span vc_body(void)
{
    static char room[LARGE + 1];
    tc_run run = vc.x->runs[0];
    assert_int_equal(vc.x->run_count, 1);
    assert_int_equal(vc.x->ours.length, run.len);
    if (run.kind == TC_RUN_BYTES) return tc_span_of(run.at, run.len);
    assert_true(run.len <= sizeof room);
    assert_int_equal(pread(run.fd, room, run.len, (off_t)run.off), run.len);
    return tc_span_of(room, run.len);
}

tc_span vc_decoded(void)
{
    static char room[LARGE + 1];
    const tc_span in = vc_body();
    const enum tc_coding coding = tc_coding_of(tc_span_str(vc_field(TC_FIELD_CONTENT_ENCODING)));
    size_t len = sizeof room;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in.at,
                  .avail_in = (uInt)in.len,
                  .next_out = (Bytef *)room,
                  .avail_out = sizeof room};
    switch (coding) {
    case TC_CODING_GZIP:
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        len = z.total_out;
        assert_int_equal(z.avail_in, 0);
        inflateEnd(&z);
        break;
    case TC_CODING_ZSTD:
        len = ZSTD_decompress(room, sizeof room, in.at, in.len);
        assert_false(ZSTD_isError(len));
        break;
    case TC_CODING_BR:
        assert_int_equal(
            BrotliDecoderDecompress(in.len, (const uint8_t *)in.at, &len, (uint8_t *)room),
            BROTLI_DECODER_RESULT_SUCCESS);
        break;
    case TC_CODING_IDENTITY:
    case TC_CODING_NONE: return in;
    }
    return tc_span_of(room, len);
}

void vc_check_text(const char *coding, size_t size)
{
    const tc_span got = vc_decoded();
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), coding);
    assert_int_equal(got.len, size);
    assert_memory_equal(got.at, vc.text, size);
}
