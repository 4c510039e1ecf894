/* remember.c - see remember.h. The file is written under another name first, by one process at a
 * time, so that there is always a whole one; what another process wrote since is kept. */
// SPDX-License-Identifier: MIT
#include "ask/remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/authority.h"

enum { LINE_BYTES = 2 * TC_ALTERNATIVE_HOST + 64, FILE_BYTES = 16 * 1024 * 1024 };

typedef struct places {
    tc_authority_files own;
    char file[PATH_MAX + 16], part[PATH_MAX + 16];
} places;

static bool find_places(places *p, const char *name)
{
    if (!tc_authority_names(&p->own)) return false;
    (void)snprintf(p->file, sizeof p->file, "%s/%s", p->own.folder, name);
    (void)snprintf(p->part, sizeof p->part, "%s/%s.part", p->own.folder, name);
    return true;
}

/* As much as can have been written, and no more. */
static void read_all(const places *p, uint64_t lines, size_t line_bytes, tc_buf *into)
{
    char *room;
    const size_t size =
        lines < FILE_BYTES / line_bytes ? (size_t)lines * line_bytes : (size_t)FILE_BYTES;
    tc_buf_init(into, FILE_BYTES);
    const int fd = open(p->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    const ssize_t n = size && tc_buf_reserve(into, size, &room) == TC_OK
                          ? TEMP_FAILURE_RETRY(read(fd, room, size))
                          : 0;
    if (n > 0) into->len += (size_t)n;
    close(fd);
}

static void write_all(const places *p, tc_span text)
{
    (void)unlink(p->part); /* of a process that died */
    const int fd = open(p->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return;
    const bool good = TEMP_FAILURE_RETRY(write(fd, text.at, text.len)) == (ssize_t)text.len &&
                      TEMP_FAILURE_RETRY(fsync(fd)) == 0;
    close(fd);
    if (!good || rename(p->part, p->file)) (void)unlink(p->part);
}

/* One process at a time; -1: it cannot be. */
static int lock_folder(const places *p)
{
    if (!tc_authority_folder(&p->own)) return -1;
    const int lock = open(p->own.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX) == 0) return lock;
    if (lock >= 0) close(lock);
    return -1;
}

/* --- where HTTP/3 can be had --------------------------------------------------------------- */

static void load(const places *p, tc_alternatives *a)
{
    tc_buf text;
    read_all(p, a->most, LINE_BYTES, &text);
    tc_alternatives_read(a, tc_buf_span(&text), tc_clock_wall());
    tc_buf_fini(&text);
}

void tc_remember_load(tc_alternatives *a)
{
    places p;
    if (find_places(&p, "alt-svc")) load(&p, a);
}

void tc_remember_store(tc_alternatives *a)
{
    places p;
    tc_alternatives all;
    uint64_t reached = 0;
    const int lock = a->changed && find_places(&p, "alt-svc") ? lock_folder(&p) : -1;
    if (lock < 0) return;
    if (tc_alternatives_init(&all, a->most, &reached) == TC_OK) {
        tc_buf text;
        tc_buf_init(&text, FILE_BYTES);
        load(&p, &all);
        tc_alternatives_merge(a, &all);
        if (tc_alternatives_write(&all, &text) == TC_OK) write_all(&p, tc_buf_span(&text));
        tc_buf_fini(&text);
        tc_alternatives_fini(&all);
    }
    close(lock);
    a->changed = false;
}

/* --- what it may come back with ------------------------------------------------------------ */

void tc_remember_load_tickets(tc_tickets *t)
{
    places p;
    tc_buf text;
    if (!find_places(&p, "sessions")) return;
    read_all(&p, t->most, TC_TICKET_LINE, &text);
    tc_tickets_read(t, tc_buf_span(&text), tc_clock_wall());
    tc_buf_fini(&text);
}

void tc_remember_store_tickets(tc_tickets *t)
{
    places p;
    tc_buf text, fresh;
    const int lock = t->changed && find_places(&p, "sessions") ? lock_folder(&p) : -1;
    if (lock < 0) return;
    tc_buf_init(&fresh, FILE_BYTES);
    read_all(&p, t->most, TC_TICKET_LINE, &text);
    if (tc_tickets_write(t, tc_buf_span(&text), tc_clock_wall(), &fresh) == TC_OK)
        write_all(&p, tc_buf_span(&fresh));
    tc_buf_fini(&text);
    tc_buf_fini(&fresh);
    close(lock);
    t->changed = false;
}
