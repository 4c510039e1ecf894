/* cache.c - see cache.h. Nothing outside the root is ever opened: the kernel resolves beneath it
 * (openat2(2)), and a FIFO or a device is refused before it is read. */
// SPDX-License-Identifier: MIT
#include "site/cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "http/date.h"
#include "http/media.h"

enum { PATH_BYTES = 4096, OPEN_TRIES = 8, SETTLED_MS = 50 };

void tc_file_cache_init(tc_file_cache *c, int root, const tc_limits *limits, tc_reached *reached)
{
    *c = (tc_file_cache){.root = root, .limits = limits, .reached = reached};
    tc_map_init(&c->by_path, (uint32_t)limits->cache_files, tc_hash_key_random());
}

void tc_file_unref(void *file)
{
    tc_file *f = file;
    if (--f->refs) return;
    assert(!f->cached);
    if (f->fd >= 0) close(f->fd);
    if (f->fd >= 0 && f->bytes) f->cache->again_bytes -= f->size;
    tc_free((void *)(uintptr_t)f->bytes);
    tc_arena_fini(&f->arena);
    tc_free(f);
}

/* --- the order of use ---------------------------------------------------------------------- */

static void unlink_file(tc_file_cache *c, tc_file *f)
{
    *(f->newer ? &f->newer->older : &c->newest) = f->older;
    *(f->older ? &f->older->newer : &c->oldest) = f->newer;
}

static void link_newest(tc_file_cache *c, tc_file *f)
{
    f->newer = NULL;
    f->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = f;
    c->newest = f;
}

static void forget(tc_file_cache *c, tc_file *f)
{
    (void)tc_map_remove(&c->by_path, f->path);
    unlink_file(c, f);
    c->bytes -= f->bytes ? f->size : 0;
    c->open -= f->fd >= 0;
    f->cached = false;
    tc_file_unref(f);
}

/* Whether more is held than may be; counts which limit it is. */
static bool over(const tc_file_cache *c)
{
    const bool bytes = c->bytes > c->limits->cache_bytes, open = c->open > c->limits->cache_open;
    const bool files = c->by_path.count >= c->by_path.max;
    c->reached->cache_bytes += bytes;
    c->reached->cache_open += open;
    c->reached->cache_files += files;
    return bytes || open || files;
}

static void remember(tc_file_cache *c, tc_file *f)
{
    c->bytes += f->bytes ? f->size : 0;
    c->open += f->fd >= 0;
    while (over(c) && c->oldest)
        forget(c, c->oldest);
    if (over(c) || tc_map_put(&c->by_path, f->path, f) != TC_OK) {
        c->bytes -= f->bytes ? f->size : 0; /* it is served, but not kept */
        c->open -= f->fd >= 0;
        return;
    }
    f->cached = true;
    f->refs++;
    link_newest(c, f);
}

void tc_file_cache_fini(tc_file_cache *c)
{
    while (c->oldest)
        forget(c, c->oldest);
    tc_map_fini(&c->by_path);
    if (c->root >= 0) close(c->root);
    c->root = -1;
}

/* --- opening ------------------------------------------------------------------------------- */

/* Names that begin with a dot are not there, /.well-known/ excepted (RFC 8615). */
static bool hidden(const tc_file_cache *c, tc_span path)
{
    if (c->dotfiles) return false;
    const tc_span known = TC_SPAN("/.well-known/");
    if (tc_span_starts(path, known)) path = tc_span_from(path, known.len - 1);
    for (size_t i = 0; i + 1 < path.len; i++)
        if (path.at[i] == '/' && path.at[i + 1] == '.') return true;
    return false;
}

static enum tc_file_answer answer_of(int error_number)
{
    switch (error_number) {
    case EACCES:
    case EPERM:
    case ENXIO: return TC_FILE_FORBIDDEN; /* ENXIO: a socket */
    case EMFILE:
    case ENFILE:
    case ENOMEM: return TC_FILE_BUSY;
    default: return TC_FILE_MISSING; /* EXDEV too: it leads outside */
    }
}

enum { OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY };

/* Where the kernel or a sandbox lacks openat2 (some say so by EPERM): one name after the other, and
 * no symbolic links. */
