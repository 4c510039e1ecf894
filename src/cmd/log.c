/* log.c - see log.h. */
// SPDX-License-Identifier: MIT
#include "cmd/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BUFFER_BYTES = 262144 };

typedef struct log_state {
    tc_watch watch; /* first */
    tc_task flush;
    tc_log *log;
    tc_loop *loop;
    tc_buf lines;
    int64_t wall, wall_until; /* seconds, read at most ten times a second */
} log_state;

tc_err tc_log_open(tc_log *log, const char *where, enum tc_log_format format, bool color)
{
    *log = (tc_log){.fd = -1, .format = format, .color = color};
    const tc_span name = tc_span_str(where);
    if (tc_span_eq(name, TC_SPAN("off"))) return TC_OK;
    log->fd = tc_span_eq(name, TC_SPAN("-"))
                  ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                  : open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (log->fd < 0) return tc_err_from_errno(errno);
    struct stat st;
    log->is_file = fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode);
    return TC_OK;
}

void tc_log_close(tc_log *log)
{
    if (log->fd >= 0) close(log->fd);
    log->fd = -1;
}

static bool writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && p.revents & POLLOUT;
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

/* Writes what it can without waiting. */
static void write_some(log_state *s, bool last)
{
    while (s->lines.len && (last || writable(s->log->fd))) {
        const ssize_t n = write(s->log->fd, s->lines.at, portion(s));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (errno != EAGAIN) { /* a full disk or a closed pipe does not stop the serving */
                s->log->dropped++;
                tc_buf_reset(&s->lines);
            }
            return;
        }
        tc_buf_drop(&s->lines, (size_t)n);
    }
}

static void flush(tc_task *task)
{
    write_some((log_state *)((char *)task - offsetof(log_state, flush)), false);
}

static void see(tc_watch *watch, const tc_seen *what)
{
    log_state *s = (log_state *)watch;
    if (what->at >= s->wall_until) {
        s->wall = tc_clock_wall();
        s->wall_until = what->at + TC_S / 10;
    }
    if (tc_log_line(&s->lines, s->log->format, s->log->color, what, s->wall) != TC_OK)
        s->log->dropped++;
    tc_loop_after(s->loop, &s->flush);
}

tc_watch *tc_log_watch(void *self, tc_worker *w, void **ret_state)
{
    log_state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->watch = (tc_watch){.mask = 1u << TC_SEEN_CLOSED, .see = see};
    s->flush.run = flush;
    s->log = self;
    s->loop = tc_worker_loop(w);
    tc_buf_init(&s->lines, BUFFER_BYTES);
    *ret_state = s;
    return &s->watch;
}

void tc_log_unwatch(void *self, void *state)
{
    log_state *s = state;
    (void)self;
    write_some(s, true);
    tc_buf_fini(&s->lines);
    tc_free(s);
}
