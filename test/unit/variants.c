/* variants.c - codings of files: which of them is served, what it says of itself, and what of them
 * is kept. */
// SPDX-License-Identifier: MIT
#include "files/variants.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "files/coded.h"
#include "http/exchange.h"
#include "net/loop.h"
#include "support/variants_case.h"

/* --- files beside -------------------------------------------------------------------------- */

static void a_file_beside_is_sent_to_whom_it_pleases(void **state)
{
    (void)state;
    vc.variants.precompressed = true;
    vc_write_old("a.txt", TC_SPAN("plain"));
    vc_write_old("a.txt.br", TC_SPAN("brotli"));
    vc_write_old("a.txt.gz", TC_SPAN("gzip"));
    vc_write_old("alone.txt", TC_SPAN("alone"));
    assert_int_equal(vc_get("/a.txt", ""), 200);
    check_span(vc_body(), "plain");
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
    char plain[64];
    (void)snprintf(plain, sizeof plain, "%s", vc_field(TC_FIELD_ETAG));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip, br, zstd\n"), 200);
        check_span(vc_body(), "brotli");
        assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "br");
        assert_string_equal(vc_field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
        assert_string_equal(vc_field(TC_FIELD_CONTENT_LENGTH), "6");
        assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
        assert_non_null(strstr(vc_field(TC_FIELD_ETAG), "-br\""));
        assert_string_not_equal(vc_field(TC_FIELD_ETAG), plain);
    }
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br;q=0.5, x-gzip\n"), 200);
    check_span(vc_body(), "gzip");
    assert_int_equal(vc_get("/a.txt", "accept-encoding: zstd\n"), 200);
    check_span(vc_body(), "plain");
    assert_int_equal(vc_get("/a.txt.br", "accept-encoding: br\n"), 200); /* as itself */
    check_span(vc_body(), "brotli");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    assert_int_equal(vc_get("/alone.txt", "accept-encoding: br\n"), 200);
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    assert_int_equal(vc_get("/alone.txt", "accept-encoding: identity;q=0\n"), 406); /* no choice */
    assert_int_equal(vc_get("/a.txt", "accept-encoding: zstd, identity;q=0\n"), 406);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
    assert_int_equal(vc_ask(TC_METHOD_HEAD, "/a.txt", "accept-encoding: *;q=0\n"), 406);
}

static void files_beside_come_and_go(void **state)
{
    (void)state;
    vc.limits.cache_ms = 0;
    vc.variants.precompressed = true;
    vc_write_old("a.txt", TC_SPAN("plain"));
    vc_let_settle();
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "plain");
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    folder_write(&vc.root, "a.txt.br", TC_SPAN("first"));
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "first");
    folder_replace(&vc.root, "a.txt.br", TC_SPAN("other"));
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "other");
    folder_age(&vc.root, "a.txt.br", 5000); /* older than what it is of */
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "plain");
    folder_age(&vc.root, "a.txt.br", 500);
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "other");
    vc_let_settle();
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    const tc_file_list before = vc.cache.entries;
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200); /* it is all the same */
    assert_ptr_equal(vc.cache.entries.newest, before.newest);
    assert_int_equal(unlinkat(vc.root.fd, "a.txt.br", 0), 0);
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "plain");
    folder_write(&vc.root, "a.txt.br/folder", TC_SPAN("x"));
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    check_span(vc_body(), "plain");
    folder_write(&vc.root, "only.txt.br", TC_SPAN("br"));
    assert_int_equal(vc_get("/only.txt", "accept-encoding: br\n"), 404);
}

/* --- made ---------------------------------------------------------------------------------- */

