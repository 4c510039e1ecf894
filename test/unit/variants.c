/* variants.c - languages and codings of files: which of them is served, what it says of itself, and
 * what of them is kept. The handler is asked directly. */
// SPDX-License-Identifier: MIT
#include "files/variants.h"

#include <brotli/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "files/coded.h"
#include "files/files.h"
#include "http/exchange.h"
#include "net/loop.h"
#include "support/check.h"
#include "support/folder.h"

enum { SMALL = 4000, LARGE = 200000 };

static folder root;
static tc_limits limits;
static tc_reached reached;
static tc_file_cache cache;
static tc_variants_config variants;
static tc_files_config config;
static tc_files files;
static tc_loop *loop;
static tc_exchange *x; /* the last one */
static char text[LARGE + 1];

static void add_codings(const char *a, const char *b, const char *c)
{
    const char *const names[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (names[i]) assert_null(tc_variants_add_coding(&variants, tc_span_str(names[i])));
}

static void start(void)
{
    tc_file_cache_init(&cache, &limits, &reached);
    tc_files_init(&files, &config, &cache, loop);
}

static void done_with(tc_exchange *one)
{
    if (!one) return;
    if (one->handler && one->handler->on_close) one->handler->on_close(one->self, one, TC_OK);
    tc_exchange_fini(one);
    free(one);
}

static void stop(void)
{
    done_with(x);
    x = NULL;
    tc_files_fini(&files);
    tc_file_cache_fini(&cache);
    assert_int_equal(cache.files, 0);
    assert_int_equal(cache.bytes, 0);
    assert_int_equal(cache.open, 0);
    assert_int_equal(cache.result_bytes, 0);
    assert_null(cache.results.newest);
}

static int begin(void **state)
{
    (void)state;
    for (int i = 0; i < LARGE; i++)
        text[i] = (char)('a' + i * (i / 64) % 7);
    folder_make(&root);
    limits = tc_limits_default;
    reached = (tc_reached){0};
    tc_variants_config_init(&variants);
    config =
        (tc_files_config){.root = root.fd, .index = TC_SPAN("index.html"), .variants = &variants};
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    start();
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop();
    assert_int_equal(tc_loop_turn(loop, tc_loop_now(loop)), TC_OK);
    tc_loop_free(loop);
    folder_remove(&root);
    return 0;
}

static void write_old(const char *name, tc_span content)
{
    folder_write(&root, name, content);
    folder_age(&root, name, 1000);
}

static void let_settle(void)
{
    usleep(60000); /* ctime cannot be set */
}

static tc_err begin_ask(enum tc_method method, const char *path, const char *field_lines)
{
    x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, method, field_lines);
    x->theirs.path = tc_span_str(path);
    x->theirs.scheme = TC_SPAN("https");
    return tc_files_handler.on_head(&files, x);
}

static void until_answered(tc_exchange *one)
{
    const int64_t until = tc_loop_tick(loop) + 60 * TC_S;
    while (!one->began) {
        assert_true(tc_loop_tick(loop) < until);
        assert_int_equal(tc_loop_turn(loop, until), TC_OK);
    }
}

static unsigned ask(enum tc_method method, const char *path, const char *field_lines)
{
    done_with(x);
    assert_int_equal(begin_ask(method, path, field_lines), TC_OK);
    until_answered(x);
    assert_true(x->ended);
    return x->ours.status;
}

static unsigned get(const char *path, const char *field_lines)
{
    return ask(TC_METHOD_GET, path, field_lines);
}

static const char *field(enum tc_field_id id)
{
    static char room[4][256];
    static unsigned next;
    char *at = room[next++ % 4];
    tc_span value;
    if (!tc_message_get(&x->ours, id, &value)) return "";
    (void)snprintf(at, sizeof room[0], "%.*s", TC_FMT(value));
    return at;
}

static tc_span body(void)
{
    static char room[LARGE + 1];
    tc_run run = x->runs[0];
    assert_int_equal(x->run_count, 1);
    assert_int_equal(x->ours.length, run.len);
    if (run.kind == TC_RUN_BYTES) return tc_span_of(run.at, run.len);
    assert_true(run.len <= sizeof room);
    assert_int_equal(pread(run.fd, room, run.len, (off_t)run.off), run.len);
    return tc_span_of(room, run.len);
}

