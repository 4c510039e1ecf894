/* log.c - see log.h. */
// SPDX-License-Identifier: MIT
#include "run/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    BUFFER_BYTES = 524288,
    MUCH_BYTES = 262144, /* written at once; to a file system that is a third cheaper than 65536 */
    GATHER_MS = 50,      /* otherwise lines of a file wait so long since the last were written */
    AGAIN_MS = 100,
    LAST_MS = 1000 /* all workers together wait so long for a reader at the end */
};

typedef struct log_state {
    tc_watch watch; /* first */
    tc_task flush;
    tc_alarm again; /* another try where the reader is slow, or when a file is written */
    tc_log *log;
    tc_loop *loop;
    tc_buf lines;
    int64_t next;        /* a file: before that lines wait for more */
    int64_t dated_until; /* the clock is read at most ten times a second */
    tc_log_date date;
} log_state;

/* A pipe or a terminal as a descriptor of our own that never waits; the one we were given may be
 * shared with other programs, which would not expect that of it. */
static int reopen(int fd)
{
    char name[32];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const int own = open(name, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) return fd; /* write_some asks before it writes, which is nearly as good */
    close(fd);
    return own;
}

/* As given, links and all: it is opened by this name again. */
static void note_path(tc_log *log, const char *where)
{
    char here[PATH_MAX];
    int n;
    if (where[0] == '/')
        n = snprintf(log->path, sizeof log->path, "%s", where);
    else
        n = getcwd(here, sizeof here) ? snprintf(log->path, sizeof log->path, "%s/%s", here, where)
                                      : -1;
    if (n < 0 || (size_t)n >= sizeof log->path) log->path[0] = 0;
}

tc_err tc_log_open(tc_log *log, const char *where, enum tc_log_format format, bool color)
{
    struct stat st;
    *log = (tc_log){.fd = -1, .format = format, .color = color};
    const tc_span name = tc_span_str(where);
    if (tc_span_eq(name, TC_SPAN("off"))) return TC_OK;
    log->fd =
        tc_span_eq(name, TC_SPAN("-"))
            ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
            : (int)TEMP_FAILURE_RETRY(open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (log->fd < 0) return tc_err_from_errno(errno);
    if (fstat(log->fd, &st)) {
        const tc_err err = tc_err_from_errno(errno);
        tc_log_close(log);
        return err;
    }
    log->is_file = S_ISREG(st.st_mode);
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) log->fd = reopen(log->fd);
    if (log->is_file && !tc_span_eq(name, TC_SPAN("-"))) note_path(log, where);
    return TC_OK;
}

void tc_log_replace(tc_log *log, int fd)
{
    if (log->fd >= 0) (void)dup3(fd, log->fd, O_CLOEXEC); /* workers may be writing */
    log->cut = false;
    close(fd);
}

void tc_log_reopen(tc_log *log)
{
    if (!log->path[0]) return;
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    const int fd = (int)TEMP_FAILURE_RETRY(open(log->path, flags, 0644));
    if (fd >= 0)
        tc_log_replace(log, fd);
    else
        fprintf(stderr, "tercet: %s: %s; the old file is written on\n", log->path, strerror(errno));
}

void tc_log_close(tc_log *log)
{
    if (log->fd >= 0) close(log->fd);
    log->fd = -1;
}

static bool writable(const tc_log *log, int wait_ms)
{
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    return log->is_file || (poll(&p, 1, wait_ms) == 1 && p.revents & (POLLOUT | POLLERR));
}

/* How much to write at once, so that no other worker's line comes between: all of it into a file;
 * into a pipe whole lines that it takes as one. */
static size_t portion(const log_state *s)
{
    if (s->log->is_file || s->lines.len <= PIPE_BUF) return s->lines.len;
    const char *end = memrchr(s->lines.at, '\n', PIPE_BUF);
    if (!end) end = memchr(s->lines.at, '\n', s->lines.len);
    return end ? (size_t)(end - s->lines.at) + 1 : s->lines.len;
}

static void drop_all(log_state *s)
{
    for (size_t i = 0; i < s->lines.len; i++)
        s->log->dropped += s->lines.at[i] == '\n';
    tc_buf_reset(&s->lines);
}

