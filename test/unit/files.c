/* files.c - the handler that serves a folder, asked directly: what it answers to which request. */
// SPDX-License-Identifier: MIT
#include "files/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/exchange.h"
#include "net/loop.h"
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

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    limits = tc_limits_default;
    reached = (tc_reached){0};
    config = (tc_files_config){.root = root.fd, .index = TC_SPAN("index.html")};
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    tc_file_cache_init(&cache, &limits, &reached);
    tc_files_init(&files, &config, &cache, loop);
    folder_write(&root, "index.html", TC_SPAN("home"));
    folder_write(&root, "a.txt", TC_SPAN("0123456789"));
    folder_age(&root, "a.txt", 1000);
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
    tc_file_cache_fini(&cache);
    tc_loop_free(loop);
    folder_remove(&root);
    return 0;
}

static tc_err try_ask(enum tc_method method, const char *path, const char *field_lines)
{
    done();
    x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, method, field_lines);
    x->theirs.path = tc_span_str(path);
    return tc_files_handler.on_head(&files, x);
}

static unsigned ask(enum tc_method method, const char *path, const char *field_lines)
{
    assert_int_equal(try_ask(method, path, field_lines), TC_OK);
    assert_true(x->began && x->ended);
    return x->ours.status;
}

static unsigned get(const char *path)
{
    return ask(TC_METHOD_GET, path, "");
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
}

/* "name: value\n" with the value that the last answer had in a field of its own. */
static const char *with(const char *name, enum tc_field_id id)
{
    static char line[300];
    (void)snprintf(line, sizeof line, "%s: %s\n", name, field(id));
    return line;
}

/* --- plain answers ------------------------------------------------------------------------- */

static void a_file_is_served(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) { /* from the disk, from memory */
        assert_int_equal(get("/a.txt"), 200);
        check_body("0123456789");
        assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
        assert_string_equal(field(TC_FIELD_CONTENT_LENGTH), "10");
        assert_string_equal(field(TC_FIELD_ACCEPT_RANGES), "bytes");
        assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "");
        assert_int_equal(strlen(field(TC_FIELD_LAST_MODIFIED)), 29);
        assert_int_equal(field(TC_FIELD_ETAG)[0], '"');
    }
    assert_int_equal(get("/a.txt?with=query"), 200);
    check_body("0123456789");
    assert_int_equal(get("/%61.t%78t"), 200);
    assert_int_equal(get("//x/../a.txt"), 200);
}

static void a_large_file_is_a_range_of_it(void **state)
{
    (void)state;
    limits.cache_file = 5;
    assert_int_equal(get("/a.txt"), 200);
    assert_int_equal(x->runs[0].kind, TC_RUN_FILE);
    assert_int_equal(x->runs[0].len, 10);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=3-4\n"), 206);
    assert_int_equal(x->runs[0].kind, TC_RUN_FILE);
    assert_int_equal(x->runs[0].off, 3);
    assert_int_equal(x->runs[0].len, 2);
}

static void a_language_is_claimed_where_one_is_given(void **state)
{
    (void)state;
    config.language = TC_SPAN("en");
    assert_int_equal(get("/"), 200);
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "en");
    assert_int_equal(ask(TC_METHOD_GET, "/", "range: bytes=0-0\n"), 206);
    assert_string_equal(field(TC_FIELD_CONTENT_LANGUAGE), "en");
}

static void names_are_what_they_decode_to_and_nothing_else(void **state)
{
    (void)state;
    folder_write(&root, "a b", TC_SPAN("blank"));
    folder_write(&root, "a%20b", TC_SPAN("percent"));
    folder_write(&root, "q?x", TC_SPAN("mark"));
    folder_write(&root, "q", TC_SPAN("query"));
    for (int i = 0; i < 2; i++) { /* what is remembered must not be taken for another name */
        assert_int_equal(get("/a%2520b"), 200);
        check_body("percent");
        assert_int_equal(get("/a%20b"), 200);
        check_body("blank");
        assert_int_equal(get("/q%3Fx"), 200);
        check_body("mark");
        assert_int_equal(get("/q?x"), 200);
        check_body("query");
    }
}