/* By what Content-Encoding says. */
static tc_span decoded(void)
{
    static char room[LARGE + 1];
    const tc_span in = body();
    const enum tc_coding coding = tc_coding_of(tc_span_str(field(TC_FIELD_CONTENT_ENCODING)));
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

static void check_text(const char *coding, size_t size)
{
    const tc_span got = decoded();
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), coding);
    assert_int_equal(got.len, size);
    assert_memory_equal(got.at, text, size);
}

/* --- files beside -------------------------------------------------------------------------- */

static void a_file_beside_is_sent_to_whom_it_pleases(void **state)
{
    (void)state;
    variants.precompressed = true;
    write_old("a.txt", TC_SPAN("plain"));
    write_old("a.txt.br", TC_SPAN("brotli"));
    write_old("a.txt.gz", TC_SPAN("gzip"));
    write_old("alone.txt", TC_SPAN("alone"));
    assert_int_equal(get("/a.txt", ""), 200);
    check_span(body(), "plain");
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
    char plain[64];
    (void)snprintf(plain, sizeof plain, "%s", field(TC_FIELD_ETAG));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get("/a.txt", "accept-encoding: gzip, br, zstd\n"), 200);
        check_span(body(), "brotli");
        assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "br");
        assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
        assert_string_equal(field(TC_FIELD_CONTENT_LENGTH), "6");
        assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
        assert_non_null(strstr(field(TC_FIELD_ETAG), "-br\""));
        assert_string_not_equal(field(TC_FIELD_ETAG), plain);
    }
    assert_int_equal(get("/a.txt", "accept-encoding: br;q=0.5, x-gzip\n"), 200);
    check_span(body(), "gzip");
    assert_int_equal(get("/a.txt", "accept-encoding: zstd\n"), 200);
    check_span(body(), "plain");
    assert_int_equal(get("/a.txt.br", "accept-encoding: br\n"), 200); /* as itself */
    check_span(body(), "brotli");
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
    assert_string_equal(field(TC_FIELD_VARY), "");
    assert_int_equal(get("/alone.txt", "accept-encoding: br\n"), 200);
    assert_string_equal(field(TC_FIELD_VARY), "");
    assert_int_equal(get("/alone.txt", "accept-encoding: identity;q=0\n"), 406); /* no choice */
    assert_int_equal(get("/a.txt", "accept-encoding: zstd, identity;q=0\n"), 406);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
    assert_int_equal(ask(TC_METHOD_HEAD, "/a.txt", "accept-encoding: *;q=0\n"), 406);
}

static void files_beside_come_and_go(void **state)
{
    (void)state;
    limits.cache_ms = 0;
    variants.precompressed = true;
    write_old("a.txt", TC_SPAN("plain"));
    let_settle();
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "plain");
    assert_string_equal(field(TC_FIELD_VARY), "");
    folder_write(&root, "a.txt.br", TC_SPAN("first"));
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "first");
    folder_replace(&root, "a.txt.br", TC_SPAN("other"));
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "other");
    folder_age(&root, "a.txt.br", 5000); /* older than what it is of */
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "plain");
    folder_age(&root, "a.txt.br", 500);
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "other");
    let_settle();
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    const tc_file_list before = cache.entries;
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200); /* it is all the same */
    assert_ptr_equal(cache.entries.newest, before.newest);
    assert_int_equal(unlinkat(root.fd, "a.txt.br", 0), 0);
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "plain");
    folder_write(&root, "a.txt.br/folder", TC_SPAN("x"));
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(body(), "plain");
    folder_write(&root, "only.txt.br", TC_SPAN("br"));
    assert_int_equal(get("/only.txt", "accept-encoding: br\n"), 404);
}

/* --- made ---------------------------------------------------------------------------------- */

