/* remember.c - see remember.h. The file is written under another name first, by one process at a
 * time, so that there is always a whole one; what another process wrote since is kept. */
// SPDX-License-Identifier: MIT
#include "cmd/remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/authority.h"

enum { LINE_BYTES = 2 * TC_ALTERNATIVE_HOST + 64, FILE_BYTES = 16 * 1024 * 1024 };

typedef struct places {
    tc_authority_files own;
    char file[PATH_MAX + 16], part[PATH_MAX + 16];
} places;

static bool find_places(places *p)
{
    if (!tc_authority_names(&p->own)) return false;
    (void)snprintf(p->file, sizeof p->file, "%s/alt-svc", p->own.folder);
    (void)snprintf(p->part, sizeof p->part, "%s/alt-svc.part", p->own.folder);
    return true;
}

/* As much as can have been written, and no more. */
static void read_all(int fd, uint64_t most, tc_buf *into)
{
    char *room;
    const size_t size = most < FILE_BYTES / LINE_BYTES ? (size_t)most * LINE_BYTES : FILE_BYTES;
    if (!size || tc_buf_reserve(into, size, &room) != TC_OK) return;
    const ssize_t n = read(fd, room, size);
    if (n > 0) into->len += (size_t)n;
}

void tc_remember_load(tc_alternatives *a)
{
    places p;
    tc_buf text;
    const int fd = find_places(&p) ? open(p.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) return;
    tc_buf_init(&text, FILE_BYTES);
    read_all(fd, a->most, &text);
    tc_alternatives_read(a, tc_buf_span(&text), tc_clock_wall());
    tc_buf_fini(&text);
    close(fd);
}

static void write_all(const places *p, const tc_alternatives *a)
{
    tc_buf text;
    tc_buf_init(&text, FILE_BYTES);
    (void)unlink(p->part); /* of a process that died */
    const int fd = open(p->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        const bool good = tc_alternatives_write(a, &text) == TC_OK &&
                          write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
        close(fd);
        if (!good || rename(p->part, p->file)) (void)unlink(p->part);
    }
    tc_buf_fini(&text);
}

void tc_remember_store(tc_alternatives *a)
{
    places p;
    tc_alternatives all;
    uint64_t reached = 0;
    if (!a->changed || !find_places(&p) || !tc_authority_folder(&p.own)) return;
    const int lock = open(p.own.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) return;
    if (flock(lock, LOCK_EX) == 0 && tc_alternatives_init(&all, a->most, &reached) == TC_OK) {
        tc_remember_load(&all);
        tc_alternatives_merge(a, &all);
        write_all(&p, &all);
        tc_alternatives_fini(&all);
    }
    close(lock);
    a->changed = false;
}
