/* log.c - where the access log goes: readers that are slow, stuck or gone, and full disks never
 * hold a worker up, and lines stay whole. */
// SPDX-License-Identifier: MIT
#include "run/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/inside.h"
#include "support/check.h"
#include "support/folder.h"

enum { LINES = 20000 };

/* A worker that does nothing but log. */
typedef struct writer {
    tc_worker worker;
    tc_watch *watch;
    void *state;
    tc_exchange *x;
    tc_log *log;
} writer;

static void writer_init(writer *w, tc_log *log)
{
    *w = (writer){.log = log};
    assert_int_equal(tc_loop_new(&w->worker.loop), TC_OK);
    w->watch = tc_log_watch(log, &w->worker, &w->state);
    assert_non_null(w->watch);
    w->x = calloc(1, sizeof *w->x);
    assert_non_null(w->x);
    tc_exchange_init(w->x, 1, 0);
    w->x->theirs.path = TC_SPAN("/a/path/of/some/length/that/makes/a/line/longer");
    w->x->theirs.method_name = TC_SPAN("GET");
}

static void writer_fini(writer *w)
{
    tc_log_unwatch(w->log, w->state);
    tc_loop_free(w->worker.loop);
    tc_exchange_fini(w->x);
    free(w->x);
}

static void turn(writer *w)
{
    assert_int_equal(tc_loop_turn(w->worker.loop, 0), TC_OK);
}

static void say(writer *w, int lines)
{
    tc_session_info session = {.id = 1};
    assert_true(tc_ip_parse(TC_SPAN("192.0.2.1"), &session.peer));
    for (int i = 0; i < lines; i++) {
        w->watch->see(w->watch, &(tc_seen){.kind = TC_SEEN_CLOSED, .session = &session, .x = w->x});
        if (i % 10 == 9) turn(w);
    }
    turn(w);
}

static tc_log log_on_pipe(int *ret_reader)
{
    tc_log log;
    int fds[2];
    char name[32];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_in_range(snprintf(name, sizeof name, "/proc/self/fd/%d", fds[1]), 1, 31);
    const int saved = dup(STDOUT_FILENO);
    assert_true(dup2(fds[1], STDOUT_FILENO) >= 0); /* as a shell hands it to us */
    const tc_err err = tc_log_open(&log, "-", TC_LOG_COMBINED, false);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fds[1]);
    assert_int_equal(err, TC_OK);
    *ret_reader = fds[0];
    return log;
}

/* Reads what is there: how many lines, all of which must be the same. */
static int hear(int reader, char *text, size_t size)
{
    size_t have = 0;
    int lines = 0;
    (void)fcntl(reader, F_SETFL, O_NONBLOCK);
    for (ssize_t n; have < size && (n = read(reader, text + have, size - have)) > 0;)
        have += (size_t)n;
    for (size_t at = 0; at < have; lines++) {
        const char *end = memchr(text + at, '\n', have - at);
        assert_non_null(end);
        assert_true(!strncmp(text + at, "192.0.2.1 - - [", 15) &&
                    !strncmp(end - 7, "\"-\" \"-\"", 7));
        at = (size_t)(end - text) + 1;
    }
    return lines;
}

static int64_t ms_since(int64_t then)
{
    return (tc_clock_now() - then) / TC_MS;
}

static char heard[8 << 20];

static void a_stuck_reader_holds_nobody_up(void **state)
{
    (void)state;
    int reader;
    writer w;
    tc_log log = log_on_pipe(&reader);
    writer_init(&w, &log);
    say(&w, LINES); /* more than the pipe and the buffer hold */
    assert_in_range(log.dropped, 1, LINES);
    int lines = hear(reader, heard, sizeof heard);
    assert_in_range(lines, 1, LINES);
    for (int64_t since = tc_clock_now();
         lines + (int)log.dropped < LINES && ms_since(since) < 120000;) {
        /* nobody asks for anything any more: what waited comes all the same */
        assert_int_equal(tc_loop_turn(w.worker.loop, tc_clock_now() + 20 * TC_MS), TC_OK);
        lines += hear(reader, heard, sizeof heard);
    }
    assert_int_equal(lines + (int)log.dropped, LINES);
    writer_fini(&w);
    tc_log_close(&log);
    close(reader);
}

static void the_end_waits_a_moment_at_most(void **state)
{
    (void)state;
    int reader;
    writer a, b;
    tc_log log = log_on_pipe(&reader);
    writer_init(&a, &log);
    writer_init(&b, &log);
    say(&a, LINES);
    say(&b, LINES);
    const int64_t since = tc_clock_now();
    writer_fini(&a);
    writer_fini(&b);
    assert_in_range(ms_since(since), 0, 60000); /* there is nobody to read it */
    const int lines = hear(reader, heard, sizeof heard);
    assert_int_equal(lines + (int)log.dropped, 2 * LINES);
    tc_log_close(&log);
    close(reader);
}