static void folders_have_an_index(void **state)
{
    (void)state;
    assert_int_equal(get("/"), 200);
    check_body("home");
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
    folder_write(&root, "sub/index.html", TC_SPAN("sub"));
    folder_write(&root, "bare/x", TC_SPAN("x"));
    assert_int_equal(get("/sub/?q"), 200);
    check_body("sub");
    assert_int_equal(get("/bare/"), 404);
    assert_int_equal(get("/none/"), 404);
    assert_int_equal(get("/a.txt/"), 404);
}

static void a_folder_without_its_slash_is_elsewhere(void **state)
{
    (void)state;
    folder_write(&root, "sub/index.html", TC_SPAN("sub"));
    folder_write(&root, "a b\xc3\xa4%/index.html", TC_SPAN("odd"));
    assert_int_equal(get("/sub"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/sub/");
    assert_int_equal(get("/sub?a=b&c=%20"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/sub/?a=b&c=%20");
    assert_int_equal(get("/a%20b%C3%A4%25?q"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/a%20b%C3%A4%25/?q");
    assert_int_equal(get("/x/..//sub"), 301); /* never "//host": that would lead elsewhere */
    assert_string_equal(field(TC_FIELD_LOCATION), "/sub/");
    assert_int_equal(get("//sub"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/sub/");
}

static void a_prefix_may_stand_for_the_root(void **state)
{
    (void)state;
    folder_write(&root, "sub/index.html", TC_SPAN("sub"));
    config.strip = TC_SPAN("/static");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get("/static/a.txt"), 200);
        check_body("0123456789");
        assert_int_equal(get("/x/../static/sub/"), 200);
        check_body("sub");
    }
    assert_int_equal(get("/static/"), 200);
    check_body("home");
    assert_int_equal(get("/static?q"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/static/?q");
    assert_int_equal(get("/static/sub"), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), "/static/sub/");
    assert_int_equal(get("/a.txt"), 404);
    assert_int_equal(get("/statica.txt"), 404);
    assert_int_equal(get("/static/../a.txt"), 404);
    assert_int_equal(ask(TC_METHOD_OPTIONS, "*", ""), 204);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(get("/none"), 404);
    assert_int_equal(get("/.hidden"), 404);
    assert_int_equal(ask(TC_METHOD_HEAD, "/none", ""), 404);
    assert_int_equal(try_ask(TC_METHOD_GET, "/../etc/passwd", ""), TC_ERR_TARGET);
    assert_int_equal(try_ask(TC_METHOD_GET, "/%2e%2e/etc/passwd", ""), TC_ERR_TARGET);
    assert_int_equal(try_ask(TC_METHOD_GET, "/a%2Fb", ""), TC_ERR_TARGET);
    assert_int_equal(try_ask(TC_METHOD_GET, "/a%5Cb", ""), TC_ERR_TARGET);
    assert_int_equal(try_ask(TC_METHOD_GET, "/a%0Ab", ""), TC_ERR_TARGET);
}

/* --- conditions ---------------------------------------------------------------------------- */

static void who_has_it_is_not_sent_it(void **state)
{
    (void)state;
    assert_int_equal(get("/a.txt"), 200);
    const char *fields = with("if-none-match", TC_FIELD_ETAG);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", fields), 304);
    check_body("");
    assert_true(field(TC_FIELD_ETAG)[0] == '"');
    assert_string_equal(field(TC_FIELD_CONTENT_LENGTH), "");
    assert_int_equal(ask(TC_METHOD_HEAD, "/a.txt", fields), 304);
    fields = with("if-modified-since", TC_FIELD_LAST_MODIFIED);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", fields), 304);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "if-none-match: \"other\"\n"), 200);
    assert_int_equal(
        ask(TC_METHOD_GET, "/a.txt", "if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT\n"), 200);
}

static void a_condition_that_fails_is_said(void **state)
{
    (void)state;
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "if-match: \"other\"\n"), 412);
    assert_int_equal(
        ask(TC_METHOD_GET, "/a.txt", "if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT\n"), 412);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "if-match: *\n"), 200);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", with("if-match", TC_FIELD_ETAG)), 200);
}

static void parts_are_served(void **state)
{
    (void)state;
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=2-5\n"), 206);
    check_body("2345");
    assert_string_equal(field(TC_FIELD_CONTENT_RANGE), "bytes 2-5/10");
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/plain; charset=utf-8");
    const char *fields = with("if-range", TC_FIELD_ETAG);
    char both[400];
    (void)snprintf(both, sizeof both, "range: bytes=-3\n%s", fields);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", both), 206);
    check_body("789");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=-3\nif-range: \"other\"\n"), 200);
    check_body("0123456789");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=10-\n"), 416);
    assert_string_equal(field(TC_FIELD_CONTENT_RANGE), "bytes */10");
    assert_int_equal(ask(TC_METHOD_HEAD, "/a.txt", "range: bytes=2-5\n"), 200);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: lines=2-5\n"), 200);
}