static void a_small_file_is_compressed_once(void **state)
{
    (void)state;
    add_codings("br", "zstd", "gzip");
    write_old("a.txt", tc_span_of(text, SMALL));
    static const char *const names[] = {"gzip", "br", "zstd"};
    char etags[3][64];
    for (int i = 0; i < 3; i++) {
        char lines[64];
        (void)snprintf(lines, sizeof lines, "accept-encoding: %s\n", names[i]);
        assert_int_equal(get("/a.txt", lines), 200);
        check_text(names[i], SMALL);
        const char *at = x->runs[0].at;
        assert_true(x->runs[0].len < SMALL);
        (void)snprintf(etags[i], sizeof etags[i], "%s", field(TC_FIELD_ETAG));
        assert_int_equal(get("/a.txt", lines), 200);
        assert_ptr_equal(x->runs[0].at, at);
        assert_string_equal(field(TC_FIELD_ETAG), etags[i]);
        assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
        assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
        const size_t len = x->runs[0].len;
        assert_int_equal(ask(TC_METHOD_HEAD, "/a.txt", lines), 200);
        assert_int_equal(x->ours.length, len);
        assert_string_equal(field(TC_FIELD_ETAG), etags[i]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(etags[i], etags[j]);
    }
    assert_int_equal(get("/a.txt", ""), 200);
    check_text("", SMALL);
    assert_int_equal(get("/a.txt", "accept-encoding: gzip, deflate, br, zstd\n"), 200);
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "br");

    folder_replace(&root, "a.txt", tc_span_of(text, SMALL + 1)); /* and anew when it changes */
    limits.cache_ms = 0;
    assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200);
    check_text("gzip", SMALL + 1);
    assert_string_not_equal(field(TC_FIELD_ETAG), etags[0]);
}

static void a_large_file_is_compressed_aside(void **state)
{
    (void)state;
    add_codings("zstd", "gzip", "br");
    write_old("a.txt", tc_span_of(text, LARGE));
    write_old("middle.txt", tc_span_of(text, 20000)); /* in memory, and too large to do at once */
    let_settle();
    x = NULL;
    tc_exchange *asked[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
        assert_false(x->began);
        asked[i] = x;
    }
    assert_int_equal(cache.compression_count, 1);
    done_with(asked[1]); /* does not wait for it */
    for (int i = 0; i < 4; i++) {
        if (i == 1) continue;
        x = asked[i];
        until_answered(x);
        check_text("gzip", LARGE);
        done_with(x);
    }
    x = NULL;
    assert_int_equal(cache.compression_count, 0);
    assert_int_equal(get("/a.txt", "accept-encoding: zstd\n"), 200);
    check_text("zstd", LARGE);
    assert_int_equal(get("/middle.txt", "accept-encoding: br\n"), 200);
    check_text("br", 20000);
    assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200); /* from memory now */
    check_text("gzip", LARGE);
    done_with(x);
    assert_int_equal(begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
    assert_true(x->began);
}

static void nobody_waits_for_what_is_given_up(void **state)
{
    (void)state;
    add_codings("br", NULL, NULL);
    write_old("a.txt", tc_span_of(text, LARGE));
    let_settle();
    x = NULL;
    assert_int_equal(begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: br\n"), TC_OK);
    done_with(x);
    x = NULL;
    assert_int_equal(cache.compression_count, 1);
    stop(); /* while it is under way, or just over */
    assert_int_equal(cache.compression_count, 0);
    start();
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    check_text("br", LARGE);
}

static void conditions_and_ranges_are_about_what_was_chosen(void **state)
{
    (void)state;
    add_codings("gzip", "br", NULL);
    write_old("a.txt", tc_span_of(text, SMALL));
    char lines[300], gzip_tag[64], br_tag[64], bytes[SMALL];
    assert_int_equal(get("/a.txt", "accept-encoding: br\n"), 200);
    (void)snprintf(br_tag, sizeof br_tag, "%s", field(TC_FIELD_ETAG));
    assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200);
    (void)snprintf(gzip_tag, sizeof gzip_tag, "%s", field(TC_FIELD_ETAG));
    const tc_span whole = body();
    memcpy(bytes, whole.at, whole.len);

    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nif-none-match: %s\n", gzip_tag);
    assert_int_equal(get("/a.txt", lines), 304);
    assert_string_equal(field(TC_FIELD_ETAG), gzip_tag);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nif-none-match: %s\n", br_tag);
    assert_int_equal(get("/a.txt", lines), 200);
    (void)snprintf(lines, sizeof lines, "if-none-match: %s, %s\n", br_tag, gzip_tag);
    assert_int_equal(get("/a.txt", lines), 200); /* it has neither as it is */
    (void)snprintf(lines, sizeof lines, "accept-encoding: br\nif-none-match: %s, %s\n", gzip_tag,
                   br_tag);
    assert_int_equal(get("/a.txt", lines), 304);
    assert_string_equal(field(TC_FIELD_ETAG), br_tag);
    assert_int_equal(get("/a.txt", "if-match: \"other\"\n"), 412);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");

    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nrange: bytes=10-19\nif-range: %s\n",
                   gzip_tag);
    assert_int_equal(get("/a.txt", lines), 206);
    assert_memory_equal(body().at, bytes + 10, 10);
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "gzip");
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
    (void)snprintf(lines, sizeof lines, "bytes 10-19/%zu", whole.len);
    assert_string_equal(field(TC_FIELD_CONTENT_RANGE), lines);
    (void)snprintf(lines, sizeof lines, "accept-encoding: br\nrange: bytes=10-19\nif-range: %s\n",
                   gzip_tag);
    assert_int_equal(get("/a.txt", lines), 200);
}

