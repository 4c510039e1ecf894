/* folder.c - see folder.h. */
// SPDX-License-Identifier: MIT
#include "support/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

void folder_make(folder *f)
{
    const char *tmp = getenv("TMPDIR");
    assert_in_range(snprintf(f->path, sizeof f->path, "%s/tercet-XXXXXX", tmp ? tmp : "/tmp"), 1,
                    sizeof f->path - 1);
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->fd >= 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void folder_remove(folder *f)
{
    assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    close(f->fd);
}

static void make_folders(const folder *f, const char *name)
{
    char path[256];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        assert_in_range(snprintf(path, sizeof path, "%.*s", (int)(slash - name), name), 1, 255);
        assert_true(mkdirat(f->fd, path, 0755) == 0 || errno == EEXIST);
    }
}

void folder_write(const folder *f, const char *name, tc_span content)
{
    make_folders(f, name);
    const int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    while (content.len) {
        const ssize_t n = write(fd, content.at, content.len);
        assert_true(n > 0);
        (void)tc_span_take(&content, (size_t)n);
    }
    close(fd);
}

void folder_replace(const folder *f, const char *name, tc_span content)
{
    folder_write(f, "folder.new", content);
    assert_int_equal(renameat(f->fd, "folder.new", f->fd, name), 0);
}

void folder_link(const folder *f, const char *name, const char *target)
{
    make_folders(f, name);
    assert_int_equal(symlinkat(target, f->fd, name), 0);
}

void folder_age(const folder *f, const char *name, int seconds)
{
    const struct timespec then = {.tv_sec = time(NULL) - seconds};
    assert_int_equal(utimensat(f->fd, name, (struct timespec[]){then, then}, 0), 0);
}