static void a_small_file_is_compressed_once(void **state)
{
    (void)state;
    vc_add_codings("br", "zstd", "gzip");
    vc_write_old("a.txt", tc_span_of(vc.text, SMALL));
    static const char *const names[] = {"gzip", "br", "zstd"};
    char etags[3][64];
    for (int i = 0; i < 3; i++) {
        char lines[64];
        (void)snprintf(lines, sizeof lines, "accept-encoding: %s\n", names[i]);
        assert_int_equal(vc_get("/a.txt", lines), 200);
        vc_check_text(names[i], SMALL);
        const char *at = vc.x->runs[0].at;
        assert_true(vc.x->runs[0].len < SMALL);
        (void)snprintf(etags[i], sizeof etags[i], "%s", vc_field(TC_FIELD_ETAG));
        assert_int_equal(vc_get("/a.txt", lines), 200);
        assert_ptr_equal(vc.x->runs[0].at, at);
        assert_string_equal(vc_field(TC_FIELD_ETAG), etags[i]);
        assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
        assert_string_equal(vc_field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
        const size_t len = vc.x->runs[0].len;
        assert_int_equal(vc_ask(TC_METHOD_HEAD, "/a.txt", lines), 200);
        assert_int_equal(vc.x->ours.length, len);
        assert_string_equal(vc_field(TC_FIELD_ETAG), etags[i]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(etags[i], etags[j]);
    }
    assert_int_equal(vc_get("/a.txt", ""), 200);
    vc_check_text("", SMALL);
    assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip, deflate, br, zstd\n"), 200);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "br");

    folder_replace(&vc.root, "a.txt",
                   tc_span_of(vc.text, SMALL + 1)); /* and anew when it changes */
    vc.limits.cache_ms = 0;
    assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("gzip", SMALL + 1);
    assert_string_not_equal(vc_field(TC_FIELD_ETAG), etags[0]);
}

static void a_large_file_is_compressed_aside(void **state)
{
    (void)state;
    vc_add_codings("zstd", "gzip", "br");
    vc_write_old("a.txt", tc_span_of(vc.text, LARGE));
    vc_write_old("middle.txt",
                 tc_span_of(vc.text, 20000)); /* in memory, and too large to do at once */
    vc_let_settle();
    vc.x = NULL;
    tc_exchange *asked[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(vc_begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
        assert_false(vc.x->began);
        asked[i] = vc.x;
    }
    assert_int_equal(vc.cache.compression_count, 1);
    vc_done_with(asked[1]); /* does not wait for it */
    for (int i = 0; i < 4; i++) {
        if (i == 1) continue;
        vc.x = asked[i];
        vc_until_answered(vc.x);
        vc_check_text("gzip", LARGE);
        vc_done_with(vc.x);
    }
    vc.x = NULL;
    assert_int_equal(vc.cache.compression_count, 0);
    assert_int_equal(vc_get("/a.txt", "accept-encoding: zstd\n"), 200);
    vc_check_text("zstd", LARGE);
    assert_int_equal(vc_get("/middle.txt", "accept-encoding: br\n"), 200);
    vc_check_text("br", 20000);
    assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200); /* from memory now */
    vc_check_text("gzip", LARGE);
    vc_done_with(vc.x);
    assert_int_equal(vc_begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
    assert_true(vc.x->began);
}

static void nobody_waits_for_what_is_given_up(void **state)
{
    (void)state;
    vc_add_codings("br", NULL, NULL);
    vc_write_old("a.txt", tc_span_of(vc.text, LARGE));
    vc_let_settle();
    vc.x = NULL;
    assert_int_equal(vc_begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: br\n"), TC_OK);
    vc_done_with(vc.x);
    vc.x = NULL;
    assert_int_equal(vc.cache.compression_count, 1);
    vc_stop(); /* while it is under way, or just over */
    assert_int_equal(vc.cache.compression_count, 0);
    vc_start();
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    vc_check_text("br", LARGE);
}

static void conditions_and_ranges_are_about_what_was_chosen(void **state)
{
    (void)state;
    vc_add_codings("gzip", "br", NULL);
    vc_write_old("a.txt", tc_span_of(vc.text, SMALL));
    char lines[300], gzip_tag[64], br_tag[64], bytes[SMALL];
    assert_int_equal(vc_get("/a.txt", "accept-encoding: br\n"), 200);
    (void)snprintf(br_tag, sizeof br_tag, "%s", vc_field(TC_FIELD_ETAG));
    assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200);
    (void)snprintf(gzip_tag, sizeof gzip_tag, "%s", vc_field(TC_FIELD_ETAG));
    const tc_span whole = vc_body();
    memcpy(bytes, whole.at, whole.len);

    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nif-none-match: %s\n", gzip_tag);
    assert_int_equal(vc_get("/a.txt", lines), 304);
    assert_string_equal(vc_field(TC_FIELD_ETAG), gzip_tag);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nif-none-match: %s\n", br_tag);
    assert_int_equal(vc_get("/a.txt", lines), 200);
    (void)snprintf(lines, sizeof lines, "if-none-match: %s, %s\n", br_tag, gzip_tag);
    assert_int_equal(vc_get("/a.txt", lines), 200); /* it has neither as it is */
    (void)snprintf(lines, sizeof lines, "accept-encoding: br\nif-none-match: %s, %s\n", gzip_tag,
                   br_tag);
    assert_int_equal(vc_get("/a.txt", lines), 304);
    assert_string_equal(vc_field(TC_FIELD_ETAG), br_tag);
    assert_int_equal(vc_get("/a.txt", "if-match: \"other\"\n"), 412);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");

    (void)snprintf(lines, sizeof lines, "accept-encoding: gzip\nrange: bytes=10-19\nif-range: %s\n",
                   gzip_tag);
    assert_int_equal(vc_get("/a.txt", lines), 206);
    assert_memory_equal(vc_body().at, bytes + 10, 10);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "gzip");
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
    (void)snprintf(lines, sizeof lines, "bytes 10-19/%zu", whole.len);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_RANGE), lines);
    (void)snprintf(lines, sizeof lines, "accept-encoding: br\nrange: bytes=10-19\nif-range: %s\n",
                   gzip_tag);
    assert_int_equal(vc_get("/a.txt", lines), 200);
}