/* All of an answer of several parts, as it would be sent: what is queued, again and again. */
static tc_span sent(char *at, size_t size)
{
    size_t n = 0;
    for (;;) {
        for (uint8_t i = 0; i < x->run_count; i++) {
            const tc_run run = x->runs[i];
            assert_true(n + run.len <= size);
            if (run.kind == TC_RUN_BYTES)
                memcpy(at + n, run.at, run.len);
            else
                assert_int_equal(pread(run.fd, at + n, run.len, (off_t)run.off), run.len);
            n += run.len;
        }
        x->run_count = 0;
        if (x->ended) return tc_span_of(at, n);
        assert_int_equal(x->handler->on_room(x->self, x), TC_OK);
        assert_true(x->run_count > 0);
    }
}

static void several_parts_are_one_answer(void **state)
{
    (void)state;
    char text[1000], whole[2000], wanted[1000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    folder_write(&root, "b.txt", tc_span_of(text, sizeof text));
    for (int from_disk = 0; from_disk < 2; from_disk++) {
        limits.cache_file = from_disk ? 5 : 65536;
        tc_files_fini(&files);
        tc_files_init(&files, &config, &cache, loop);
        assert_int_equal(try_ask(TC_METHOD_GET, "/b.txt", "range: bytes=990-,0-3,500-501\n"),
                         TC_OK);
        assert_int_equal(x->ours.status, 206);
        const tc_span type = tc_span_str(field(TC_FIELD_CONTENT_TYPE));
        const tc_span begins = TC_SPAN("multipart/byteranges; boundary=");
        assert_true(tc_span_starts(type, begins));
        assert_string_equal(field(TC_FIELD_CONTENT_RANGE), "");
        char boundary[64];
        (void)snprintf(boundary, sizeof boundary, "%.*s", TC_FMT(tc_span_from(type, begins.len)));
        const char *const about = "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes";
        (void)snprintf(wanted, sizeof wanted,
                       "--%s\r\n%s 990-999/1000\r\n\r\n%.10s\r\n"
                       "--%s\r\n%s 0-3/1000\r\n\r\n%.4s\r\n"
                       "--%s\r\n%s 500-501/1000\r\n\r\n%.2s\r\n--%s--\r\n",
                       boundary, about, text + 990, boundary, about, text, boundary, about,
                       text + 500, boundary);
        const tc_span got = sent(whole, sizeof whole);
        check_span(got, wanted);
        assert_int_equal(x->ours.length, got.len);
    }
    /* another one each time */
    char first[256];
    (void)snprintf(first, sizeof first, "%s", field(TC_FIELD_CONTENT_TYPE));
    assert_int_equal(try_ask(TC_METHOD_GET, "/b.txt", "range: bytes=0-0,-1\n"), TC_OK);
    assert_string_not_equal(field(TC_FIELD_CONTENT_TYPE), first);

    limits.ranges = 2;
    assert_int_equal(get("/b.txt"), 200);
    assert_int_equal(ask(TC_METHOD_GET, "/b.txt", "range: bytes=0-0,300-300,-1\n"), 200);
    assert_int_equal(reached.ranges, 1);
    assert_int_equal(ask(TC_METHOD_GET, "/b.txt", "range: bytes=0-0,5-5,10-\n"), 206);
    assert_string_equal(field(TC_FIELD_CONTENT_RANGE), "bytes 0-999/1000");
    assert_int_equal(ask(TC_METHOD_HEAD, "/b.txt", "range: bytes=0-0,-1\n"), 200);
}

/* --- by setting ---------------------------------------------------------------------------- */

static void caching_goes_with_a_file(void **state)
{
    (void)state;
    const tc_caching_rule rules[] = {{TC_SPAN("*.txt"), TC_SPAN("max-age=60, immutable")}};
    config.caching = rules;
    config.caching_count = 1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get("/a.txt"), 200);
        assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "max-age=60, immutable");
    }
    const char *have = with("if-none-match", TC_FIELD_ETAG);
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", have), 304);
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "max-age=60, immutable");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=1-\n"), 206);
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "max-age=60, immutable");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "range: bytes=10-\n"), 416);
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "no-store");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", "if-match: \"x\"\n"), 412);
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "no-store");
    assert_int_equal(get("/"), 200);
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "");
}