static int open_stepwise(int root, char *name)
{
    int at = root;
    for (char *rest = name, *slash; (slash = strchr(rest, '/')); rest = slash + 1) {
        *slash = '\0';
        const int next = openat(at, rest, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (at != root) close(at);
        if (next < 0) return -1;
        at = next;
        name = slash + 1;
    }
    const int fd = openat(at, *name ? name : ".", OPEN_FLAGS | O_NOFOLLOW);
    const int error = errno;
    if (at != root) close(at);
    errno = error;
    return fd;
}

static int open_in_root(int root, char *name)
{
    const struct open_how how = {.flags = OPEN_FLAGS,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int i = 0; i < OPEN_TRIES; i++) { /* EAGAIN: something was renamed meanwhile */
        const long fd = syscall(SYS_openat2, root, *name ? name : ".", &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno == ENOSYS || errno == EPERM) return open_stepwise(root, name);
        if (errno != EAGAIN && errno != EINTR) break;
    }
    return -1;
}

static enum tc_file_answer open_beneath(const tc_file_cache *c, tc_span path, int *ret_fd)
{
    char name[PATH_BYTES];
    if (hidden(c, path) || path.len >= sizeof name || memchr(path.at, '\0', path.len))
        return TC_FILE_MISSING;
    assert(path.at[0] == '/');
    memcpy(name, path.at + 1, path.len - 1);
    name[path.len - 1] = '\0';
    const int fd = open_in_root(c->root, name);
    if (fd < 0) return answer_of(errno);
    *ret_fd = fd;
    return TC_FILE_FOUND;
}

static int64_t ns(struct timespec t)
{
    return t.tv_sec * TC_S + t.tv_nsec;
}

static bool same(const tc_file *f, const struct stat *st)
{
    return f->device == st->st_dev && f->inode == st->st_ino && f->size == (uint64_t)st->st_size &&
           f->mtime_ns == ns(st->st_mtim) && f->ctime_ns == ns(st->st_ctim);
}

/* --- an entry ------------------------------------------------------------------------------ */

/* A file that changed so short a time ago may change again under the same times: the clock of file
 * systems moves in steps of some milliseconds. */
static bool settled(const tc_file *f)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail with this clock */
    const int64_t age = ns(t) - (f->mtime_ns > f->ctime_ns ? f->mtime_ns : f->ctime_ns);
    return age > SETTLED_MS * TC_MS;
}

/* A strong entity tag: of a small file from its content, of a larger one from its times. The latter
 * has none while it may still be changing. at is NULL without memory. */
static tc_span make_etag(tc_file *f)
{
    if (!f->bytes)
        return tc_arena_printf(&f->arena, "\"%llx-%llx-%llx\"", (unsigned long long)f->size,
                               (unsigned long long)f->mtime_ns,
                               (unsigned long long)(f->ctime_ns ^ (int64_t)f->inode));
    struct sha256_ctx sha;
    uint8_t digest[12];
    sha256_init(&sha);
    sha256_update(&sha, (size_t)f->size, (const uint8_t *)f->bytes);
    sha256_digest(&sha, sizeof digest, digest);
    uint64_t high;
    uint32_t low;
    memcpy(&high, digest, 8);
    memcpy(&low, digest + 8, 4);
    return tc_arena_printf(&f->arena, "\"%016llx%08x\"", (unsigned long long)high, low);
}

static tc_err describe(const tc_file_cache *c, tc_file *f)
{
    tc_arena *a = &f->arena;
    char *date = tc_arena_bytes(a, TC_DATE_BYTES);
    f->etag = make_etag(f);
    const tc_span length = tc_arena_printf(a, "%llu", (unsigned long long)f->size);
    if (!date || !f->etag.at || !length.at) return TC_ERR_NO_MEMORY;
    tc_date_write(date, f->modified);
    f->modified_text = tc_span_of(date, TC_DATE_BYTES);
    f->type = tc_media_of(f->path);
    f->block.number = tc_block_number();
    f->block.length = (int64_t)f->size;
    f->block.arena = a;
    tc_fields *to = &f->block.fields;
    tc_err err = tc_fields_set(to, a, TC_FIELD_CONTENT_TYPE, f->type);
    if (!err) err = tc_fields_set(to, a, TC_FIELD_CONTENT_LENGTH, length);
    if (!err && c->language.len) err = tc_fields_set(to, a, TC_FIELD_CONTENT_LANGUAGE, c->language);
    if (!err) err = tc_fields_set(to, a, TC_FIELD_LAST_MODIFIED, f->modified_text);
    if (!err && (f->bytes || f->settled)) err = tc_fields_set(to, a, TC_FIELD_ETAG, f->etag);
    if (!err) err = tc_fields_set(to, a, TC_FIELD_ACCEPT_RANGES, TC_SPAN("bytes"));
    return err;
}

