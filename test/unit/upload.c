/* upload.c - PUT and DELETE of files over a connection: what is answered, and what is on disk. */
// SPDX-License-Identifier: MIT
#include "files/upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "files/files.h"
#include "files/hidden.h"
#include "files/upload_place.h"
#include "page/error_page.h"
#include "support/folder.h"
#include "support/served.h"

enum { ROOM = 1 << 20, PATIENCE_MS = 60000 };

static folder root;
static served w;
static tc_file_cache cache;
static tc_upload_config uploads;
static tc_files_config config;
static tc_files files;

static void route(tc_session_env *env, tc_exchange *x)
{
    (void)env;
    tc_files_route(&files, x);
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    assert_int_equal(tc_error_page(x, (unsigned)tc_err_status(err), (tc_span){0}), TC_OK);
}

static void serve(uint64_t quota)
{
    served_init(&w, NULL);
    w.env.route = route;
    w.env.refuse = refuse;
    tc_file_cache_init(&cache, &w.limits, &w.reached);
    uploads = (tc_upload_config){.quota = quota, .root = tc_upload_root_new()};
    assert_non_null(uploads.root);
    config = (tc_files_config){.root = root.fd,
                               .index = TC_SPAN("index.html"),
                               .uploads = &uploads,
                               .written = uploads.root};
    tc_files_init(&files, &config, &cache, w.loop);
}

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_files_fini(&files);
    served_turns(&w, 1); /* an answer may be on its way */
    served_fini(&w);
    tc_upload_root_unref(uploads.root);
    folder_remove(&root);
    return 0;
}

static void pass_time(void)
{
    const struct timespec ms = {.tv_nsec = TC_MS};
    served_turns(&w, 1);
    (void)nanosleep(&ms, NULL);
}

/* The disk's threads have a clock of their own. */
#define UNTIL(condition)                                                                           \
    for (int waited_ = 0; !(condition); waited_++) {                                               \
        if (waited_ == PATIENCE_MS) fail_msg("waited for " #condition);                            \
        pass_time();                                                                               \
    }

/* One request; the status of its answer. */
static unsigned ask(const char *request)
{
    unsigned status = 0;
    if (!w.peers[0].served) (void)served_connect(&w, 0, NULL, ROOM);
    served_peer *p = &w.peers[0];
    tc_buf_reset(&p->heard);
    served_say(p, tc_span_str(request));
    UNTIL(served_has(p, "\r\n\r\n") && !p->session.exchanges);
    assert_false(p->over);
    assert_int_equal(sscanf(p->heard.at, "HTTP/1.1 %u", &status), 1);
    return status;
}

static unsigned bare(const char *method, const char *path, const char *fields)
{
    char request[1024];
    assert_in_range(snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method,
                             path, fields),
                    1, sizeof request - 1);
    return ask(request);
}

static unsigned put(const char *path, const char *fields, const char *content)
{
    char request[1024];
    assert_in_range(snprintf(request, sizeof request,
                             "PUT %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", path,
                             fields, strlen(content), content),
                    1, sizeof request - 1);
    return ask(request);
}

static bool heard(const char *text)
{
    return served_has(&w.peers[0], text);
}

/* "Name: value\r\n" of the tag that was last heard. */
static const char *with_tag(const char *name)
{
    static char line[200];
    char *at = memmem(w.peers[0].heard.at, w.peers[0].heard.len, "ETag: ", 6);
    assert_non_null(at);
    assert_in_range(
        snprintf(line, sizeof line, "%s: %.*s\r\n", name, (int)strcspn(at + 6, "\r"), at + 6), 1,
        sizeof line - 1);
    return line;
}

