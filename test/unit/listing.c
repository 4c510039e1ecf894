/* listing.c - what is shown of a folder: which names, in which order, how they are written, and
 * what it may cost. */
// SPDX-License-Identifier: MIT
#include "files/listing.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "http/exchange.h"
#include "http/percent.h"
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
    config = (tc_files_config){.root = root.fd, .index = TC_SPAN("index.html"), .listing = true};
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    tc_file_cache_init(&cache, &limits, &reached);
    tc_files_init(&files, &config, &cache, loop);
    return 0;
}

static void done(void)
{
    if (!x) return;
    if (x->handler && x->handler->on_close) x->handler->on_close(x->self, x, TC_OK);
    tc_exchange_fini(x);
    free(x);
    x = NULL;
}

static int end(void **state)
{
    (void)state;
    done();
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
    tc_files_fini(&files);
    tc_loop_free(loop);
    folder_remove(&root);
    return 0;
}

static void ask(const char *path, const char *field_lines)
{
    done();
    x = malloc(sizeof *x);
    assert_non_null(x);
    tc_exchange_init(x, 1, 262144);
    x->theirs = check_request(&x->arena, TC_METHOD_GET, field_lines);
    x->theirs.path = tc_span_str(path);
    x->handler = &tc_files_handler;
    x->self = &files;
    assert_int_equal(tc_files_handler.on_head(&files, x), TC_OK);
}

static tc_span get_as(const char *path, const char *field_lines, unsigned status)
{
    ask(path, field_lines);
    while (!x->began)
        assert_int_equal(tc_loop_turn(loop, tc_loop_tick(loop) + TC_S), TC_OK);
    assert_true(x->ended);
    assert_int_equal(x->ours.status, status);
    return x->run_count ? tc_span_of(x->runs[0].at, x->runs[0].len) : (tc_span){0};
}

static const char *field(enum tc_field_id id)
{
    static char text[256];
    tc_span value;
    if (!tc_message_get(&x->ours, id, &value)) return "";
    (void)snprintf(text, sizeof text, "%.*s", TC_FMT(value));
    return text;
}

static const char *find(tc_span page, const char *text)
{
    return memmem(page.at, page.len, text, strlen(text));
}

static void check_has(tc_span page, const char *text)
{
    if (!find(page, text)) fail_msg("\"%s\" is not in %.*s", text, TC_FMT(page));
}

static void check_lacks(tc_span page, const char *text)
{
    if (find(page, text)) fail_msg("\"%s\" is in %.*s", text, TC_FMT(page));
}

/* Those texts, in that order. */
static void check_order(tc_span page, const char *const *texts)
{
    const char *last = page.at;
    for (; *texts; texts++) {
        const char *at = find(page, *texts);
        if (!at || at < last) fail_msg("\"%s\" is not in its place in %.*s", *texts, TC_FMT(page));
        last = at;
    }
}

static void as_text(const char *query, const char *wanted)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/%s", query);
    check_span(get_as(path, "accept: text/plain\n", 200), wanted);
}

/* --- which names --------------------------------------------------------------------------- */

static void only_what_can_be_asked_for(void **state)
{
    (void)state;
    folder_write(&root, "sub/x", TC_SPAN("x"));
    folder_write(&root, "file", TC_SPAN("x"));
    folder_write(&root, ".hidden", TC_SPAN("x"));
    folder_write(&root, ".git/config", TC_SPAN("x"));
    folder_link(&root, "inside", "sub/x");
    folder_link(&root, "to-folder", "sub");
    folder_link(&root, "sub/up", "../file");
    folder_link(&root, "outside", "/etc/passwd");
    folder_link(&root, "upward", "../../etc/passwd");
    folder_link(&root, "nowhere", "gone");
    folder_link(&root, "round", "round");
    assert_int_equal(mkfifoat(root.fd, "pipe", 0644), 0);
    as_text("", "sub/\nto-folder/\nfile\ninside\n");
    check_span(get_as("/sub/", "accept: text/plain\n", 200), "up\nx\n");
    check_span(get_as("/to-folder/", "accept: text/plain\n", 200), "up\nx\n");
    tc_files_fini(&files);
    config.dotfiles = true;
    tc_files_init(&files, &config, &cache, loop);
    as_text("", ".git/\nsub/\nto-folder/\n.hidden\nfile\ninside\n");
}