static void check_redirect(const char *from, const char *to)
{
    assert_int_equal(get(from), 301);
    assert_string_equal(field(TC_FIELD_LOCATION), to);
}

static void clean_addresses_leave_html_out(void **state)
{
    (void)state;
    folder_write(&root, "about.html", TC_SPAN("about"));
    folder_write(&root, "both", TC_SPAN("file"));
    folder_write(&root, "both.html", TC_SPAN("page"));
    folder_write(&root, "team/index.html", TC_SPAN("team"));
    folder_write(&root, "team.html", TC_SPAN("team page"));
    folder_write(&root, "empty/x", TC_SPAN("x"));
    folder_write(&root, "empty.html", TC_SPAN("empty page"));
    folder_write(&root, "a b?.html", TC_SPAN("odd"));
    folder_write(&root, "x/.html", TC_SPAN("nameless"));
    assert_int_equal(get("/about"), 404);
    assert_int_equal(get("/about.html"), 200);
    config.clean_urls = true;
    tc_files_fini(&files);
    tc_files_init(&files, &config, &cache, loop);
    for (int i = 0; i < 2; i++) { /* from the disk, from memory */
        assert_int_equal(get("/about"), 200);
        check_body("about");
        assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
        check_redirect("/about.html?q=1", "/about?q=1");
        check_redirect("/about/", "/about");
        check_redirect("/index.html", "/");
        assert_int_equal(get("/"), 200);
        assert_int_equal(get("/both"), 200);
        check_body("file");
        assert_int_equal(get("/both.html"), 200); /* it has no other name */
        check_body("page");
        assert_int_equal(get("/team"), 200);
        check_body("team page");
        assert_int_equal(get("/team/"), 200);
        check_body("team");
        check_redirect("/team/index.html", "/team/");
        check_redirect("/team.html", "/team");
        assert_int_equal(get("/empty"), 200);
        check_redirect("/empty/", "/empty");
        check_redirect("//about.html", "/about");
        check_redirect("/a%20b%3f.html", "/a%20b%3F");
        assert_int_equal(get("/a%20b%3f"), 200);
        assert_int_equal(get("/a.txt"), 200);
        assert_int_equal(get("/none"), 404);
        assert_int_equal(get("/none.html"), 404);
        assert_int_equal(get("/none/"), 404);
        config.dotfiles = files.folder.root.dotfiles = true;
        assert_int_equal(get("/x/.html"), 200);
        config.dotfiles = files.folder.root.dotfiles = false;
        assert_int_equal(get("/x/"), 404);
    }
    config.strip = TC_SPAN("/static");
    check_redirect("/static/about.html", "/static/about");
    check_redirect("/static/about/", "/static/about");
    check_redirect("/static/index.html", "/static/");
    assert_int_equal(get("/static/about"), 200);
}

