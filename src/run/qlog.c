/* qlog.c - see qlog.h. */
// SPDX-License-Identifier: MIT
#include "run/qlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SAME_NAME = 99 };

int tc_qlog_folder_open(tc_qlog_folder *f, const char *name)
{
    *f = (tc_qlog_folder){.name = name, .fd = -1};
    if (!name) return 0;
    f->fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->fd >= 0 && faccessat(f->fd, ".", W_OK | X_OK, AT_EACCESS) == 0) return 0;
    char why[96];
    fprintf(stderr, "tercet: --qlog %s: %s\n        a folder is wanted that can be written to\n",
            name, strerror_r(errno, why, sizeof why));
    tc_qlog_folder_close(f);
    return tc_err_exit(TC_ERR_WRITE_FILE);
}

void tc_qlog_folder_close(tc_qlog_folder *f)
{
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
}

static void tell(tc_qlog_folder *f)
{
    char why[96];
    const int error = errno;
    if (atomic_exchange(&f->told, true)) return;
    fprintf(stderr, "tercet: --qlog %s: %s; what is missing there is not said again\n", f->name,
            strerror_r(error, why, sizeof why));
}

/* --- one trace ----------------------------------------------------------------------------- */

static int fd_of(const void *file)
{
    return (int)((intptr_t)file - 1);
}

static int make(const tc_qlog_folder *f, const char *name)
{
    return openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* "name-2.sqlog" and so on, where the name is taken. */
static void *open_trace(tc_qlog *q, const char *name)
{
    tc_qlog_folder *f = ((tc_qlog_files *)q)->folder;
    char other[TC_QLOG_NAME + 8];
    const tc_span end = TC_SPAN(".sqlog");
    const int whole = (int)(strlen(name) - end.len);
    int fd = make(f, name);
    for (int i = 2; fd < 0 && errno == EEXIST && i <= SAME_NAME; i++) {
        (void)snprintf(other, sizeof other, "%.*s-%d%s", whole, name, i, end.at);
        fd = make(f, other);
    }
    if (fd < 0) tell(f);
    return fd < 0 ? NULL : (void *)((intptr_t)fd + 1);
}

static tc_err write_trace(tc_qlog *q, void *file, tc_span bytes)
{
    while (bytes.len) {
        const ssize_t n = write(fd_of(file), bytes.at, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            tell(((tc_qlog_files *)q)->folder);
            return TC_ERR_WRITE_FILE;
        }
        bytes = tc_span_from(bytes, (size_t)n);
    }
    return TC_OK;
}

static void close_trace(tc_qlog *q, void *file)
{
    if (close(fd_of(file))) tell(((tc_qlog_files *)q)->folder);
}

void tc_qlog_files_init(tc_qlog_files *files, tc_qlog_folder *folder, const tc_limits *limits,
                        tc_reached *reached)
{
    *files = (tc_qlog_files){.q = {.limits = limits,
                                   .reached = reached,
                                   .open = open_trace,
                                   .write = write_trace,
                                   .close = close_trace},
                             .folder = folder};
    tc_qlog_init(&files->q);
}

void tc_qlog_files_fini(tc_qlog_files *files)
{
    if (files->folder) tc_qlog_fini(&files->q);
    files->folder = NULL;
}

/* --- at a server --------------------------------------------------------------------------- */

typedef struct looking {
    tc_qlog_files files;
    void *log;
} looking;

tc_watch *tc_lookers_watch(void *self, tc_worker *w, void **ret_state)
{
    const tc_lookers *who = self;
    looking *l = tc_alloc_zero(sizeof *l);
    if (!l) return NULL;
    tc_watch *log = who->log->fd >= 0 ? tc_log_watch(who->log, w, &l->log) : NULL;
    if (who->log->fd >= 0 && !log) {
        tc_free(l);
        return NULL;
    }
    *ret_state = l;
    if (!who->qlog->name) return log;
    tc_qlog_files_init(&l->files, who->qlog, tc_worker_limits(w), tc_worker_reached(w));
    if (log) tc_worker_watch(w, log);
    return &l->files.q.watch;
}

void tc_lookers_unwatch(void *self, void *state)
{
    const tc_lookers *who = self;
    looking *l = state;
    if (l->log) tc_log_unwatch(who->log, l->log);
    tc_qlog_files_fini(&l->files);
    tc_free(l);
}
