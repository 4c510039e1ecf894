/* upload_sweep.c - what uploads left behind when a server was killed (upload_place.h). */
// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/hidden.h"
#include "files/upload_place.h"

enum { DEPTH = 64 };

typedef struct sweep {
    uint64_t bytes, swept;
    bool whole;
} sweep;

/* Whoever writes it holds its lock. */
static void remove_left_behind(sweep *s, int folder, const char *name)
{
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, name, 0) == 0) s->swept++;
    close(fd);
}

static void walk(sweep *s, int folder, unsigned depth);

static void look_at(sweep *s, int folder, const char *name, unsigned depth)
{
    struct stat st;
    if (tc_span_eq(tc_span_str(name), TC_SPAN(".")) || tc_span_eq(tc_span_str(name), TC_SPAN("..")))
        return;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) return; /* gone meanwhile */
    if (S_ISDIR(st.st_mode)) {
        const int fd =
            depth ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (fd < 0)
            s->whole = false;
        else
            walk(s, fd, depth - 1);
    } else if (S_ISREG(st.st_mode)) {
        if (tc_span_starts(tc_span_str(name), TC_SPAN(TC_UPLOAD_PREFIX)))
            remove_left_behind(s, folder, name);
        else
            s->bytes += (uint64_t)st.st_size;
    }
}

/* Takes folder over. */
static void walk(sweep *s, int folder, unsigned depth)
{
    DIR *d = fdopendir(folder);
    if (!d) {
        s->whole = false;
        close(folder);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));)
        look_at(s, folder, e->d_name, depth);
    closedir(d);
}

bool tc_place_sweep(int root, uint64_t *ret_bytes, uint64_t *ret_swept)
{
    sweep s = {.whole = true};
    const int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    walk(&s, fd, DEPTH);
    *ret_bytes = s.bytes;
    *ret_swept = s.swept;
    return s.whole;
}