static void what_may_not_be_read_is_not_shown(void **state)
{
    (void)state;
    if (geteuid() == 0) assert_int_equal(seteuid(65534), 0);
    folder own;
    folder_make(&own);
    folder_write(&own, "open", TC_SPAN("x"));
    folder_write(&own, "secret", TC_SPAN("x"));
    folder_write(&own, "locked/x", TC_SPAN("x"));
    assert_int_equal(fchmodat(own.fd, "secret", 0, 0), 0);
    assert_int_equal(fchmodat(own.fd, "locked", 0600, 0), 0);
    tc_files_fini(&files);
    config.root = own.fd;
    tc_files_init(&files, &config, &cache, loop);
    as_text("", "open\n");
    (void)get_as("/locked/", "", 403);
    assert_int_equal(fchmodat(own.fd, "locked", 0300, 0), 0);
    (void)get_as("/locked/", "", 403);
    assert_int_equal(fchmodat(own.fd, "locked", 0700, 0), 0);
    folder_remove(&own);
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
}

static void an_index_page_goes_first(void **state)
{
    (void)state;
    folder_write(&root, "sub/index.html", TC_SPAN("sub"));
    folder_write(&root, "odd/index.html/x", TC_SPAN("a folder of that name"));
    check_span(get_as("/sub/", "", 200), "sub");
    check_has(get_as("/odd/", "", 200), "href=\"index.html/\"");
    (void)get_as("/none/", "", 404);
    (void)get_as("/.git/", "", 404);
    (void)get_as("/sub/index.html/", "", 404);
    config.listing = false;
    (void)get_as("/odd/", "", 404);
}

/* --- order --------------------------------------------------------------------------------- */

static void folders_come_first_and_the_rest_as_asked(void **state)
{
    (void)state;
    folder_write(&root, "b", TC_SPAN("22"));
    folder_write(&root, "A", TC_SPAN("4444"));
    folder_write(&root, "a", TC_SPAN("333"));
    folder_write(&root, "C", TC_SPAN("1"));
    folder_write(&root, "z/x", TC_SPAN("x"));
    folder_write(&root, "y/x", TC_SPAN("x"));
    folder_age(&root, "b", 100);
    folder_age(&root, "A", 400);
    folder_age(&root, "a", 300);
    folder_age(&root, "C", 200);
    folder_age(&root, "z", 10);
    folder_age(&root, "y", 20);
    as_text("", "y/\nz/\nA\na\nb\nC\n");
    as_text("?sort=name&order=asc", "y/\nz/\nA\na\nb\nC\n");
    as_text("?sort=name&order=desc", "z/\ny/\nC\nb\na\nA\n");
    as_text("?order=desc", "z/\ny/\nC\nb\na\nA\n");
    as_text("?sort=size", "y/\nz/\nC\nb\na\nA\n");
    as_text("?sort=size&order=desc", "y/\nz/\nA\na\nb\nC\n");
    as_text("?sort=time&order=asc", "y/\nz/\nA\na\nC\nb\n");
    as_text("?sort=time&order=desc", "z/\ny/\nb\nC\na\nA\n");
    as_text("?sort=nonsense&order=", "y/\nz/\nA\na\nb\nC\n");
    as_text("?sort&&=&x=%zz", "y/\nz/\nA\na\nb\nC\n");
}

/* --- pages --------------------------------------------------------------------------------- */

