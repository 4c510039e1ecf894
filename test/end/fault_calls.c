/* fault_calls.c - preloaded into the program by test_faults.py: from the Nth call of a name on,
 * some calls of it fail with an errno. What is to fail stands in a file that the test writes and
 * that is mapped here: "name errno first count\n"; the number of calls so far stands behind it.
 * glibc only. */
// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct plan {
    char name[32];
    _Atomic int64_t number, first,
        count; /* errno; the first call that fails, from 1; how many do */
    _Atomic int64_t calls, failed;
};
static struct plan nothing, *plan = &nothing;

__attribute__((constructor)) static void open_plan(void)
{
    const char *name = getenv("FAULT_CALLS");
    const int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) plan = at;
    close(fd);
}

static int fails(const char *name)
{
    if (strncmp(plan->name, name, sizeof plan->name) != 0) return 0;
    const int64_t n = ++plan->calls;
    if (n < plan->first || n >= plan->first + plan->count) return 0;
    plan->failed++;
    errno = (int)plan->number;
    return 1;
}

#define CALL(type, name, declared, passed)                                                         \
    type name declared                                                                             \
    {                                                                                              \
        static type(*next) declared;                                                               \
        if (!next) *(void **)&next = dlsym(RTLD_NEXT, #name);                                      \
        if (fails(#name)) return -1;                                                               \
        return next passed;                                                                        \
    }

CALL(ssize_t, pread, (int fd, void *at, size_t n, off_t off), (fd, at, n, off))
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
CALL(ssize_t, send, (int fd, const void *at, size_t n, int flags), (fd, at, n, flags))
CALL(ssize_t, recv, (int fd, void *at, size_t n, int flags), (fd, at, n, flags))
CALL(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
CALL(int, fsync, (int fd), (fd))
CALL(int, flock, (int fd, int how), (fd, how))
CALL(int, fstat, (int fd, struct stat *st), (fd, st))
CALL(int, fstatat, (int fd, const char *name, struct stat *st, int flags), (fd, name, st, flags))
CALL(int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode))
CALL(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags))
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
CALL(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
CALL(ssize_t, sendfile, (int out, int in, off_t *off, size_t n), (out, in, off, n))

/* Of files alone: what wakes a thread (eventfd(2)) does not fail as a disk does. */
ssize_t write(int fd, const void *at, size_t n)
{
    struct stat st;
    const int is_file = syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode);
    return is_file && fails("write") ? -1 : syscall(SYS_write, fd, at, n);
}

int openat(int fd, const char *name, int flags, ...)
{
    static int (*next)(int, const char *, int, ...);
    va_list more;
    va_start(more, flags);
    const mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "openat");
    return fails("openat") ? -1 : next(fd, name, flags, mode);
}

int fcntl(int fd, int command, ...)
{
    static int (*next)(int, int, ...);
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "fcntl");
    return fails("fcntl") ? -1 : next(fd, command, argument);
}

/* openat2 has no name in the library. */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list more;
    va_start(more, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(more, long);
    va_end(more);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_openat2 && fails("openat2")) return -1;
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