static void what_is_not_worth_it_is_left_as_it_is(void **state)
{
    (void)state;
    static char noise[SMALL];
    add_codings("gzip", NULL, NULL);
    for (int i = 0; i < SMALL; i++)
        noise[i] = (char)check_random();
    write_old("a.png", tc_span_of(text, SMALL));
    write_old("small.txt", tc_span_of(text, 1023));
    write_old("enough.txt", tc_span_of(text, 1024));
    write_old("noise.txt", tc_span_of(noise, SMALL));
    assert_int_equal(get("/a.png", "accept-encoding: gzip\n"), 200);
    check_text("", SMALL);
    assert_string_equal(field(TC_FIELD_VARY), "");
    assert_int_equal(get("/small.txt", "accept-encoding: gzip\n"), 200);
    check_text("", 1023);
    assert_int_equal(get("/enough.txt", "accept-encoding: gzip\n"), 200);
    check_text("gzip", 1024);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get("/noise.txt", "accept-encoding: gzip\n"), 200);
        assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
        assert_int_equal(x->ours.length, SMALL);
        assert_int_equal(cache.entries.newest->variants->rows[0].makes, 0); /* not tried again */
    }
    assert_null(tc_variants_add_type(&variants, TC_SPAN("image/*")));
    stop();
    start();
    assert_int_equal(get("/a.png", "accept-encoding: gzip\n"), 200);
    check_text("gzip", SMALL);
    assert_int_equal(get("/enough.txt", "accept-encoding: gzip\n"), 200);
    check_text("", 1024); /* the list is another now */
}

/* --- bounds and trouble -------------------------------------------------------------------- */

static void results_are_bounded(void **state)
{
    (void)state;
    add_codings("gzip", NULL, NULL);
    char name[16], path[17];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "%d.txt", i);
        write_old(name, tc_span_of(text, SMALL));
    }
    assert_int_equal(get("/0.txt", "accept-encoding: gzip\n"), 200);
    const uint64_t one = cache.result_bytes;
    limits.compress_cache = 3 * one + 10;
    for (int i = 0; i < 10; i++) {
        (void)snprintf(path, sizeof path, "/%d.txt", i);
        assert_int_equal(get(path, "accept-encoding: gzip\n"), 200);
        check_text("gzip", SMALL);
        assert_int_equal(get("/0.txt", "accept-encoding: gzip\n"), 200); /* stays: it is in use */
    }
    assert_int_equal(reached.compress_cache, 7);
    assert_int_equal(cache.result_bytes, 3 * one);
    const tc_file *zero = cache.results.newest;
    assert_true(zero->cached);
    check_span(zero->path, "/0.txt");

    limits.compress_cache = one - 1; /* too small for any */
    assert_int_equal(get("/1.txt", "accept-encoding: gzip\n"), 200);
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
    assert_int_equal(reached.compress_cache, 8);
    limits.cache_files = 0; /* what is not kept is not compressed */
    stop();
    start();
    assert_int_equal(get("/2.txt", "accept-encoding: gzip\n"), 200);
    assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
}

static void what_is_too_large_is_sent_as_it_is(void **state)
{
    (void)state;
    add_codings("gzip", NULL, NULL);
    variants.precompressed = true;
    limits.compress_file = SMALL - 1;
    write_old("a.txt", tc_span_of(text, SMALL));
    assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200);
    check_text("", SMALL);
    assert_int_equal(reached.compress_file, 1);
    write_old("b.txt", tc_span_of(text, SMALL));
    write_old("b.txt.gz", TC_SPAN("beside"));
    assert_int_equal(get("/b.txt", "accept-encoding: gzip\n"), 200);
    check_span(body(), "beside");
}