static void check_content(const char *name, const char *content)
{
    char at[256];
    const int fd = openat(root.fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t n = read(fd, at, sizeof at);
    assert_true(n >= 0);
    check_span(tc_span_of(at, (size_t)n), content);
    close(fd);
}

static bool exists(const char *name)
{
    return faccessat(root.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What uploads have left in a folder. */
static unsigned left_behind(const char *name)
{
    const int fd = openat(root.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fdopendir(fd);
    unsigned count = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        count += strncmp(e->d_name, TC_UPLOAD_PREFIX, sizeof TC_UPLOAD_PREFIX - 1) == 0;
    closedir(d);
    return count;
}

/* --- what is put is there ------------------------------------------------------------------- */

static void a_file_is_made_replaced_and_removed(void **state)
{
    (void)state;
    serve(0);
    assert_int_equal(put("/a.txt", "", "one"), 201);
    assert_true(heard("Location: /a.txt\r\n"));
    check_content("a.txt", "one");
    assert_int_equal(bare("GET", "/a.txt", with_tag("If-None-Match")), 304);
    assert_int_equal(put("/a.txt", "", "another"), 204);
    assert_true(heard("ETag: "));
    check_content("a.txt", "another");
    assert_int_equal(bare("GET", "/a.txt", ""), 200); /* at once, though it was remembered */
    assert_true(heard("another"));
    assert_int_equal(bare("DELETE", "/a.txt", ""), 204);
    assert_int_equal(bare("GET", "/a.txt", ""), 404);
    assert_int_equal(bare("DELETE", "/a.txt", ""), 404);
    assert_int_equal(left_behind("."), 0);
}

static void folders_are_made_on_the_way(void **state)
{
    (void)state;
    serve(0);
    assert_int_equal(put("/new/deep%20er/a%25.txt", "", "x"), 201);
    assert_true(heard("Location: /new/deep%20er/a%25.txt\r\n"));
    check_content("new/deep er/a%.txt", "x");
    assert_int_equal(bare("DELETE", "/new", ""), 409); /* not empty */
    assert_int_equal(bare("DELETE", "/new/deep%20er/a%25.txt", ""), 204);
    assert_int_equal(bare("DELETE", "/new/deep%20er/", ""), 204);
    assert_int_equal(bare("DELETE", "/new", ""), 204);
    assert_false(exists("new"));
}

static void nothing_is_written_that_is_no_file(void **state)
{
    (void)state;
    serve(0);
    folder_write(&root, "folder/file", TC_SPAN("x"));
    assert_int_equal(mkfifoat(root.fd, "fifo", 0600), 0);
    static const struct {
        const char *path;
        unsigned status;
    } rows[] = {{"/", 409},
                {"/folder", 409},
                {"/folder/", 409},
                {"/folder/file/x", 409},
                {"/fifo", 403},
                {"/.hidden", 403},
                {"/folder/.hidden/x", 403},
                {"/" TC_UPLOAD_PREFIX "x", 403}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(put(rows[i].path, "", "y"), rows[i].status);
    char path[400] = "/";
    memset(path + 1, 'n', 300);
    assert_int_equal(put(path, "", "y"), 414);
    assert_int_equal(bare("DELETE", "/", ""), 409);
    assert_int_equal(bare("DELETE", "/.hidden", ""), 403);
    assert_int_equal(left_behind("."), 0);
    check_content("folder/file", "x");
}

static void a_link_is_replaced_and_leads_nowhere(void **state)
{
    (void)state;
    serve(0);
    folder_write(&root, "real", TC_SPAN("real"));
    folder_link(&root, "inside", "real");
    folder_link(&root, "outside", "/tmp");
    folder_link(&root, "out", "/etc/hostname");
    assert_int_equal(put("/inside", "", "new"), 204);
    check_content("inside", "new");
    check_content("real", "real");
    assert_int_equal(put("/outside/x", "", "new"), 403);
    assert_int_equal(put("/out", "", "new"), 204); /* the link itself */
    check_content("out", "new");
}

static void what_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    serve(0);
    assert_int_equal(put("/a", "Content-Range: bytes 0-0/5\r\n", "x"), 400);
    assert_int_equal(put("/a", "Content-Encoding: gzip\r\n", "x"), 415);
    assert_true(heard("Accept-Encoding: identity\r\n"));
    assert_int_equal(bare("PATCH", "/a", "Content-Length: 0\r\n"), 405);
    assert_true(heard("Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"));
    assert_int_equal(bare("OPTIONS", "/a", ""), 204);
    assert_true(heard("Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"));
    assert_false(exists("a"));
}

static void permissions_are_kept(void **state)
{
    struct stat st;
    (void)state;
    serve(0);
    folder_write(&root, "a", TC_SPAN("1"));
    assert_int_equal(fchmodat(root.fd, "a", 0640, 0), 0);
    assert_int_equal(put("/a", "", "2"), 204);
    assert_int_equal(fstatat(root.fd, "a", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* --- conditions ------------------------------------------------------------------------------ */

static void conditions_hold_or_nothing_is_done(void **state)
{
    (void)state;
    serve(0);
    assert_int_equal(put("/a", "If-Match: *\r\n", "x"), 412);
    assert_false(exists("a"));
    assert_int_equal(put("/a", "If-None-Match: *\r\n", "one"), 201);
    assert_int_equal(put("/a", "If-None-Match: *\r\n", "two"), 412);
    check_content("a", "one");
    assert_int_equal(bare("GET", "/a", ""), 200);
    char match[200];
    strcpy(match, with_tag("If-Match"));
    assert_int_equal(put("/a", match, "two"), 204);
    assert_int_equal(put("/a", match, "three"), 412);
    check_content("a", "two");
    assert_int_equal(bare("DELETE", "/a", match), 412);
    assert_int_equal(put("/a", "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n", "x"), 412);
    assert_int_equal(bare("DELETE", "/a", "If-Match: *\r\n"), 204);
}

/* A tag of a larger file is made of its times. */
static void a_tag_of_a_put_is_good_for_the_next(void **state)
{
    (void)state;
    serve(0);
    w.limits.cache_file = 4;
    assert_int_equal(put("/a", "", "larger than that"), 201);
    assert_int_equal(put("/a", with_tag("If-Match"), "and once more"), 204);
    assert_int_equal(bare("DELETE", "/a", with_tag("If-Match")), 204);
}

/* Somebody else, another process even, holds the folder: conditions are asked after it lets go. */
static void conditions_wait_for_other_writers(void **state)
{
    (void)state;
    serve(0);
    folder_write(&root, "a", TC_SPAN("one"));
    assert_int_equal(bare("GET", "/a", ""), 200);
    char request[400];
    assert_in_range(snprintf(request, sizeof request,
                             "PUT /a HTTP/1.1\r\nHost: h\r\n%sContent-Length: 1\r\n\r\n2",
                             with_tag("If-Match")),
                    1, sizeof request - 1);
    const int fd = openat(root.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    served_peer *p = &w.peers[0];
    tc_buf_reset(&p->heard);
    served_say(p, tc_span_str(request));
    for (int i = 0; i < 50; i++)
        pass_time();
    assert_int_equal(p->heard.len, 0);
    folder_replace(&root, "a", TC_SPAN("other"));
    close(fd);
    UNTIL(served_has(p, "\r\n\r\n"));
    assert_true(served_has(p, "412"));
    check_content("a", "other");
}

/* --- bounds ---------------------------------------------------------------------------------- */

static void a_large_file_goes_through_a_small_buffer(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    serve(0);
    w.limits.upload_buffer = 1000;
    char *all = malloc(SIZE), *back = malloc(SIZE);
    assert_non_null(all);
    assert_non_null(back);
    for (int i = 0; i < SIZE; i++)
        all[i] = (char)(i * 7 + i / 251);
    served_peer *p = served_connect(&w, 0, NULL, 4096);
    served_say(p, TC_SPAN("PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n"));
    tc_span rest = tc_span_of(all, SIZE);
    while (rest.len) {
        const tc_run run = tc_run_bytes(rest);
        size_t taken = 0;
        assert_int_equal(p->far.link.type->write(&p->far.link, &run, 1, &taken), TC_OK);
        (void)tc_span_take(&rest, taken);
        pass_time();
    }
    UNTIL(served_has(p, "\r\n\r\n"));
    assert_true(served_has(p, "201"));
    assert_true(w.reached.upload_buffer > 0);
    const int fd = openat(root.fd, "big", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, back, SIZE), SIZE);
    assert_memory_equal(all, back, SIZE);
    close(fd);
    free(all);
    free(back);
}

static void who_breaks_off_has_changed_nothing(void **state)
{
    (void)state;
    serve(0);
    folder_write(&root, "a", TC_SPAN("old"));
    w.limits.upload_buffer = 1;
    for (int turns = 0; turns < 12; turns++) {
        served_peer *p = served_connect(&w, 1, NULL, ROOM);
        served_say(p, TC_SPAN("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"));
        for (int i = 0; i < turns; i++)
            pass_time();
        served_end(p);
        UNTIL(p->over || p->ended);
        UNTIL(p->ended);
        p->far.link.type->close(&p->far.link, false);
        tc_buf_fini(&p->heard);
        *p = (served_peer){0};
    }
    assert_int_equal(bare("GET", "/a", ""), 200);
    assert_true(heard("old"));
    check_content("a", "old");
    UNTIL(left_behind(".") == 0);
}

static void a_file_may_be_larger_than_other_content(void **state)
{
    (void)state;
    serve(0);
    w.limits.body_bytes = 4;
    assert_int_equal(put("/a", "", "five."), 413);
    assert_int_equal(w.reached.body_bytes, 1);
    uploads.most = 5;
    assert_int_equal(put("/a", "", "five."), 201);
    assert_int_equal(put("/a", "", "it is six"), 413);
    check_content("a", "five.");
    assert_int_equal(w.reached.body_bytes, 2);
}

static void so_many_at_a_time(void **state)
{
    (void)state;
    serve(0);
    w.limits.uploads = 1;
    served_peer *p = served_connect(&w, 1, NULL, ROOM);
    served_say(p, TC_SPAN("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"));
    pass_time();
    assert_int_equal(put("/b", "", "x"), 503);
    assert_true(heard("Retry-After: 1\r\n"));
    assert_int_equal(w.reached.uploads, 1);
    served_say(p, TC_SPAN("whole"));
    UNTIL(served_has(p, "201"));
    assert_int_equal(put("/b", "", "x"), 201);
    assert_int_equal(cache.uploads, 0);
}

/* --- the quota ------------------------------------------------------------------------------- */

static void a_quota_counts_what_is_there(void **state)
{
    (void)state;
    folder_write(&root, "there/already", TC_SPAN("12345"));
    serve(10);
    UNTIL(tc_upload_root_counted(uploads.root));
    assert_int_equal(put("/a", "", "123456"), 507);
    assert_int_equal(put("/a", "", "12345"), 201);
    assert_int_equal(put("/b", "", "1"), 507);
    assert_int_equal(put("/a", "", "54321"), 204); /* no more than before */
    assert_int_equal(bare("DELETE", "/there/already", ""), 204);
    assert_int_equal(put("/b", "", "1234"), 201);
    assert_int_equal(tc_upload_root_used(uploads.root), 9);
    assert_int_equal(left_behind("."), 0);
}

static void a_length_that_is_not_told_counts_as_it_comes(void **state)
{
    (void)state;
    serve(10);
    UNTIL(tc_upload_root_counted(uploads.root));
    assert_int_equal(ask("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"),
                     507);
    assert_int_equal(ask("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "6\r\n123456\r\n0\r\n\r\n"),
                     201);
    UNTIL(tc_upload_root_used(uploads.root) == 6);
}

/* Another generation: what it has of the folder, beside the one that serves. */
static tc_upload_root *share(tc_ledger *l, int slot)
{
    struct stat st;
    tc_upload_root *r = tc_upload_root_new();
    assert_non_null(r);
    assert_int_equal(fstat(root.fd, &st), 0);
    tc_upload_root_share(r, l, slot, st.st_dev, st.st_ino);
    assert_ptr_not_equal(r->folder, &r->own);
    return r;
}

static void sweep(tc_upload_root *r)
{
    static struct tc_sweeping *slot;
    tc_upload_root_sweep(r, root.fd, w.loop, &slot);
    UNTIL(!slot);
}

static void generations_count_together(void **state)
{
    (void)state;
    tc_ledger *l;
    folder_write(&root, "there", TC_SPAN("12345"));
    serve(0); /* somebody whose loop there is */
    UNTIL(tc_upload_root_counted(uploads.root));
    assert_int_equal(tc_ledger_new(&l), TC_OK);
    const int old = tc_ledger_take(l), new = tc_ledger_take(l);
    tc_upload_root *a = share(l, old), *b = share(l, new);
    assert_false(tc_upload_root_counted(b));
    sweep(a);
    assert_true(tc_upload_root_counted(b)); /* nobody has to wait for its sweep */
    assert_int_equal(tc_upload_root_used(b), 5);
    assert_true(tc_upload_root_reserve(a, 4, 10));
    assert_false(tc_upload_root_reserve(b, 2, 10));
    assert_true(tc_upload_root_reserve(b, 1, 10));
    folder_write(&root, "besides", TC_SPAN("123"));
    sweep(b); /* sees what others have written, and what is reserved stays so */
    assert_int_equal(tc_upload_root_used(a), 5 + 3 + 4 + 1);
    tc_upload_root_move(b);
    folder_write(&root, "x", TC_SPAN("7"));
    tc_upload_root_moved(b, 1, 1);
    assert_int_equal(tc_upload_root_used(a), 5 + 3 + 1 + 4);
    tc_ledger_end(l, old, new); /* killed: of its four nothing came */
    assert_int_equal(tc_upload_root_used(b), 5 + 3 + 1);
    tc_upload_root_unref(a);
    tc_ledger_free(l);
    assert_true(tc_upload_root_reserve(b, 1, 10)); /* a thread that outlives it */
    tc_upload_root_release(b, 1);
    tc_upload_root_unref(b);
}

static void a_sweep_beside_somebody_who_writes(void **state)
{
    (void)state;
    tc_ledger *l;
    serve(0);
    UNTIL(tc_upload_root_counted(uploads.root));
    assert_int_equal(tc_ledger_new(&l), TC_OK);
    tc_upload_root *a = share(l, tc_ledger_take(l)), *b = share(l, tc_ledger_take(l));
    sweep(a);
    assert_true(tc_upload_root_reserve(a, 3, 0));
    tc_upload_root_move(a);
    folder_write(&root, "new", TC_SPAN("123"));
    sweep(b); /* it cannot know whether the three are those that it saw */
    assert_int_equal(tc_upload_root_used(b), 3);
    tc_upload_root_moved(a, 3, 3);
    assert_int_equal(tc_upload_root_used(b), 3);
    tc_upload_root_unref(a);
    tc_upload_root_unref(b);
    tc_ledger_free(l);
}

static void uploads_wait_until_it_is_counted(void **state)
{
    (void)state;
    serve(10);
    UNTIL(tc_upload_root_counted(uploads.root));
    atomic_store(&uploads.root->folder->counted, 0);
    assert_int_equal(put("/a", "", "1"), 503);
    assert_true(heard("Retry-After: 1\r\n"));
}

/* --- what a crash leaves --------------------------------------------------------------------- */

static void what_was_left_behind_is_swept(void **state)
{
    (void)state;
    folder_write(&root, "a/b/" TC_UPLOAD_PREFIX "0123456789abcdef", TC_SPAN("half"));
    folder_write(&root, TC_UPLOAD_PREFIX "busy", TC_SPAN("somebody writes it"));
    folder_write(&root, "a/b/file", TC_SPAN("stays"));
    const int fd = openat(root.fd, TC_UPLOAD_PREFIX "busy", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    serve(0);
    UNTIL(tc_upload_root_counted(uploads.root));
    assert_int_equal(left_behind("a/b"), 0);
    assert_int_equal(left_behind("."), 1);
    assert_int_equal(atomic_load(&uploads.root->left_behind), 1);
    assert_true(exists("a/b/file"));
    config.dotfiles = files.folder.root.dotfiles = true;
    assert_int_equal(bare("GET", "/" TC_UPLOAD_PREFIX "busy", ""), 404);
    close(fd);
}

/* Without files that have no name, it is a hidden one from the beginning. */
static void a_named_file_does_as_well(void **state)
{
    tc_place p;
    tc_place_now before;
    char tag[64];
    size_t len;
    const tc_message none = {.method = TC_METHOD_PUT};
    (void)state;
    serve(0);
    UNTIL(tc_upload_root_counted(uploads.root));
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(tc_place_init(&p, root.fd, TC_SPAN("/a"), false), TC_OK);
        p.named_only = true;
        assert_int_equal(tc_place_open(&p, &before), TC_OK);
        assert_int_equal(left_behind("."), 1);
        assert_int_equal(tc_place_write(&p, TC_SPAN("x")), TC_OK);
        if (whole) assert_int_equal(tc_place_finish(&p, &none, 100, &before, tag, &len), TC_OK);
        tc_place_fini(&p);
        assert_int_equal(left_behind("."), 0);
        assert_int_equal(exists("a"), whole);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_made_replaced_and_removed),
        TEST(folders_are_made_on_the_way),
        TEST(nothing_is_written_that_is_no_file),
        TEST(a_link_is_replaced_and_leads_nowhere),
        TEST(what_cannot_be_kept_is_refused),
        TEST(permissions_are_kept),
        TEST(conditions_hold_or_nothing_is_done),
        TEST(a_tag_of_a_put_is_good_for_the_next),
        TEST(conditions_wait_for_other_writers),
        TEST(a_large_file_goes_through_a_small_buffer),
        TEST(who_breaks_off_has_changed_nothing),
        TEST(a_file_may_be_larger_than_other_content),
        TEST(so_many_at_a_time),
        TEST(a_quota_counts_what_is_there),
        TEST(generations_count_together),
        TEST(a_sweep_beside_somebody_who_writes),
        TEST(a_length_that_is_not_told_counts_as_it_comes),
        TEST(uploads_wait_until_it_is_counted),
        TEST(what_was_left_behind_is_swept),
        TEST(a_named_file_does_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
