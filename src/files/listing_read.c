/* listing_read.c - see listing_read.h. */
// SPDX-License-Identifier: MIT
#include "files/listing_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "files/hidden.h"

enum { NAME_BYTES = 256, FIRST_ROOM = 64 };

/* What is not there any more, or may not be seen, is no entry; whatever else goes wrong spoils the
 * listing. */
static tc_err err_of(int error_number)
{
    switch (error_number) {
    case EMFILE:
    case ENFILE: return TC_ERR_TOO_MANY_FILES;
    case ENOMEM: return TC_ERR_NO_MEMORY;
    case EIO: return TC_ERR_READ_FILE;
    default: return TC_ERR_NOTHING;
    }
}

/* A link is what it leads to, beneath the root. name has a NUL behind it. */
static tc_err look_at(int fd, const tc_root *root, tc_span path, tc_span name, struct stat *ret)
{
    char whole[TC_PATH_BYTES + NAME_BYTES];
    if (fstatat(fd, name.at, ret, AT_SYMLINK_NOFOLLOW)) return err_of(errno);
    if (!S_ISLNK(ret->st_mode)) return TC_OK;
    if (path.len >= TC_PATH_BYTES || name.len >= NAME_BYTES) return TC_ERR_NOTHING;
    memcpy(whole, path.at + 1, path.len - 1);
    memcpy(whole + path.len - 1, name.at, name.len + 1);
    const int at = tc_root_open_at(root->fd, whole, O_PATH | O_CLOEXEC);
    if (at < 0) return err_of(errno);
    const tc_err err = fstat(at, ret) ? err_of(errno) : TC_OK;
    close(at);
    return err;
}

/* TC_ERR_NOTHING: not shown. */
static tc_err look(int fd, const tc_root *root, tc_span path, tc_span name, struct stat *ret)
{
    if (tc_span_eq(name, TC_SPAN(".")) || tc_span_eq(name, TC_SPAN(".."))) return TC_ERR_NOTHING;
    if (!root->dotfiles && name.at[0] == '.') return TC_ERR_NOTHING;
    if (tc_span_starts(name, TC_SPAN(TC_UPLOAD_PREFIX))) return TC_ERR_NOTHING; /* not yet a file */
    const tc_err err = look_at(fd, root, path, name, ret);
    if (err) return err;
    if (!S_ISDIR(ret->st_mode) && !S_ISREG(ret->st_mode)) return TC_ERR_NOTHING;
    const int wanted = S_ISDIR(ret->st_mode) ? X_OK : R_OK;
    return faccessat(fd, name.at, wanted, AT_EACCESS) ? err_of(errno) : TC_OK;
}

static tc_err add(tc_listing *l, tc_span name, const struct stat *st)
{
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : FIRST_ROOM;
        tc_listed *at = tc_realloc(l->at, room * sizeof *at);
        if (!at) return TC_ERR_NO_MEMORY;
        l->at = at;
        l->room = room;
    }
    const tc_span copy = tc_arena_copy(&l->arena, name);
    if (!copy.at) return TC_ERR_NO_MEMORY;
    l->at[l->count++] = (tc_listed){.name = copy,
                                    .size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
                                    .modified = st->st_mtim.tv_sec,
                                    .folder = S_ISDIR(st->st_mode)};
    return TC_OK;
}

tc_err tc_listing_read(tc_listing *l, int fd, const tc_root *root, tc_span path, size_t most)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;
    struct stat st;
    tc_err err = TC_OK;
    *l = (tc_listing){0};
    tc_arena_init(&l->arena, NULL, 0, (most + 1) * 2 * NAME_BYTES);
    if (!folder) {
        close(fd);
        return TC_ERR_NO_MEMORY;
    }
    while (!err && !l->cut) {
        errno = 0;
        entry = readdir(folder);
        if (!entry) {
            if (errno) err = TC_ERR_READ_FILE; /* half a listing would be taken for all of it */
            break;
        }
        const tc_span name = tc_span_str(entry->d_name);
        err = look(dirfd(folder), root, path, name, &st);
        if (!err) l->cut = l->count == most;
        if (!err && !l->cut) err = add(l, name, &st);
        if (err == TC_ERR_NOTHING) err = TC_OK;
    }
    closedir(folder);
    return err;
}

static int compare_names(tc_span a, tc_span b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        const uint8_t x = (uint8_t)tc_ascii_lower(a.at[i]), y = (uint8_t)tc_ascii_lower(b.at[i]);
        if (x != y) return x < y ? -1 : 1;
    }
    if (a.len != b.len) return a.len < b.len ? -1 : 1;
    return memcmp(a.at, b.at, len);
}

typedef struct order {
    enum tc_listing_sort by;
    bool falling;
} order;

static int compare(const void *one, const void *other, void *argument)
{
    const tc_listed *a = one, *b = other;
    const order *o = argument;
    int result = 0;
    if (a->folder != b->folder) return a->folder ? -1 : 1;
    switch (o->by) {
    case TC_LISTING_NAME: break;
    case TC_LISTING_SIZE: result = (a->size > b->size) - (a->size < b->size); break;
    case TC_LISTING_TIME: result = (a->modified > b->modified) - (a->modified < b->modified); break;
    }
    if (result) return o->falling ? -result : result;
    result = compare_names(a->name, b->name);
    return o->falling && o->by == TC_LISTING_NAME ? -result : result;
}

void tc_listing_sort(tc_listing *l, enum tc_listing_sort by, bool falling)
{
    order o = {by, falling};
    if (l->count) qsort_r(l->at, l->count, sizeof *l->at, compare, &o);
}

void tc_listing_fini(tc_listing *l)
{
    tc_free(l->at);
    tc_arena_fini(&l->arena);
    *l = (tc_listing){0};
}
