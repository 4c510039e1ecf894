/* error_file.c - a site's own pages for errors: how they are set, and what they stand in for. */
// SPDX-License-Identifier: MIT
#include "files/error_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "files/files.h"
#include "http/exchange.h"
#include "net/loop.h"
#include "page/error_page.h"
#include "support/check.h"
#include "support/folder.h"

static folder root;
static tc_limits limits;
static tc_reached reached;
static tc_file_cache cache;
static tc_files_config config;
static tc_files files;
static tc_loop *loop;
static tc_exchange *x; /* the last one */
static tc_error_file pages[3];

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    limits = tc_limits_default;
    config = (tc_files_config){.root = root.fd,
                               .index = TC_SPAN("index.html"),
                               .error_files = pages,
                               .error_file_count = 3};
    assert_null(tc_error_file_read(TC_SPAN("4xx /wrong.html"), &pages[0]));
    assert_null(tc_error_file_read(TC_SPAN("404 /404.html"), &pages[1]));
    assert_null(tc_error_file_read(TC_SPAN("503  /busy.txt"), &pages[2]));
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    tc_file_cache_init(&cache, &limits, &reached);
    tc_files_init(&files, &config, &cache, loop);
    folder_write(&root, "404.html", TC_SPAN("<h1>lost</h1>"));
    folder_write(&root, "wrong.html", TC_SPAN("wrong"));
    folder_write(&root, "busy.txt", TC_SPAN(""));
    folder_write(&root, "a.txt", TC_SPAN("0123456789"));
    return 0;
}

static void done(void)
{
    if (!x) return;
    tc_exchange_fini(x);
    free(x);
    x = NULL;
}

static int end(void **state)
{
    (void)state;
    done();
    tc_files_fini(&files);
    tc_loop_free(loop);
    folder_remove(&root);
    return 0;
}

static void prepare(const char *path, const char *field_lines)
{
    done();
    x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, TC_METHOD_GET, field_lines);
    x->theirs.path = tc_span_str(path);
}

static unsigned get(const char *path, const char *field_lines)
{
    prepare(path, field_lines);
    assert_int_equal(tc_files_handler.on_head(&files, x), TC_OK);
    tc_error_file_answer(&files, x);
    return x->ours.status;
}

static const char *field(enum tc_field_id id)
{
    static char text[256];
    tc_span value;
    if (!tc_message_get(&x->ours, id, &value)) return "";
    (void)snprintf(text, sizeof text, "%.*s", TC_FMT(value));
    return text;
}

static void check_body(const char *text)
{
    assert_int_equal(x->run_count, *text ? 1 : 0);
    if (*text) check_span(tc_span_of(x->runs[0].at, x->runs[0].len), text);
    assert_int_equal(x->ours.length, strlen(text));
    assert_true(x->ended);
}

static void settings_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned first, last; /* 0: it is none */
    } cases[] = {
        {"404 /404.html", 404, 404},
        {"5xx /sorry.html", 500, 599},
        {"4XX  /x", 400, 499},
        {"404", 0, 0},
        {"404 ", 0, 0},
        {"404 x.html", 0, 0},
        {"404 /", 0, 0},
        {"200 /x", 0, 0},
        {"3xx /x", 0, 0},
        {"600 /x", 0, 0},
        {"0404 /x", 0, 0},
        {"4x4 /x", 0, 0},
        {"", 0, 0},
        {"xxx /x", 0, 0},
        {"304 /x", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_error_file page = {0};
        const char *fault = tc_error_file_read(check_edge(tc_span_str(cases[i].text)), &page);
        check_case(!fault == (cases[i].first != 0), cases[i].text);
        check_case(page.first == cases[i].first && page.last == cases[i].last, cases[i].text);
    }
    check_span(tc_error_file_of(pages, 2, 403), "/wrong.html");
    check_span(tc_error_file_of(pages, 2, 404), "/404.html"); /* wherever it stands */
    check_span(tc_error_file_of(pages, 2, 500), "");
}

static void a_file_stands_in_for_our_page(void **state)
{
    (void)state;
    assert_int_equal(get("/none", "accept: text/html\n"), 404);
    check_body("<h1>lost</h1>");
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "no-store");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "");
    assert_string_equal(field(TC_FIELD_ETAG), "");
    assert_string_equal(field(TC_FIELD_LAST_MODIFIED), "");
    tc_span value;
    assert_false(tc_fields_find(&x->ours.fields, TC_SPAN("content-security-policy"), &value));
    assert_int_equal(tc_fields_times(&x->ours.fields, TC_FIELD_CONTENT_TYPE), 1);
    config.language = TC_SPAN("de");
    tc_folder_fini(&files.folder); /* what is remembered keeps what it said */
    tc_folder_init(&files.folder, &cache, &config);
    assert_int_equal(get("/none", "range: bytes=0-1\nif-none-match: *\n"), 404);
    check_body("<h1>lost</h1>");
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "de");
    /* what else is said stays */
    assert_int_equal(get("/a.txt", "range: bytes=10-\n"), 416);
    check_body("wrong");
    assert_string_equal(field(TC_FIELD_CONTENT_RANGE), "bytes */10");
    /* one that is empty, and no HTML */
    prepare("/", "");
    assert_int_equal(tc_error_page(x, 503, (tc_span){0}), TC_OK);
    tc_error_file_answer(&files, x);
    check_body("");
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
}

static void other_answers_stay_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(get("/404.html", ""), 200);
    check_body("<h1>lost</h1>");
    assert_string_not_equal(field(TC_FIELD_ETAG), "");
    assert_int_equal(get("/none", "accept: application/json\n"), 404);
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "application/problem+json");
    prepare("/", "");
    assert_int_equal(tc_error_page(x, 500, (tc_span){0}), TC_OK);
    tc_error_file_answer(&files, x); /* none is set */
    assert_true(x->ours.length > 100);
    assert_int_equal(unlinkat(root.fd, "404.html", 0), 0);
    limits.cache_ms = 0;
    assert_int_equal(get("/none", ""), 404); /* nor is there one */
    assert_true(x->ours.length > 100);
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "en");
}

static void without_memory_ours_is_sent(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 8; n++) {
        tc_files_fini(&files);
        tc_files_init(&files, &config, &cache, loop);
        prepare("/none", "");
        assert_int_equal(tc_files_handler.on_head(&files, x), TC_OK);
        tc_alloc_fail_after(n);
        tc_error_file_answer(&files, x);
        tc_alloc_fail_after(-1);
        assert_true(x->ours.length == 13 || x->ours.length > 100);
        assert_int_equal(x->ours.length, x->runs[0].len);
    }
    assert_int_equal(x->ours.length, 13);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_are_read),
        TEST(a_file_stands_in_for_our_page),
        TEST(other_answers_stay_what_they_are),
        TEST(without_memory_ours_is_sent),
    };
    return cmocka_run_group_tests_name("error_file", tests, NULL, NULL);
}