static void a_page_for_people(void **state)
{
    (void)state;
    char large[1234567] = {0};
    folder_write(&root, "one/two/large.bin", tc_span_of(large, sizeof large));
    folder_write(&root, "one/two/deep/x", TC_SPAN("x"));
    folder_write(&root, "one/two/small", TC_SPAN("12345"));
    folder_age(&root, "one/two/small", 0);
    tc_span page = get_as("/one/two/?sort=size", "accept: text/html\n", 200);
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
    assert_string_equal(field(TC_FIELD_CACHE_CONTROL), "no-cache");
    assert_string_equal(field(TC_FIELD_VARY), "Accept");
    check_has(page, "<title>/one/two/</title>");
    check_has(page, "<h1><a href=\"../../\">/</a><a href=\"../\">one</a><i>/</i>two<i>/</i></h1>");
    check_order(page,
                (const char *[]){"href=\"../\">../<", "href=\"deep/\">deep/<", "href=\"small\"",
                                 "5 B", "href=\"large.bin\"", "1234567 bytes", "1.2 MB",
                                 "1 folder, 2 files, 1.2 MB.", NULL});
    check_has(page, "<a href=\"?sort=size&amp;order=desc\" aria-current=\"true\">Size");
    check_has(page, "<a href=\"?sort=name&amp;order=asc\">Name</a>");
    check_lacks(page, "There is more");
    page = get_as("/one/", "", 200);
    check_has(page, "<h1><a href=\"../\">/</a>one<i>/</i></h1>");
    page = get_as("/", "", 200);
    check_has(page, "<h1>/</h1>");
    check_lacks(page, "../");
    config.strip = TC_SPAN("/static");
    page = get_as("/static/", "", 200);
    check_has(page, "<h1><a href=\"../\">/</a>static<i>/</i></h1>");
    check_lacks(page, ">../<");
}

/* Bytes that would mean something where they stand; each is a name of a file. */
static const char *const strange[] = {
    "<script>x",   "\x1b[31mred", "line\r\nX: y",  "not\xff\xfeutf8",
    "a&b\"c'd",    "?query#x",    "100%41",        "javascript:x",
    "back\\slash", "a b+c",       "\u202eexe.txt", "\xf0\x9f\x90\xa2",
};
enum { STRANGE = sizeof strange / sizeof *strange };

static void make_strange(void)
{
    for (size_t i = 0; i < STRANGE; i++)
        folder_write(&root, strange[i], TC_SPAN("x"));
}

static void names_are_safe_on_the_page(void **state)
{
    (void)state;
    make_strange();
    const tc_span page = get_as("/", "", 200);
    assert_true(tc_text_is_utf8(page));
    for (size_t i = 0; i < page.len; i++)
        assert_true((uint8_t)page.at[i] >= 0x20 || page.at[i] == '\n');
    check_lacks(page, "<script");
    check_has(page, ">&lt;script&gt;x<");
    check_has(page, "href=\"javascript%3Ax\"");
    check_has(page, "href=\"%3Fquery%23x\"");
    check_has(page, "href=\"100%2541\"");
    check_has(page, "href=\"not%FF%FEutf8\"");
    check_has(page, ">a&amp;b&quot;c&#39;d<");
    check_lacks(page, "href=\"line");
    check_lacks(page, "href=\"back");
    check_has(page, "0 folders, 12 files,");
}

/* Where a name has an address, that is the file's. */
static void addresses_lead_to_their_files(void **state)
{
    (void)state;
    json_error_t error;
    json_t *entry;
    size_t i, with = 0;
    make_strange();
    folder_write(&root, "f<>/x", TC_SPAN("x"));
    const tc_span text = get_as("/?sort=name", "accept: application/json\n", 200);
    assert_string_equal(field(TC_FIELD_CONTENT_TYPE), "application/json");
    json_t *all = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!all) fail_msg("%s in %.*s", error.text, TC_FMT(text));
    assert_string_equal(json_string_value(json_object_get(all, "path")), "/");
    assert_true(json_is_false(json_object_get(all, "cut")));
    const json_t *entries = json_object_get(all, "entries");
    assert_int_equal(json_array_size(entries), STRANGE + 1);
    json_array_foreach((json_t *)entries, i, entry)
    {
        char path[256];
        const char *href = json_string_value(json_object_get(entry, "href"));
        assert_int_equal(strlen(json_string_value(json_object_get(entry, "modified"))), 20);
        if (!href) continue;
        with++;
        (void)snprintf(path, sizeof path, "/%s", href);
        if (strcmp(json_string_value(json_object_get(entry, "type")), "folder") == 0) {
            assert_string_equal(href, "f%3C%3E/");
            assert_null(json_object_get(entry, "size"));
            (void)get_as(path, "accept: application/json\n", 200);
        } else {
            assert_int_equal(json_integer_value(json_object_get(entry, "size")), 1);
            check_span(get_as(path, "", 200), "x");
        }
    }
    assert_int_equal(with, STRANGE + 1 - 3); /* ESC, CR LF and a backslash: no path has those */
    json_decref(all);
}