static void *say_all(void *argument)
{
    writer *w = argument;
    say(w, LINES);
    return NULL;
}

static void workers_do_not_cut_into_each_others_lines(void **state)
{
    (void)state;
    int reader, lines = 0;
    writer w[2];
    pthread_t threads[2];
    tc_log log = log_on_pipe(&reader);
    for (int i = 0; i < 2; i++) {
        writer_init(&w[i], &log);
        assert_int_equal(pthread_create(&threads[i], NULL, say_all, &w[i]), 0);
    }
    for (int i = 0; i < 200; i++) { /* a slow one; whole lines by whole lines */
        lines += hear(reader, heard, sizeof heard);
        usleep(500);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    lines += hear(reader, heard, sizeof heard);
    writer_fini(&w[0]);
    lines += hear(reader, heard, sizeof heard);
    writer_fini(&w[1]);
    lines += hear(reader, heard, sizeof heard);
    assert_int_equal(lines + (int)log.dropped, 2 * LINES);
    tc_log_close(&log);
    close(reader);
}

static void a_reader_that_left_is_no_loss_but_the_lines(void **state)
{
    (void)state;
    int reader;
    writer w;
    tc_log log = log_on_pipe(&reader);
    writer_init(&w, &log);
    close(reader);
    say(&w, 1000);
    writer_fini(&w);
    assert_int_equal(log.dropped, 1000);
    tc_log_close(&log);
}

static void a_full_disk_is_counted(void **state)
{
    (void)state;
    writer w;
    tc_log log;
    assert_int_equal(tc_log_open(&log, "/dev/full", TC_LOG_COMBINED, false), TC_OK);
    writer_init(&w, &log);
    say(&w, 1000);
    writer_fini(&w);
    assert_int_equal(log.dropped, 1000);
    tc_log_close(&log);
}

static void a_file_is_appended_to(void **state)
{
    (void)state;
    folder f;
    char name[128];
    folder_make(&f);
    assert_in_range(snprintf(name, sizeof name, "%s/access.log", f.path), 1, 127);
    for (int i = 0; i < 2; i++) {
        writer w;
        tc_log log;
        assert_int_equal(tc_log_open(&log, name, TC_LOG_COMBINED, false), TC_OK);
        writer_init(&w, &log);
        say(&w, LINES);
        writer_fini(&w);
        assert_int_equal(log.dropped, 0);
        tc_log_close(&log);
    }
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_int_equal(hear(fd, heard, sizeof heard), 2 * LINES);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777 & ~0022u, 0644);
    close(fd);
    folder_remove(&f);
}

/* The first line at once, whatever comes right behind it a little later, though nobody asks. */
static void lines_of_a_file_are_gathered(void **state)
{
    (void)state;
    folder f;
    char name[128];
    writer w;
    tc_log log;
    struct stat st = {0};
    folder_make(&f);
    assert_in_range(snprintf(name, sizeof name, "%s/access.log", f.path), 1, 127);
    assert_int_equal(tc_log_open(&log, name, TC_LOG_COMBINED, false), TC_OK);
    writer_init(&w, &log);
    say(&w, 1);
    assert_int_equal(stat(name, &st), 0);
    const off_t one = st.st_size;
    assert_true(one > 0);
    say(&w, 100);
    for (const int64_t since = tc_clock_now();
         st.st_size < 101 * one && ms_since(since) < 120000;) {
        assert_int_equal(tc_loop_turn(w.worker.loop, tc_clock_now() + 20 * TC_MS), TC_OK);
        assert_int_equal(stat(name, &st), 0);
    }
    assert_int_equal(st.st_size, 101 * one);
    writer_fini(&w);
    tc_log_close(&log);
    folder_remove(&f);
}

static void off_is_off(void **state)
{
    (void)state;
    tc_log log;
    assert_int_equal(tc_log_open(&log, "off", TC_LOG_TEXT, false), TC_OK);
    assert_int_equal(log.fd, -1);
    tc_log_close(&log);
    assert_int_equal(tc_log_open(&log, "/none/of/this", TC_LOG_TEXT, false), TC_ERR_SYSTEM);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stuck_reader_holds_nobody_up),
        cmocka_unit_test(the_end_waits_a_moment_at_most),
        cmocka_unit_test(workers_do_not_cut_into_each_others_lines),
        cmocka_unit_test(a_reader_that_left_is_no_loss_but_the_lines),
        cmocka_unit_test(a_full_disk_is_counted),
        cmocka_unit_test(a_file_is_appended_to),
        cmocka_unit_test(lines_of_a_file_are_gathered),
        cmocka_unit_test(off_is_off),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