static void an_application_answers_for_pages_that_are_none(void **state)
{
    (void)state;
    config.fallback = TC_SPAN("/index.html");
    static const char *const browser = "accept: text/html,application/xhtml+xml,*/*;q=0.8\n";
    static const char *const paths[] = {"/user/7", "/user/john.doe", "/a/", "/x.png?y"};
    folder_write(&root, "empty/x", TC_SPAN("x"));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(ask(TC_METHOD_GET, paths[i], browser), 200);
        check_body("home");
        assert_string_equal(field(TC_FIELD_VARY), "Accept");
        assert_int_equal(ask(TC_METHOD_HEAD, paths[i], browser), 200);
        assert_int_equal(ask(TC_METHOD_GET, paths[i], "accept: */*\n"), 404);
        assert_int_equal(ask(TC_METHOD_GET, paths[i], "accept: image/png, text/*\n"), 404);
        assert_int_equal(ask(TC_METHOD_GET, paths[i], "accept: text/html;q=0, */*\n"), 404);
        assert_int_equal(get(paths[i]), 404);
        assert_int_equal(ask(TC_METHOD_POST, paths[i], browser), 405);
    }
    assert_int_equal(ask(TC_METHOD_GET, "/empty/", browser), 200);
    check_body("home");
    assert_int_equal(ask(TC_METHOD_GET, "/a.txt", browser), 200);
    check_body("0123456789");
    assert_string_equal(field(TC_FIELD_VARY), "");
    assert_int_equal(ask(TC_METHOD_GET, "/.hidden", browser), 200); /* as if it were not there */
    const char *have = with("if-none-match", TC_FIELD_ETAG);
    char both[400];
    (void)snprintf(both, sizeof both, "%s%s", browser, have);
    assert_int_equal(ask(TC_METHOD_GET, "/user/7", both), 304);
    assert_string_equal(field(TC_FIELD_VARY), "Accept");
    config.fallback = TC_SPAN("/gone.html");
    assert_int_equal(ask(TC_METHOD_GET, "/user/7", browser), 404);
}

/* --- methods ------------------------------------------------------------------------------- */

static void other_methods_are_not_allowed(void **state)
{
    (void)state;
    const enum tc_method methods[] = {TC_METHOD_POST, TC_METHOD_PUT, TC_METHOD_DELETE,
                                      TC_METHOD_PATCH, TC_METHOD_TRACE};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        assert_int_equal(ask(methods[i], "/a.txt", ""), 405);
        assert_string_equal(field(TC_FIELD_ALLOW), "GET, HEAD, OPTIONS");
    }
    assert_int_equal(ask(TC_METHOD_OPTIONS, "/a.txt", ""), 204);
    assert_string_equal(field(TC_FIELD_ALLOW), "GET, HEAD, OPTIONS");
    check_body("");
    assert_int_equal(ask(TC_METHOD_OPTIONS, "*", ""), 204);
}

/* --- trouble ------------------------------------------------------------------------------- */

static void without_memory_it_says_so_and_nothing_leaks(void **state)
{
    (void)state;
    folder_write(&root, "sub/index.html", TC_SPAN("sub"));
    folder_write(&root, "page.html", TC_SPAN("page"));
    config.clean_urls = true;
    config.fallback = TC_SPAN("/a.txt");
    static const char *const paths[] = {"/a.txt",   "/",     "/sub?q",     "/sub/", "/none",
                                        "/%61.txt", "/page", "/page.html", "/page/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        bool failed = true;
        for (int64_t n = 0; failed; n++) {
            tc_files_fini(&files);
            tc_files_init(&files, &config, &cache, loop);
            const uint64_t before = tc_alloc_count();
            done();
            tc_alloc_fail_after(n);
            const tc_err err =
                try_ask(TC_METHOD_GET, paths[i], "range: bytes=0-1\naccept: text/html\n");
            failed = (int64_t)(tc_alloc_count() - before) > n;
            tc_alloc_fail_after(-1);
            assert_true(x->began || err == TC_ERR_NO_MEMORY);
            assert_true(failed || !err);
        }
    }
}

static void out_of_descriptors_is_a_moment(void **state)
{
    (void)state;
    struct rlimit all, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = all;
    few.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(get("/a.txt"), 503);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_int_equal(get("/a.txt"), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_served),
        TEST(a_large_file_is_a_range_of_it),
        TEST(a_language_is_claimed_where_one_is_given),
        TEST(names_are_what_they_decode_to_and_nothing_else),
        TEST(folders_have_an_index),
        TEST(a_folder_without_its_slash_is_elsewhere),
        TEST(a_prefix_may_stand_for_the_root),
        TEST(what_is_not_there_is_not_found),
        TEST(who_has_it_is_not_sent_it),
        TEST(a_condition_that_fails_is_said),
        TEST(parts_are_served),
        TEST(several_parts_are_one_answer),
        TEST(caching_goes_with_a_file),
        TEST(clean_addresses_leave_html_out),
        TEST(an_application_answers_for_pages_that_are_none),
        TEST(other_methods_are_not_allowed),
        TEST(without_memory_it_says_so_and_nothing_leaks),
        TEST(out_of_descriptors_is_a_moment),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
