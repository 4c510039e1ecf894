/* root.c - see root.h. */
// SPDX-License-Identifier: MIT
#include "files/root.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "files/hidden.h"

enum { OPEN_TRIES = 8 };

void tc_root_init(tc_root *r, int fd, const char *path)
{
    *r = (tc_root){.fd = fd, .path = path};
}

void tc_root_fini(tc_root *r)
{
    if (r->own) close(r->fd);
    *r = (tc_root){.fd = -1};
}

void tc_root_look(tc_root *r, int64_t now, uint64_t every_ms)
{
    if (!r->path || (uint64_t)(now - r->checked) / TC_MS < every_ms) return;
    struct stat old, new;
    r->checked = now;
    const int fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return; /* gone for now: what is open serves on */
    const bool was = fstat(r->fd, &old) == 0, lost = !was && errno == ESTALE;
    if (fstat(fd, &new) || (!was && !lost) ||
        (was && old.st_dev == new.st_dev &&old.st_ino == new.st_ino)) {
        close(fd); /* the same, or nobody can say */
        return;
    }
    if (r->own) close(r->fd);
    r->fd = fd;
    r->own = true;
}

static enum tc_file_answer answer_of(int error_number)
{
    switch (error_number) {
    case EACCES:
    case EPERM:
    case ENXIO: return TC_FILE_FORBIDDEN; /* ENXIO: a socket */
    case EMFILE:                          /* these say nothing of what is there */
    case ENFILE:
    case ENOMEM:
    case EIO:
    case EINTR:
    case EAGAIN:
    case ESTALE:
    case ETIMEDOUT: return TC_FILE_BUSY;
    default: return TC_FILE_MISSING; /* EXDEV too: it leads outside */
    }
}

/* Where the kernel or a sandbox lacks openat2 (some say so by EPERM): one name after the other, and
 * no symbolic links. */
static int open_stepwise(int root, const char *path, int flags)
{
    char name[NAME_MAX + 1];
    int at = root;
    for (;;) {
        const char *slash = strchr(path, '/');
        const size_t len = slash ? (size_t)(slash - path) : strlen(path);
        int next = -1;
        errno = ENAMETOOLONG;
        if (len < sizeof name) {
            memcpy(name, path, len);
            name[len] = '\0';
            const int how = (slash ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags) | O_NOFOLLOW;
            next = (int)TEMP_FAILURE_RETRY(openat(at, name, how));
        }
        const int error = errno;
        if (at != root) close(at);
        errno = error;
        if (next < 0 || !slash) return next;
        at = next;
        path = slash + 1;
    }
}

int tc_root_open_at(int root, const char *path, int flags)
{
    const struct open_how how = {.flags = (unsigned)flags,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    const char *name = *path ? path : ".";
    for (int i = 0; i < OPEN_TRIES; i++) { /* EAGAIN: something was renamed meanwhile */
        const long fd = syscall(SYS_openat2, root, name, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno == ENOSYS || errno == EPERM) return open_stepwise(root, name, flags);
        if (errno != EAGAIN && errno != EINTR) break;
    }
    return -1;
}

enum tc_file_answer tc_root_open(const tc_root *r, tc_span path, int *ret_fd)
{
    char name[TC_PATH_BYTES];
    if (tc_path_hidden(path, r->dotfiles) || path.len >= sizeof name ||
        memchr(path.at, '\0', path.len))
        return TC_FILE_MISSING;
    assert(path.at[0] == '/');
    memcpy(name, path.at + 1, path.len - 1);
    name[path.len - 1] = '\0';
    const int fd = tc_root_open_at(r->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return answer_of(errno);
    *ret_fd = fd;
    return TC_FILE_FOUND;
}