static void so_many_are_compressed_at_a_time(void **state)
{
    (void)state;
    add_codings("gzip", NULL, NULL);
    limits.compress_jobs = 1;
    write_old("a.txt", tc_span_of(text, LARGE));
    write_old("b.txt", tc_span_of(text, LARGE));
    let_settle();
    x = NULL;
    assert_int_equal(begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
    tc_exchange *first = x;
    assert_false(first->began);
    x = NULL;
    assert_int_equal(get("/b.txt", "accept-encoding: gzip\n"), 200);
    check_text("", LARGE);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding");
    assert_int_equal(reached.compress_jobs, 1);
    assert_int_equal(get("/b.txt", "accept-encoding: gzip, identity;q=0\n"), 503);
    done_with(x);
    x = first;
    until_answered(x);
    check_text("gzip", LARGE);
    assert_int_equal(get("/b.txt", "accept-encoding: gzip\n"), 200);
    check_text("gzip", LARGE);
}

/* Between the look at a file and the work on it, or within that. */
static void a_file_that_changed_is_not_compressed(void **state)
{
    (void)state;
    static char other[LARGE];
    add_codings("gzip", NULL, NULL);
    memset(other, 'x', sizeof other);
    for (int i = 0; i < 3; i++) {
        write_old("a.txt", tc_span_of(text, LARGE));
        let_settle();
        limits.cache_ms = UINT64_MAX;
        assert_int_equal(get("/a.txt", ""), 200);
        folder_write(&root, "a.txt", tc_span_of(other, i == 0 ? LARGE : i == 1 ? 1000 : 0));
        assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200);
        assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "");
        assert_int_equal(cache.result_bytes, 0);
        limits.cache_ms = 0; /* it is looked at again */
        assert_int_equal(get("/a.txt", "accept-encoding: gzip\n"), 200);
        assert_int_equal(x->run_count, i < 2);
        const tc_span got = i < 2 ? decoded() : (tc_span){0};
        assert_int_equal(got.len, i == 0 ? LARGE : i == 1 ? 1000 : 0);
        if (i < 2) assert_memory_equal(got.at, other, got.len);
    }
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    add_codings("br", "gzip", NULL);
    variants.precompressed = true;
    assert_null(tc_variants_add_language(&variants, TC_SPAN("en")));
    assert_null(tc_variants_add_language(&variants, TC_SPAN("de")));
    write_old("a.txt", tc_span_of(text, SMALL));
    write_old("a.txt.gz", TC_SPAN("gzip"));
    write_old("a.de.txt", tc_span_of(text, SMALL));
    write_old("large.txt", tc_span_of(text, LARGE));
    let_settle();
    static const char *const paths[] = {"/a.txt", "/large.txt"};
    for (int i = 0; i < 2; i++) {
        bool failed = true;
        for (int64_t n = 0; failed; n++) {
            assert_in_range(n, 0, 200);
            stop();
            start();
            const uint64_t before = tc_alloc_count();
            tc_alloc_fail_after(n);
            const tc_err err =
                begin_ask(TC_METHOD_GET, paths[i], "accept-encoding: br\naccept-language: de\n");
            failed = (int64_t)(tc_alloc_count() - before) > n;
            tc_alloc_fail_after(-1);
            if (!err) until_answered(x);
            assert_true(err == TC_OK || err == TC_ERR_NO_MEMORY);
            assert_true(failed || !err);
            if (!err && x->ours.status == 200)
                check_text(field(TC_FIELD_CONTENT_ENCODING), i ? LARGE : SMALL);
        }
        assert_string_equal(field(TC_FIELD_CONTENT_ENCODING), "br");
    }
}

/* --- languages ----------------------------------------------------------------------------- */

