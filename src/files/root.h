/* root.h - a folder beneath which names are opened, and nothing outside of it ever: the kernel
 * resolves beneath it (openat2(2)). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

typedef struct tc_root {
    int fd;   /* a directory */
    bool own; /* fd is this root's to close */
    /* absolute, and looked up again now and then: a folder or link that was put in its place is
     * served from then on. NULL: the root stays what it is. Outlives this. */
    const char *path;
    int64_t checked; /* monotonic ns of the last look at path */
    bool dotfiles;
} tc_root;

enum tc_file_answer {
    TC_FILE_FOUND,
    TC_FILE_MISSING,   /* 404: also what may not be seen */
    TC_FILE_FORBIDDEN, /* 403: no permission, or no regular file */
    TC_FILE_DIRECTORY, /* exists, and is one */
    TC_FILE_BUSY,      /* 503: no memory, no descriptors, a disk that fails */
};

enum { TC_PATH_BYTES = 4096 };

/* fd is borrowed, so that many roots of all workers may stand on one; path may be NULL. */
void tc_root_init(tc_root *r, int fd, const char *path);
void tc_root_fini(tc_root *r);

/* Looks at the path again if the last look is every_ms ago. now: monotonic ns. */
void tc_root_look(tc_root *r, int64_t now, uint64_t every_ms);
/* What stands at a normalised path that begins with "/", opened to be read without waiting; FOUND
 * may also be a folder or a device. The descriptor is the caller's. */
enum tc_file_answer tc_root_open(const tc_root *r, tc_span path, int *ret_fd);
/* openat(2) for all who open beneath a root: path has no "/" in front, "" is the root itself. -1:
 * see errno; EXDEV: it leads outside. */
int tc_root_open_at(int root, const char *path, int flags);