/* A full disk or a closed pipe does not stop the serving, and is said once. */
static void fail(log_state *s, int why)
{
    if (!atomic_exchange(&s->log->fails, true))
        fprintf(stderr, "tercet: access log: %s; its lines are dropped until it can be written\n",
                strerror(why));
    drop_all(s);
}

static void wrote(log_state *s, size_t n)
{
    if (s->log->is_file) s->log->cut = s->lines.at[n - 1] != '\n';
    tc_buf_drop(&s->lines, n);
    if (s->log->fails && !s->lines.len && atomic_exchange(&s->log->fails, false))
        fprintf(stderr, "tercet: access log: it is written again; %llu lines were dropped\n",
                (unsigned long long)s->log->dropped);
}

/* Writes what can be written without waiting longer than that for the reader. */
static void write_some(log_state *s, int wait_ms)
{
    while (s->lines.len && writable(s->log, wait_ms)) {
        if (s->log->cut && s->log->is_file && write(s->log->fd, "\n", 1) == 1) s->log->cut = false;
        const ssize_t n = write(s->log->fd, s->lines.at, portion(s));
        if (n > 0)
            wrote(s, (size_t)n);
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            fail(s, errno);
    }
}

static void flush_or_wait(log_state *s)
{
    write_some(s, 0);
    s->next = tc_loop_now(s->loop) + GATHER_MS * TC_MS;
    if (!s->lines.len) return;
    const tc_err err = tc_loop_set(s->loop, &s->again, tc_loop_now(s->loop) + AGAIN_MS * TC_MS);
    (void)err; /* without memory for the alarm: with the next line */
}

static void flush(tc_task *task)
{
    flush_or_wait((log_state *)((char *)task - offsetof(log_state, flush)));
}

static void flush_again(tc_alarm *alarm)
{
    flush_or_wait((log_state *)((char *)alarm - offsetof(log_state, again)));
}

/* A file is written a few times a second where there is much to write, and at once otherwise. */
static bool gathers(log_state *s, bool first)
{
    if (!s->log->is_file || s->lines.len >= MUCH_BYTES || tc_loop_now(s->loop) >= s->next)
        return false;
    return !first || tc_loop_set(s->loop, &s->again, s->next) == TC_OK;
}

static void see(tc_watch *watch, const tc_seen *what)
{
    log_state *s = (log_state *)watch;
    if (!tc_log_wants(s->log->format, what)) return;
    if (what->at >= s->dated_until) {
        tc_log_date_set(&s->date, s->log->format, tc_clock_wall());
        s->dated_until = what->at + TC_S / 10;
    }
    const bool first = s->lines.len == 0;
    if (tc_log_line(&s->lines, s->log->format, s->log->color, what, &s->date) != TC_OK)
        s->log->dropped++;
    if (!gathers(s, first)) tc_loop_after(s->loop, &s->flush);
}

tc_watch *tc_log_watch(void *self, tc_worker *w, void **ret_state)
{
    log_state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->watch = (tc_watch){.mask = 1u << TC_SEEN_CLOSED | 1u << TC_SEEN_PROTECTED, .see = see};
    s->watch.rough = ((tc_log *)self)->format != TC_LOG_JSON;
    s->flush.run = flush;
    s->again.ring = flush_again;
    s->log = self;
    s->loop = tc_worker_loop(w);
    tc_buf_init(&s->lines, BUFFER_BYTES);
    *ret_state = s;
    return &s->watch;
}

void tc_log_unwatch(void *self, void *state)
{
    tc_log *log = self;
    log_state *s = state;
    const int64_t now = tc_clock_now();
    if (!log->last_look) log->last_look = now + LAST_MS * TC_MS;
    for (int64_t left = LAST_MS; s->lines.len && left > 0;
         left = (log->last_look - tc_clock_now()) / TC_MS)
        write_some(s, (int)left);
    drop_all(s);
    tc_loop_clear(s->loop, &s->again);
    tc_buf_fini(&s->lines);
    tc_free(s);
}
