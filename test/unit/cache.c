/* cache.c - what is remembered of files, for how long, and what is never opened. Time is pretended:
 * the cache takes it as an argument. */
// SPDX-License-Identifier: MIT
#include "files/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "files/files.h"
#include "support/check.h"
#include "support/folder.h"

static folder root;
static tc_limits limits;
static tc_reached reached;
static tc_file_cache cache;
static tc_files_config config;
static tc_folder served;
static int64_t now;

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    limits = tc_limits_default;
    reached = (tc_reached){0};
    now = TC_S;
    config = (tc_files_config){.root = root.fd};
    tc_file_cache_init(&cache, &limits, &reached);
    tc_folder_init(&served, &cache, &config);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_folder_fini(&served);
    assert_int_equal(cache.bytes, 0);
    assert_int_equal(cache.open, 0);
    assert_int_equal(cache.files, 0);
    folder_remove(&root);
    return 0;
}

/* A file that was written long enough ago to be relied on. */
static void write_old(const char *name, const char *text)
{
    folder_write(&root, name, tc_span_str(text));
    folder_age(&root, name, 100);
}

/* Waits until the clock of the file system has surely moved on: ctime cannot be set. */
static void let_settle(void)
{
    usleep(60000);
}

static enum tc_file_answer answer_of(const char *path)
{
    tc_file *f;
    const enum tc_file_answer answer = tc_file_get(&served, tc_span_str(path), now, &f);
    if (answer == TC_FILE_FOUND) tc_file_unref(f);
    return answer;
}

/* With a reference. */
static tc_file *get(const char *path)
{
    tc_file *f;
    assert_int_equal(tc_file_get(&served, tc_span_str(path), now, &f), TC_FILE_FOUND);
    return f;
}

/* ... as one whose bytes are wanted. */
static tc_file *get_bytes(const char *path)
{
    tc_file *f = get(path);
    tc_file_bring_in(f);
    return f;
}

static void check_content(const char *path, const char *text)
{
    tc_file *f = get_bytes(path);
    assert_non_null(f->bytes);
    check_span(tc_span_of(f->bytes, (size_t)f->size), text);
    assert_int_equal(f->block.length, f->size);
    tc_file_unref(f);
}

static bool remembered(const char *path)
{
    tc_file *f = tc_file_remembered(&served, tc_span_str(path), now);
    if (f) tc_file_unref(f);
    return f != NULL;
}

static void later(int64_t ms)
{
    now += ms * TC_MS;
}

/* --- remembering --------------------------------------------------------------------------- */

static void a_file_is_read_once(void **state)
{
    (void)state;
    write_old("a.txt", "first");
    let_settle();
    tc_file *f = get("/a.txt");
    check_span(f->type, "text/plain; charset=utf-8");
    later(999);
    tc_file *again = get("/a.txt");
    assert_ptr_equal(f, again);
    tc_file_unref(again);
    later(1);
    assert_false(remembered("/a.txt"));
    again = get("/a.txt"); /* looked at, and found to be the same */
    assert_ptr_equal(f, again);
    assert_true(remembered("/a.txt"));
    tc_file_unref(again);
    tc_file_unref(f);
}

static void a_change_is_seen_within_a_second(void **state)
{
    (void)state;
    write_old("a.txt", "first");
    check_content("/a.txt", "first");
    write_old("a.txt", "other");
    later(500);
    check_content("/a.txt", "first");
    later(500);
    check_content("/a.txt", "other");
    folder_replace(&root, "a.txt", TC_SPAN("third"));
    later(1000);
    check_content("/a.txt", "third");
    assert_int_equal(cache.bytes, 5);
}

static void a_change_within_one_tick_of_the_clock_is_seen(void **state)
{
    (void)state;
    char text[] = "0";
    for (int i = 0; i < 10; i++) {
        text[0] = (char)('0' + i);
        folder_write(&root, "a", tc_span_str(text));
        later(1000);
        check_content("/a", text);
    }
}

static void a_deleted_file_is_gone_but_lasts_for_whom_it_serves(void **state)
{
    (void)state;
    write_old("a", "content");
    tc_file *f = get("/a");
    assert_int_equal(unlinkat(root.fd, "a", 0), 0);
    check_content("/a", "content");
    later(1000);
    assert_int_equal(answer_of("/a"), TC_FILE_MISSING);
    assert_int_equal(cache.files, 0);
    check_span(tc_span_of(f->bytes, (size_t)f->size), "content");
    tc_file_unref(f);
}