/* Reads a file whole. False: it changed meanwhile, or could not be read. */
static bool read_whole(tc_file *f, int fd)
{
    char *bytes = tc_alloc(f->size);
    if (!bytes) return false;
    size_t have = 0;
    while (have < f->size) {
        const ssize_t n = pread(fd, bytes + have, f->size - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += (size_t)n;
    }
    struct stat again;
    f->bytes = bytes;
    return have == f->size && fstat(fd, &again) == 0 && same(f, &again);
}

/* Takes the descriptor over. */
static enum tc_file_answer make(tc_file_cache *c, tc_span path, int fd, const struct stat *st,
                                int64_t now, tc_file **ret_file)
{
    tc_file *f = tc_alloc(sizeof *f);
    if (!f) {
        close(fd);
        return TC_FILE_BUSY;
    }
    memset(f, 0, offsetof(tc_file, room));
    tc_arena_init(&f->arena, f->room, sizeof f->room, 4 * PATH_BYTES);
    f->cache = c;
    f->refs = 1;
    f->fd = fd;
    f->checked = now;
    f->size = (uint64_t)st->st_size;
    f->modified = st->st_mtim.tv_sec;
    f->mtime_ns = ns(st->st_mtim);
    f->ctime_ns = ns(st->st_ctim);
    f->device = st->st_dev;
    f->inode = st->st_ino;
    f->settled = settled(f);
    f->path = tc_arena_copy(&f->arena, path);
    f->plain = !memchr(path.at, '%', path.len) && !memchr(path.at, '?', path.len);
    bool whole = true;
    if (f->size <= c->limits->cache_file) whole = read_whole(f, fd);
    if (!whole) { /* it is being written just now: sent from the file, not kept */
        tc_free((void *)(uintptr_t)f->bytes);
        f->bytes = NULL;
    } else if (f->bytes) {
        close(fd);
        f->fd = -1;
    }
    if (!f->path.at || describe(c, f) != TC_OK) {
        tc_file_unref(f);
        return TC_FILE_BUSY;
    }
    if (whole && (f->bytes || f->settled)) remember(c, f);
    *ret_file = f;
    return TC_FILE_FOUND;
}

/* Such files take no more than half of the memory, those that left the cache and are still being
 * sent included. */
void tc_file_bring_in(tc_file *f)
{
    tc_file_cache *c = f->cache;
    if (f->bytes || !f->again || !f->cached) return;
    if (f->size > c->limits->cache_again || !f->settled) return;
    if (c->again_bytes + f->size > c->limits->cache_bytes / 2) return;
    if (!read_whole(f, f->fd)) { /* it has changed: that is seen when it is looked at again */
        tc_free((void *)(uintptr_t)f->bytes);
        f->bytes = NULL;
        return;
    }
    c->again_bytes += f->size;
    c->bytes += f->size;
    while (over(c) && c->oldest != f)
        forget(c, c->oldest);
}

/* Gives out a reference. */
static tc_file *use(tc_file_cache *c, tc_file *f)
{
    if (f != c->newest) {
        unlink_file(c, f);
        link_newest(c, f);
    }
    f->again = true;
    f->refs++;
    return f;
}

tc_file *tc_file_remembered(tc_file_cache *c, tc_span path, int64_t now)
{
    tc_file *f = tc_map_get(&c->by_path, path);
    return f && (uint64_t)(now - f->checked) / TC_MS < c->limits->cache_ms ? use(c, f) : NULL;
}

static void look_at_root(tc_file_cache *c, int64_t now)
{
    if (!c->root_path || now - c->root_checked < (int64_t)c->limits->cache_ms * TC_MS) return;
    struct stat old, new;
    c->root_checked = now;
    const int root = open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return; /* gone for now: what is open serves on */
    const bool swapped = fstat(c->root, &old) || fstat(root, &new) || old.st_dev != new.st_dev ||
                         old.st_ino != new.st_ino;
    close(swapped ? c->root : root);
    if (swapped) c->root = root;
}

enum tc_file_answer tc_file_get(tc_file_cache *c, tc_span path, int64_t now, tc_file **ret_file)
{
    tc_file *f = tc_file_remembered(c, path, now);
    int fd = -1;
    struct stat st;
    if (f) {
        *ret_file = f;
        return TC_FILE_FOUND;
    }
    look_at_root(c, now);
    enum tc_file_answer answer = open_beneath(c, path, &fd);
    if (answer == TC_FILE_FOUND && fstat(fd, &st))
        answer = TC_FILE_BUSY;
    else if (answer == TC_FILE_FOUND && S_ISDIR(st.st_mode))
        answer = TC_FILE_DIRECTORY;
    else if (answer == TC_FILE_FOUND && !S_ISREG(st.st_mode))
        answer = TC_FILE_FORBIDDEN;
    f = tc_map_get(&c->by_path, path);
    if (answer == TC_FILE_FOUND && f && f->settled && same(f, &st)) {
        f->checked = now;
        *ret_file = use(c, f);
    } else {
        if (f && answer != TC_FILE_BUSY) forget(c, f);
        if (answer == TC_FILE_FOUND) return make(c, path, fd, &st, now, ret_file);
    }
    if (fd >= 0) close(fd);
    return answer;
}