static void what_is_not_worth_it_is_left_as_it_is(void **state)
{
    (void)state;
    static char noise[SMALL];
    vc_add_codings("gzip", NULL, NULL);
    for (int i = 0; i < SMALL; i++)
        noise[i] = (char)check_random();
    vc_write_old("a.png", tc_span_of(vc.text, SMALL));
    vc_write_old("small.txt", tc_span_of(vc.text, 1023));
    vc_write_old("enough.txt", tc_span_of(vc.text, 1024));
    vc_write_old("noise.txt", tc_span_of(noise, SMALL));
    assert_int_equal(vc_get("/a.png", "accept-encoding: gzip\n"), 200);
    vc_check_text("", SMALL);
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    assert_int_equal(vc_get("/small.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("", 1023);
    assert_int_equal(vc_get("/enough.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("gzip", 1024);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vc_get("/noise.txt", "accept-encoding: gzip\n"), 200);
        assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
        assert_int_equal(vc.x->ours.length, SMALL);
        assert_int_equal(vc.cache.entries.newest->variants->rows[0].makes, 0); /* not tried again */
    }
    assert_null(tc_variants_add_type(&vc.variants, TC_SPAN("image/*")));
    vc_stop();
    vc_start();
    assert_int_equal(vc_get("/a.png", "accept-encoding: gzip\n"), 200);
    vc_check_text("gzip", SMALL);
    assert_int_equal(vc_get("/enough.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("", 1024); /* the list is another now */
}

/* --- bounds and trouble -------------------------------------------------------------------- */

static void results_are_bounded(void **state)
{
    (void)state;
    vc_add_codings("gzip", NULL, NULL);
    char name[16], path[17];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "%d.txt", i);
        vc_write_old(name, tc_span_of(vc.text, SMALL));
    }
    assert_int_equal(vc_get("/0.txt", "accept-encoding: gzip\n"), 200);
    const uint64_t one = vc.cache.result_bytes;
    vc.limits.compress_cache = 3 * one + 10;
    for (int i = 0; i < 10; i++) {
        (void)snprintf(path, sizeof path, "/%d.txt", i);
        assert_int_equal(vc_get(path, "accept-encoding: gzip\n"), 200);
        vc_check_text("gzip", SMALL);
        assert_int_equal(vc_get("/0.txt", "accept-encoding: gzip\n"),
                         200); /* stays: it is in use */
    }
    assert_int_equal(vc.reached.compress_cache, 7);
    assert_int_equal(vc.cache.result_bytes, 3 * one);
    const tc_file *zero = vc.cache.results.newest;
    assert_true(zero->cached);
    check_span(zero->path, "/0.txt");

    vc.limits.compress_cache = one - 1; /* too small for any */
    assert_int_equal(vc_get("/1.txt", "accept-encoding: gzip\n"), 200);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
    assert_int_equal(vc.reached.compress_cache, 8);
    vc.limits.cache_files = 0; /* what is not kept is not compressed */
    vc_stop();
    vc_start();
    assert_int_equal(vc_get("/2.txt", "accept-encoding: gzip\n"), 200);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
}

static void what_is_too_large_is_sent_as_it_is(void **state)
{
    (void)state;
    vc_add_codings("gzip", NULL, NULL);
    vc.variants.precompressed = true;
    vc.limits.compress_file = SMALL - 1;
    vc_write_old("a.txt", tc_span_of(vc.text, SMALL));
    assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("", SMALL);
    assert_int_equal(vc.reached.compress_file, 1);
    vc_write_old("b.txt", tc_span_of(vc.text, SMALL));
    vc_write_old("b.txt.gz", TC_SPAN("beside"));
    assert_int_equal(vc_get("/b.txt", "accept-encoding: gzip\n"), 200);
    check_span(vc_body(), "beside");
}

static void so_many_are_compressed_at_a_time(void **state)
{
    (void)state;
    vc_add_codings("gzip", NULL, NULL);
    vc.limits.compress_jobs = 1;
    vc_write_old("a.txt", tc_span_of(vc.text, LARGE));
    vc_write_old("b.txt", tc_span_of(vc.text, LARGE));
    vc_let_settle();
    vc.x = NULL;
    assert_int_equal(vc_begin_ask(TC_METHOD_GET, "/a.txt", "accept-encoding: gzip\n"), TC_OK);
    tc_exchange *first = vc.x;
    assert_false(first->began);
    vc.x = NULL;
    assert_int_equal(vc_get("/b.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("", LARGE);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding");
    assert_int_equal(vc.reached.compress_jobs, 1);
    assert_int_equal(vc_get("/b.txt", "accept-encoding: gzip, identity;q=0\n"), 503);
    vc_done_with(vc.x);
    vc.x = first;
    vc_until_answered(vc.x);
    vc_check_text("gzip", LARGE);
    assert_int_equal(vc_get("/b.txt", "accept-encoding: gzip\n"), 200);
    vc_check_text("gzip", LARGE);
}

/* Between the look at a file and the work on it, or within that. */
static void a_file_that_changed_is_not_compressed(void **state)
{
    (void)state;
    static char other[LARGE];
    vc_add_codings("gzip", NULL, NULL);
    memset(other, 'x', sizeof other);
    for (int i = 0; i < 3; i++) {
        vc_write_old("a.txt", tc_span_of(vc.text, LARGE));
        vc_let_settle();
        vc.limits.cache_ms = UINT64_MAX;
        assert_int_equal(vc_get("/a.txt", ""), 200);
        folder_write(&vc.root, "a.txt", tc_span_of(other, i == 0 ? LARGE : i == 1 ? 1000 : 0));
        assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200);
        assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "");
        assert_int_equal(vc.cache.result_bytes, 0);
        vc.limits.cache_ms = 0; /* it is looked at again */
        assert_int_equal(vc_get("/a.txt", "accept-encoding: gzip\n"), 200);
        assert_int_equal(vc.x->run_count, i < 2);
        const tc_span got = i < 2 ? vc_decoded() : (tc_span){0};
        assert_int_equal(got.len, i == 0 ? LARGE : i == 1 ? 1000 : 0);
        if (i < 2) assert_memory_equal(got.at, other, got.len);
    }
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    vc_add_codings("br", "gzip", NULL);
    vc.variants.precompressed = true;
    assert_null(tc_variants_add_language(&vc.variants, TC_SPAN("en")));
    assert_null(tc_variants_add_language(&vc.variants, TC_SPAN("de")));
    vc_write_old("a.txt", tc_span_of(vc.text, SMALL));
    vc_write_old("a.txt.gz", TC_SPAN("gzip"));
    vc_write_old("a.de.txt", tc_span_of(vc.text, SMALL));
    vc_write_old("large.txt", tc_span_of(vc.text, LARGE));
    vc_let_settle();
    static const char *const paths[] = {"/a.txt", "/large.txt"};
    for (int i = 0; i < 2; i++) {
        bool failed = true;
        for (int64_t n = 0; failed; n++) {
            assert_in_range(n, 0, 200);
            vc_stop();
            vc_start();
            const uint64_t before = tc_alloc_count();
            tc_alloc_fail_after(n);
            const tc_err err =
                vc_begin_ask(TC_METHOD_GET, paths[i], "accept-encoding: br\naccept-language: de\n");
            failed = (int64_t)(tc_alloc_count() - before) > n;
            tc_alloc_fail_after(-1);
            if (!err) vc_until_answered(vc.x);
            assert_true(err == TC_OK || err == TC_ERR_NO_MEMORY);
            assert_true(failed || !err);
            if (!err && vc.x->ours.status == 200)
                vc_check_text(vc_field(TC_FIELD_CONTENT_ENCODING), i ? LARGE : SMALL);
        }
        assert_string_equal(vc_field(TC_FIELD_CONTENT_ENCODING), "br");
    }
}

static void settings_are_read(void **state)
{
    (void)state;
    static const char *const bad_types[] = {
        "", "text", "*/html", "text/", "/html", "te*t/html", "text/h*", "text/html;q=1", "**"};
    assert_false(tc_variants_config_used(&vc.variants));
    assert_null(tc_variants_add_coding(&vc.variants, TC_SPAN("off")));
    assert_false(tc_variants_config_used(&vc.variants));
    vc_add_codings("gzip", "zstd", NULL);
    assert_true(tc_variants_config_used(&vc.variants));
    assert_int_equal(vc.variants.order[0], TC_CODING_GZIP);
    assert_int_equal(vc.variants.order[1], TC_CODING_ZSTD);
    assert_int_equal(vc.variants.order[2], TC_CODING_BR);
    assert_non_null(tc_variants_add_coding(&vc.variants, TC_SPAN("off")));
    assert_non_null(tc_variants_add_coding(&vc.variants, TC_SPAN("gzip")));
    assert_non_null(tc_variants_add_coding(&vc.variants, TC_SPAN("deflate")));
    assert_non_null(tc_variants_add_coding(&vc.variants, TC_SPAN("identity")));
    assert_null(tc_variants_add_coding(&vc.variants, TC_SPAN("br")));
    for (size_t i = 0; i < sizeof bad_types / sizeof *bad_types; i++)
        check_case(tc_variants_add_type(&vc.variants, tc_span_str(bad_types[i])), bad_types[i]);
    for (int i = 0; i < TC_COMPRESS_TYPES_MAX; i++)
        assert_null(tc_variants_add_type(&vc.variants, TC_SPAN("*")));
    assert_non_null(tc_variants_add_type(&vc.variants, TC_SPAN("*")));
    assert_non_null(tc_variants_add_language(&vc.variants, TC_SPAN("../de")));
    static char tags[TC_LANGUAGES_MAX + 1][3];
    for (int i = 0; i <= TC_LANGUAGES_MAX; i++) {
        tags[i][0] = 'a';
        tags[i][1] = (char)('a' + i);
        const bool full = tc_variants_add_language(&vc.variants, tc_span_str(tags[i])) != NULL;
        assert_int_equal(full, i == TC_LANGUAGES_MAX);
    }
    assert_non_null(tc_variants_add_language(&vc.variants, TC_SPAN("AA")));
}

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
        TEST(settings_are_read),
    };
    return cmocka_run_group_tests_name("variants", tests, NULL, NULL);
}