static void a_large_file_stays_open(void **state)
{
    (void)state;
    limits.cache_file = 5;
    write_old("five", "12345");
    write_old("six", "123456");
    let_settle();
    check_content("/five", "12345");
    tc_file *f = get("/six");
    assert_null(f->bytes);
    assert_true(f->fd >= 0);
    assert_int_equal(cache.open, 1);
    assert_int_equal(cache.bytes, 5);
    tc_file_unref(f);
}

static void a_larger_file_is_in_memory_when_asked_for_again(void **state)
{
    (void)state;
    limits.cache_file = 5;
    limits.cache_again = 6;
    limits.cache_bytes = 24;
    write_old("six", "123456");
    write_old("also", "abcdef");
    write_old("third", "ABCDEF");
    write_old("seven", "1234567");
    let_settle();
    tc_file *f = get_bytes("/six");
    assert_null(f->bytes);
    const tc_span etag = f->etag;
    tc_file_unref(f);
    assert_int_equal(answer_of("/seven"), TC_FILE_FOUND);
    f = get_bytes("/seven"); /* too large */
    assert_null(f->bytes);
    tc_file_unref(f);
    f = get("/six");
    assert_null(f->bytes); /* nobody wants them */
    tc_file_bring_in(f);
    check_span(tc_span_of(f->bytes, (size_t)f->size), "123456");
    assert_true(tc_span_eq(f->etag, etag)); /* it is the same file */
    assert_int_equal(cache.bytes, 6);
    assert_int_equal(answer_of("/also"), TC_FILE_FOUND);
    check_content("/also", "abcdef");
    assert_int_equal(cache.again_bytes, 12);
    assert_int_equal(answer_of("/third"), TC_FILE_FOUND);
    tc_file *third = get_bytes("/third"); /* half of the cache is taken */
    assert_null(third->bytes);
    tc_file_unref(third);

    write_old("six", "changed"); /* what left the cache still counts while it is sent */
    later(1000);
    assert_int_equal(answer_of("/six"), TC_FILE_FOUND);
    assert_int_equal(cache.again_bytes, 12);
    tc_file_unref(f);
    assert_int_equal(cache.again_bytes, 6);
}

static void an_empty_file_is_a_file(void **state)
{
    (void)state;
    write_old("a", "");
    check_content("/a", "");
}

/* --- what may not be seen ------------------------------------------------------------------ */