static void speak(const char *a, const char *b, const char *c)
{
    const char *const tags[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (tags[i]) assert_null(tc_variants_add_language(&variants, tc_span_str(tags[i])));
}

static void a_page_comes_in_the_language_that_is_wished(void **state)
{
    (void)state;
    speak("en", "de", "fr");
    folder_write(&root, "page.en.html", TC_SPAN("english"));
    folder_write(&root, "page.de.html", TC_SPAN("deutsch"));
    folder_write(&root, "index.de.html", TC_SPAN("heim"));
    folder_write(&root, "index.en.html", TC_SPAN("home"));
    static const struct {
        const char *path, *fields, *content, *language;
    } cases[] = {
        {"/page.html", "accept-language: de\n", "deutsch", "de"},
        {"/page.html", "accept-language: de-CH, en;q=0.5\n", "deutsch", "de"},
        {"/page.html", "accept-language: en\n", "english", "en"},
        {"/page.html", "accept-language: fr\n", "english", "en"},
        {"/page.html", "accept-language: fr, en;q=0.2, de;q=0.3\n", "deutsch", "de"},
        {"/page.html", "accept-language: en;q=0\n", "deutsch", "de"},
        {"/page.html", "", "english", "en"},
        {"/", "accept-language: de\n", "heim", "de"},
        {"/", "", "home", "en"},
    };
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            assert_int_equal(get(cases[i].path, cases[i].fields), 200);
            check_span(body(), cases[i].content);
            assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), cases[i].language);
            assert_string_equal(field(TC_FIELD_VARY), "Accept-Language");
            assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
        }
    char lines[200];
    (void)snprintf(lines, sizeof lines, "if-none-match: %s\n", field(TC_FIELD_ETAG));
    assert_int_equal(get("/", lines), 304);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Language");
    assert_int_equal(get("/page.html", "accept-language: de\nrange: bytes=0-3\n"), 206);
    check_span(body(), "deut");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Language");
}

static void a_variant_by_its_own_name_is_itself(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    config.language = TC_SPAN("en");
    folder_write(&root, "page.en.html", TC_SPAN("english"));
    folder_write(&root, "page.de.html", TC_SPAN("deutsch"));
    folder_write(&root, "page.de.de.html", TC_SPAN("no"));
    folder_write(&root, ".de.html", TC_SPAN("no"));
    folder_write(&root, "plain", TC_SPAN("plain"));
    folder_write(&root, "plain.de", TC_SPAN("no"));
    assert_int_equal(get("/page.de.html", "accept-language: en\n"), 200);
    check_span(body(), "deutsch");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_string_equal(field(TC_FIELD_VARY), "");
    assert_int_equal(get("/plain", "accept-language: de\n"), 200);
    check_span(body(), "plain");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "en");
    assert_int_equal(get("/none.html", "accept-language: de\n"), 404);
    assert_int_equal(get("/.html", "accept-language: de\n"), 404);
}

static void a_page_of_no_language_is_for_all_others(void **state)
{
    (void)state;
    speak("de", "fr", NULL);
    folder_write(&root, "page.html", TC_SPAN("plain"));
    folder_write(&root, "page.de.html", TC_SPAN("deutsch"));
    assert_int_equal(get("/page.html", "accept-language: de\n"), 200);
    check_span(body(), "deutsch");
    assert_int_equal(get("/page.html", "accept-language: fr\n"), 200);
    check_span(body(), "plain");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "");
    config.language = TC_SPAN("fr"); /* unless it is said which one it is in */
    stop();
    start();
    assert_int_equal(get("/page.html", "accept-language: fr;q=0.1, it\n"), 200);
    check_span(body(), "plain");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "fr");
    assert_int_equal(get("/page.html", "accept-language: de;q=0.1, it\n"), 200);
    check_span(body(), "deutsch");
}

static void languages_come_and_go(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    limits.cache_ms = 0;
    write_old("page.de.html", TC_SPAN("deutsch"));
    assert_int_equal(get("/page.html", "accept-language: en\n"), 200);
    check_span(body(), "deutsch");
    assert_string_equal(field(TC_FIELD_VARY), "");
    write_old("page.en.html", TC_SPAN("english"));
    assert_int_equal(get("/page.html", "accept-language: en\n"), 200);
    check_span(body(), "english");
    assert_int_equal(get("/page.html", "accept-language: de\n"), 200);
    check_span(body(), "deutsch");
    write_old("page.html", TC_SPAN("plain"));
    assert_int_equal(get("/page.html", ""), 200);
    check_span(body(), "plain");
    let_settle();
    assert_int_equal(get("/page.html", ""), 200);
    const tc_file *entry = cache.entries.newest;
    assert_int_equal(get("/page.html", "accept-language: de\n"), 200);
    assert_ptr_equal(cache.entries.newest, entry); /* all is as it was */
    folder_replace(&root, "page.de.html", TC_SPAN("anders"));
    assert_int_equal(get("/page.html", "accept-language: de\n"), 200);
    check_span(body(), "anders");
    assert_int_equal(unlinkat(root.fd, "page.de.html", 0), 0);
    assert_int_equal(unlinkat(root.fd, "page.html", 0), 0);
    assert_int_equal(get("/page.html", "accept-language: de\n"), 200);
    check_span(body(), "english");
}