static void a_terminal_is_safe(void **state)
{
    (void)state;
    make_strange();
    const tc_span text = get_as("/", "accept: text/plain\n", 200);
    check_has(text, "\\x1b[31mred\n");
    check_has(text, "line\\x0d\\x0aX: y\n");
    check_lacks(text, "\x1b");
    check_lacks(text, "\u202e");
}

/* --- what it may cost ---------------------------------------------------------------------- */

static void a_large_folder_is_cut(void **state)
{
    (void)state;
    char name[16];
    limits.listing_entries = 20;
    for (int i = 0; i < 21; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        if (i == 20) {
            check_lacks(get_as("/", "", 200), "There is more");
            assert_int_equal(reached.listing_entries, 0);
        }
        folder_write(&root, name, TC_SPAN("x"));
    }
    const tc_span page = get_as("/", "", 200);
    check_has(page, "20 files");
    check_has(page, "There is more in this folder than a page shows.");
    check_has(get_as("/", "accept: application/json\n", 200), "\"cut\":true");
    assert_int_equal(reached.listing_entries, 2);
}

static void the_longest_names_have_room(void **state)
{
    (void)state;
    char name[256];
    memset(name, '"', 252);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name + 252, 4, "%03d", i);
        folder_write(&root, name, TC_SPAN("x"));
    }
    check_has(get_as("/", "", 200), "300 files");
    check_has(get_as("/", "accept: application/json\n", 200), "\"cut\":false");
}

static void only_so_many_at_a_time(void **state)
{
    (void)state;
    limits.listings = 0;
    (void)get_as("/", "", 503);
    assert_string_equal(field(TC_FIELD_RETRY_AFTER), "1");
    assert_int_equal(reached.listings, 1);
    limits.listings = 1;
    for (int i = 0; i < 50; i++) /* each is done with before its answer comes */
        (void)get_as("/", "", 200);
}

static void pages_on_their_way_are_bounded(void **state)
{
    (void)state;
    tc_exchange *first;
    folder_write(&root, "x", TC_SPAN("x"));
    limits.listing_bytes = 10000;
    (void)get_as("/", "", 200);
    first = x; /* still being sent */
    x = NULL;
    limits.listing_bytes = 1;
    (void)get_as("/", "", 503);
    assert_int_equal(reached.listing_bytes, 1);
    done();
    x = first;
    done(); /* what it held is free again */
    limits.listing_bytes = 10000;
    (void)get_as("/", "", 200);
}

static void who_leaves_is_not_answered(void **state)
{
    (void)state;
    folder_write(&root, "x", TC_SPAN("x"));
    for (int i = 0; i < 200; i++) {
        ask("/", "");
        if (i % 3 == 0) assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
        done();
    }
    /* all of them let go: the next ones are served */
    limits.listings = 1;
    for (int i = 0; i < 60000; i++) {
        (void)ask("/", "");
        while (!x->began)
            assert_int_equal(tc_loop_turn(loop, tc_loop_tick(loop) + TC_S), TC_OK);
        if (x->ours.status == 200) break;
        assert_int_equal(x->ours.status, 503);
        usleep(1000);
    }
    assert_int_equal(x->ours.status, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_can_be_asked_for),
        TEST(what_may_not_be_read_is_not_shown),
        TEST(an_index_page_goes_first),
        TEST(folders_come_first_and_the_rest_as_asked),
        TEST(a_page_for_people),
        TEST(names_are_safe_on_the_page),
        TEST(addresses_lead_to_their_files),
        TEST(a_terminal_is_safe),
        TEST(a_large_folder_is_cut),
        TEST(the_longest_names_have_room),
        TEST(only_so_many_at_a_time),
        TEST(pages_on_their_way_are_bounded),
        TEST(who_leaves_is_not_answered),
    };
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