static void names_with_a_dot_are_hidden(void **state)
{
    (void)state;
    write_old(".secret", "x");
    write_old(".git/config", "x");
    write_old("a/.b/c", "x");
    write_old(".well-known/acme", "x");
    write_old(".well-known/.secret", "x");
    write_old("a/.well-known/b", "x");
    write_old("a/b.", "x");
    const char *const hidden[] = {"/.secret",    "/.git/config",         "/a/.b/c",
                                  "/.git",       "/.well-known/.secret", "/a/.well-known/b",
                                  "/.well-known"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        check_case(answer_of(hidden[i]) == TC_FILE_MISSING, hidden[i]);
    assert_int_equal(answer_of("/.well-known/acme"), TC_FILE_FOUND);
    assert_int_equal(answer_of("/a/b."), TC_FILE_FOUND);
    served.root.dotfiles = true;
    assert_int_equal(answer_of("/.secret"), TC_FILE_FOUND);
    assert_int_equal(answer_of("/a/.b/c"), TC_FILE_FOUND);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(root.fd, "fifo", 0644), 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_in_range(snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", root.path), 1, 100);
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
    close(s);
    write_old("folder/file", "x");
    assert_int_equal(answer_of("/fifo"), TC_FILE_FORBIDDEN); /* and nothing waits for a writer */
    assert_int_equal(answer_of("/socket"), TC_FILE_FORBIDDEN);
    assert_int_equal(answer_of("/folder"), TC_FILE_DIRECTORY);
    assert_int_equal(answer_of("/folder/file/more"), TC_FILE_MISSING);
    assert_int_equal(answer_of("/none"), TC_FILE_MISSING);
    assert_int_equal(cache.files, 0);
}

static void what_became_a_folder_is_one(void **state)
{
    (void)state;
    write_old("a", "x");
    check_content("/a", "x");
    assert_int_equal(unlinkat(root.fd, "a", 0), 0);
    write_old("a/b", "x");
    later(1000);
    assert_int_equal(answer_of("/a"), TC_FILE_DIRECTORY);
    assert_int_equal(cache.files, 0);
}

static void links_do_not_lead_outside(void **state)
{
    (void)state;
    folder outside;
    folder_make(&outside);
    folder_write(&outside, "secret", TC_SPAN("secret"));
    char target[128];
    assert_in_range(snprintf(target, sizeof target, "%s/secret", outside.path), 1, 127);
    folder_link(&root, "absolute", target);
    assert_in_range(snprintf(target, sizeof target, "..%s/secret", strrchr(outside.path, '/')), 1,
                    127);
    folder_link(&root, "relative", target);
    folder_link(&root, "up", "..");
    folder_link(&root, "magic", "/proc/self/root");
    folder_link(&root, "loop", "loop");
    write_old("in/file", "inside");
    folder_link(&root, "good", "in/file");
    folder_link(&root, "in/back", "../in/file");
    assert_in_range(snprintf(target, sizeof target, "/up%s/secret", strrchr(outside.path, '/')), 1,
                    127);
    const char *const refused[] = {"/absolute", "/relative", "/up", target, "/magic", "/loop"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_case(answer_of(refused[i]) == TC_FILE_MISSING, refused[i]);
    check_content("/good", "inside");
    check_content("/in/back", "inside");
    folder_remove(&outside);
}

static void names_may_be_long_and_odd(void **state)
{
    (void)state;
    char path[5000];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    tc_file *f;
    assert_int_equal(tc_file_get(&served, tc_span_of(path, sizeof path), now, &f), TC_FILE_MISSING);
    assert_int_equal(tc_file_get(&served, tc_span_of(path, 4095), now, &f), TC_FILE_MISSING);
    write_old("a", "x");
    assert_int_equal(tc_file_get(&served, TC_SPAN("/a\0b"), now, &f), TC_FILE_MISSING);
    write_old("\xff \n%", "odd");
    check_content("/\xff \n%", "odd");
}

/* In a child: openat2 fails with that error, as in sandboxes that do not know it. 77: it cannot be
 * arranged here. */
static int without_openat2(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 77;
    if (answer_of("/a") != TC_FILE_FOUND || answer_of("/in/file") != TC_FILE_FOUND) return 1;
    if (answer_of("/in") != TC_FILE_DIRECTORY || answer_of("/none") != TC_FILE_MISSING) return 2;
    if (answer_of("/in/none/file") != TC_FILE_MISSING) return 3;
    if (answer_of("/link") != TC_FILE_MISSING || answer_of("/up/a") != TC_FILE_MISSING) return 4;
    return 0;
}

static void sandboxes_may_lack_a_system_call(void **state)
{
    (void)state;
    write_old("a", "x");
    write_old("in/file", "x");
    folder_link(&root, "link", "a");
    folder_link(&root, "up", "..");
    const int errors[] = {ENOSYS, EPERM};
    for (int i = 0; i < 2; i++) {
        int status = 0;
        const pid_t child = fork();
        if (child == 0) _exit(without_openat2(errors[i]));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) skip();
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* --- bounds -------------------------------------------------------------------------------- */

static void the_longest_unused_goes_first(void **state)
{
    (void)state;
    limits.cache_bytes = 10;
    write_old("a", "1234");
    write_old("b", "1234");
    write_old("c", "1234");
    check_content("/a", "1234");
    check_content("/b", "1234");
    check_content("/a", "1234");
    assert_int_equal(reached.cache_bytes, 0);
    check_content("/c", "1234");
    assert_int_equal(reached.cache_bytes, 1);
    assert_true(remembered("/a") && remembered("/c"));
    assert_false(remembered("/b"));
    assert_int_equal(cache.bytes, 8);
}

static void a_look_is_use(void **state)
{
    (void)state;
    limits.cache_files = 2;
    write_old("a", "1");
    write_old("b", "2");
    write_old("c", "3");
    let_settle();
    tc_folder_fini(&served);
    tc_folder_init(&served, &cache, &config);
    check_content("/a", "1");
    later(10);
    check_content("/b", "2");
    later(1000);
    check_content("/a", "1"); /* it was due for another look */
    check_content("/c", "3");
    assert_int_equal(reached.cache_files, 1);
    assert_true(remembered("/a") && remembered("/c"));
    assert_int_equal(cache.files, 2);
}

static void descriptors_are_bounded(void **state)
{
    (void)state;
    limits.cache_file = 0;
    limits.cache_open = 2;
    write_old("a", "1");
    write_old("b", "1");
    write_old("c", "1");
    let_settle();
    tc_file *in_use = get("/a");
    assert_int_equal(answer_of("/b"), TC_FILE_FOUND);
    assert_int_equal(answer_of("/c"), TC_FILE_FOUND);
    assert_int_equal(reached.cache_open, 1);
    assert_int_equal(cache.open, 2);
    assert_false(in_use->cached);
    char byte;
    assert_int_equal(pread(in_use->fd, &byte, 1, 0), 1); /* still good for whom it serves */
    tc_file_unref(in_use);
}

static void folders_share_the_limits(void **state)
{
    (void)state;
    enum { FOLDERS = 100 };
    static tc_folder folders[FOLDERS];
    limits.cache_files = 10;
    write_old("a", "1234");
    let_settle();
    tc_file *f;
    tc_file *first = get("/a");
    for (int i = 0; i < FOLDERS; i++) {
        tc_folder_init(&folders[i], &cache, &config);
        assert_int_equal(tc_file_get(&folders[i], TC_SPAN("/a"), now, &f), TC_FILE_FOUND);
        assert_ptr_not_equal(f, first);
        tc_file_unref(f);
        assert_true(cache.files <= 10);
    }
    assert_false(first->cached); /* it was in use, and is the oldest all the same */
    tc_file_unref(first);
    assert_int_equal(cache.files, 10);
    assert_int_equal(cache.bytes, 40);
    assert_int_equal(reached.cache_files, FOLDERS - 9);
    for (int i = 0; i < FOLDERS; i++)
        tc_folder_fini(&folders[i]);
    assert_int_equal(cache.files, 0);
}

static void what_is_too_large_to_keep_is_served(void **state)
{
    (void)state;
    limits.cache_bytes = 3;
    write_old("a", "1234");
    check_content("/a", "1234");
    assert_int_equal(cache.files, 0);
    assert_int_equal(cache.bytes, 0);
    limits.cache_bytes = 100;
    check_content("/a", "1234");
    assert_true(remembered("/a"));
}

static void a_promise_may_last_for_ever(void **state)
{
    (void)state;
    limits.cache_ms = UINT64_MAX;
    write_old("a", "1234");
    check_content("/a", "1234");
    later(INT64_C(1000) * 86400 * 365);
    assert_true(remembered("/a"));
}

/* --- trouble ------------------------------------------------------------------------------- */

static void *keep_changing(void *stop)
{
    static const char much[60000];
    for (int i = 0; !*(_Atomic bool *)stop; i++)
        folder_write(&root, "a", (tc_span){much, i % 2 ? sizeof much : 100});
    return NULL;
}

static void a_file_may_change_while_it_is_read(void **state)
{
    (void)state;
    _Atomic bool stop = false;
    pthread_t thread;
    folder_write(&root, "a", TC_SPAN("x"));
    assert_int_equal(pthread_create(&thread, NULL, keep_changing, &stop), 0);
    for (int i = 0; i < 500; i++) {
        later(1000);
        tc_file *f = get("/a");
        assert_int_equal(f->block.length, f->size);
        if (f->bytes)
            for (uint64_t at = 0; at < f->size; at++)
                assert_true(f->bytes[at] == 0 || f->bytes[at] == 'x');
        else
            assert_true(f->fd >= 0 && !f->cached);
        tc_file_unref(f);
    }
    stop = true;
    pthread_join(thread, NULL);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    limits.cache_file = 5;
    write_old("a", "12345");
    write_old("large", "123456");
    const int before = open_descriptors();
    bool failed = true;
    for (int64_t n = 0; failed; n++) {
        assert_in_range(n, 0, 100);
        const uint64_t count = tc_alloc_count();
        tc_alloc_fail_after(n);
        const enum tc_file_answer a = answer_of("/a"), b = answer_of("/large");
        tc_alloc_fail_after(-1);
        failed = (int64_t)(tc_alloc_count() - count) > n;
        assert_true(a == TC_FILE_FOUND || (failed && a == TC_FILE_BUSY));
        assert_true(b == TC_FILE_FOUND || (failed && b == TC_FILE_BUSY));
        check_content("/a", "12345");
        assert_int_equal(answer_of("/large"), TC_FILE_FOUND);
        tc_folder_fini(&served);
        assert_int_equal(open_descriptors(), before);
        tc_folder_init(&served, &cache, &config);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_once),
        TEST(a_change_is_seen_within_a_second),
        TEST(a_change_within_one_tick_of_the_clock_is_seen),
        TEST(a_deleted_file_is_gone_but_lasts_for_whom_it_serves),
        TEST(a_large_file_stays_open),
        TEST(a_larger_file_is_in_memory_when_asked_for_again),
        TEST(an_empty_file_is_a_file),
        TEST(names_with_a_dot_are_hidden),
        TEST(what_is_no_file_is_refused),
        TEST(what_became_a_folder_is_one),
        TEST(links_do_not_lead_outside),
        TEST(names_may_be_long_and_odd),
        TEST(sandboxes_may_lack_a_system_call),
        TEST(the_longest_unused_goes_first),
        TEST(a_look_is_use),
        TEST(descriptors_are_bounded),
        TEST(folders_share_the_limits),
        TEST(what_is_too_large_to_keep_is_served),
        TEST(a_promise_may_last_for_ever),
        TEST(a_file_may_change_while_it_is_read),
        TEST(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