static void each_language_has_its_codings(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    add_codings("zstd", NULL, NULL);
    variants.precompressed = true;
    write_old("page.en.html", tc_span_of(text, SMALL));
    write_old("page.de.html", tc_span_of(text, SMALL / 2));
    write_old("page.de.html.br", TC_SPAN("beside"));
    assert_int_equal(get("/page.html", "accept-language: en\naccept-encoding: br, zstd\n"), 200);
    check_text("zstd", SMALL);
    assert_string_equal(field(TC_FIELD_VARY), "Accept-Encoding, Accept-Language");
    assert_int_equal(get("/page.html", "accept-language: de\naccept-encoding: zstd\n"), 200);
    check_text("zstd", SMALL / 2);
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_int_equal(get("/page.html", "accept-language: de\naccept-encoding: br\n"), 200);
    check_span(body(), "beside");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_int_equal(get("/page.html", ""), 200);
    check_text("", SMALL);
}

static void settings_are_read(void **state)
{
    (void)state;
    static const char *const bad_types[] = {
        "", "text", "*/html", "text/", "/html", "te*t/html", "text/h*", "text/html;q=1", "**"};
    assert_false(tc_variants_config_used(&variants));
    assert_null(tc_variants_add_coding(&variants, TC_SPAN("off")));
    assert_false(tc_variants_config_used(&variants));
    add_codings("gzip", "zstd", NULL);
    assert_true(tc_variants_config_used(&variants));
    assert_int_equal(variants.order[0], TC_CODING_GZIP);
    assert_int_equal(variants.order[1], TC_CODING_ZSTD);
    assert_int_equal(variants.order[2], TC_CODING_BR);
    assert_non_null(tc_variants_add_coding(&variants, TC_SPAN("off")));
    assert_non_null(tc_variants_add_coding(&variants, TC_SPAN("gzip")));
    assert_non_null(tc_variants_add_coding(&variants, TC_SPAN("deflate")));
    assert_non_null(tc_variants_add_coding(&variants, TC_SPAN("identity")));
    assert_null(tc_variants_add_coding(&variants, TC_SPAN("br")));
    for (size_t i = 0; i < sizeof bad_types / sizeof *bad_types; i++)
        check_case(tc_variants_add_type(&variants, tc_span_str(bad_types[i])), bad_types[i]);
    for (int i = 0; i < TC_COMPRESS_TYPES_MAX; i++)
        assert_null(tc_variants_add_type(&variants, TC_SPAN("*")));
    assert_non_null(tc_variants_add_type(&variants, TC_SPAN("*")));
    assert_non_null(tc_variants_add_language(&variants, TC_SPAN("../de")));
    static char tags[TC_LANGUAGES_MAX + 1][3];
    for (int i = 0; i <= TC_LANGUAGES_MAX; i++) {
        tags[i][0] = 'a';
        tags[i][1] = (char)('a' + i);
        const bool full = tc_variants_add_language(&variants, tc_span_str(tags[i])) != NULL;
        assert_int_equal(full, i == TC_LANGUAGES_MAX);
    }
    assert_non_null(tc_variants_add_language(&variants, TC_SPAN("AA")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_beside_is_sent_to_whom_it_pleases),
        TEST(files_beside_come_and_go),
        TEST(a_small_file_is_compressed_once),
        TEST(a_large_file_is_compressed_aside),
        TEST(nobody_waits_for_what_is_given_up),
        TEST(conditions_and_ranges_are_about_what_was_chosen),
        TEST(what_is_not_worth_it_is_left_as_it_is),
        TEST(results_are_bounded),
        TEST(what_is_too_large_is_sent_as_it_is),
        TEST(so_many_are_compressed_at_a_time),
        TEST(a_file_that_changed_is_not_compressed),
        TEST(without_memory_nothing_leaks),
        TEST(a_page_comes_in_the_language_that_is_wished),
        TEST(a_variant_by_its_own_name_is_itself),
        TEST(a_page_of_no_language_is_for_all_others),
        TEST(languages_come_and_go),
        TEST(each_language_has_its_codings),
        TEST(settings_are_read),
    };
    return cmocka_run_group_tests_name("variants", tests, NULL, NULL);
}
