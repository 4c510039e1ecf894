/* cache.c - see cache.h. A FIFO or a device is refused before it is read. */
// SPDX-License-Identifier: MIT
#include "files/cache.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "files/cache_inside.h"
#include "files/file_tag.h"
#include "files/files.h"
#include "files/variants.h"
#include "http/date.h"
#include "http/media.h"

enum { SETTLED_MS = 50 };

void tc_file_cache_init(tc_file_cache *c, const tc_limits *limits, tc_reached *reached)
{
    *c = (tc_file_cache){.limits = limits, .reached = reached, .key = tc_hash_key_random()};
}

void tc_file_cache_fini(tc_file_cache *c)
{
    tc_free(c->languages);
    c->languages = NULL;
}

void tc_folder_init(tc_folder *folder, tc_file_cache *c, const tc_files_config *config)
{
    *folder = (tc_folder){.cache = c, .config = config};
    tc_root_init(&folder->root, config->root, config->root_path);
    folder->root.dotfiles = config->dotfiles;
    tc_map_init(&folder->by_path, UINT32_MAX, c->key); /* the cache counts */
}

void tc_file_unref(void *file)
{
    tc_file *f = file;
    if (--f->refs) return;
    assert(!f->cached);
    if (f->variants) tc_variants_drop(f);
    if (f->fd >= 0) close(f->fd);
    if (f->fd >= 0 && f->bytes) f->cache->again_bytes -= f->size;
    if (f->made) f->cache->result_bytes -= f->size;
    tc_free((void *)(uintptr_t)f->bytes);
    tc_arena_fini(&f->arena);
    tc_free(f);
}

/* --- the order of use ---------------------------------------------------------------------- */

void tc_file_unlink(tc_file_list *list, tc_file *f)
{
    *(f->newer ? &f->newer->older : &list->newest) = f->older;
    *(f->older ? &f->older->newer : &list->oldest) = f->newer;
}

void tc_file_link(tc_file_list *list, tc_file *f)
{
    f->newer = NULL;
    f->older = list->newest;
    *(list->newest ? &list->newest->newer : &list->oldest) = f;
    list->newest = f;
}

void tc_file_count(tc_file *f)
{
    f->cache->bytes += f->bytes && !f->made ? f->size : 0;
    f->cache->open += f->fd >= 0;
}

void tc_file_discount(tc_file *f)
{
    f->cache->bytes -= f->bytes && !f->made ? f->size : 0;
    f->cache->open -= f->fd >= 0;
}

static void forget(tc_file_cache *c, tc_file *f)
{
    if (f->variants) tc_variants_drop(f);
    (void)tc_map_remove(&f->folder->by_path, f->path);
    tc_file_unlink(&c->entries, f);
    c->files--;
    tc_file_discount(f);
    f->cached = false;
    tc_file_unref(f);
}

/* Whether more is held than may be; counts which limit it is. */
static bool over(const tc_file_cache *c)
{
    const bool bytes = c->bytes > c->limits->cache_bytes, open = c->open > c->limits->cache_open;
    const bool files = c->files >= c->limits->cache_files;
    c->reached->cache_bytes += bytes;
    c->reached->cache_open += open;
    c->reached->cache_files += files;
    return bytes || open || files;
}

static void remember(tc_file_cache *c, tc_file *f)
{
    tc_file_count(f); /* its variants are in already */
    while (over(c) && c->entries.oldest)
        forget(c, c->entries.oldest);
    if (over(c) || tc_map_put(&f->folder->by_path, f->path, f) != TC_OK) {
        tc_file_discount(f); /* it is served, but not kept */
        return;
    }
    f->cached = true;
    f->refs++;
    c->files++;
    tc_file_link(&c->entries, f);
}

void tc_folder_fini(tc_folder *folder)
{
    tc_file *f;
    for (uint32_t cursor = 0; (f = tc_map_next(&folder->by_path, &cursor)); cursor--)
        forget(folder->cache, f); /* what stood behind it may stand in its place now */
    tc_map_fini(&folder->by_path);
    tc_root_fini(&folder->root);
}

static int64_t ns(struct timespec t)
{
    return t.tv_sec * TC_S + t.tv_nsec;
}

bool tc_file_same(const tc_file *f, const struct stat *st)
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

/* One made of times may not be relied on while they may still be those of a change to come. */
static tc_span make_etag(tc_file *f)
{
    char tag[TC_FILE_TAG];
    return tc_arena_copy(&f->arena, tc_span_of(tag, tc_file_tag(tag, f->size, f->mtime_ns,
                                                                f->ctime_ns, f->inode, f->bytes)));
}

tc_err tc_file_describe(tc_file *f, tc_span etag)
{
    tc_arena *a = &f->arena;
    const tc_files_config *config = f->folder->config;
    char *date = tc_arena_bytes(a, TC_DATE_BYTES);
    f->etag = etag.len ? etag : make_etag(f);
    if (f->coding && !etag.len && f->etag.at) /* a file beside: never the tag of what it is of */
        f->etag = tc_arena_printf(a, "%.*s-%s\"", (int)f->etag.len - 1, f->etag.at,
                                  tc_coding_name((enum tc_coding)f->coding).at);
    const tc_span length = tc_arena_printf(a, "%llu", (unsigned long long)f->size);
    if (!date || !f->etag.at || !length.at) return TC_ERR_NO_MEMORY;
    tc_date_write(date, f->modified);
    f->modified_text = tc_span_of(date, TC_DATE_BYTES);
    if (!f->made) /* patterns are about what is asked for, whichever variant it is */
        f->caching = tc_caching_of(config->caching, config->caching_count, f->entry->path);
    f->block.number = tc_block_number();
    f->block.length = (int64_t)f->size;
    f->block.arena = a;
    const struct {
        enum tc_field_id id;
        tc_span value;
    } fields[] = {
        {TC_FIELD_CONTENT_TYPE, f->type},
        {TC_FIELD_CONTENT_LENGTH, length},
        {TC_FIELD_CONTENT_ENCODING,
         f->coding ? tc_coding_name((enum tc_coding)f->coding) : (tc_span){0}},
        {TC_FIELD_CONTENT_LANGUAGE, f->language},
        {TC_FIELD_LAST_MODIFIED, f->modified_text},
        {TC_FIELD_ETAG, f->bytes || f->settled ? f->etag : (tc_span){0}},
        {TC_FIELD_ACCEPT_RANGES, TC_SPAN("bytes")},
        {TC_FIELD_CACHE_CONTROL, f->caching},
        {TC_FIELD_VARY, f->vary},
    };
    tc_err err = TC_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !err; i++)
        if (fields[i].value.len)
            err = tc_fields_set(&f->block.fields, a, fields[i].id, fields[i].value);
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
    return have == f->size && fstat(fd, &again) == 0 && tc_file_same(f, &again);
}

tc_file *tc_file_new(tc_folder *folder, tc_span path)
{
    tc_file *f = tc_alloc(sizeof *f);
    if (!f) return NULL;
    memset(f, 0, offsetof(tc_file, room));
    tc_arena_init(&f->arena, f->room, sizeof f->room, 4 * TC_PATH_BYTES);
    f->cache = folder->cache;
    f->folder = folder;
    f->entry = f;
    f->refs = 1;
    f->fd = -1;
    f->path = tc_arena_copy(&f->arena, path);
    if (f->path.at) return f;
    tc_file_unref(f);
    return NULL;
}

tc_file *tc_file_read(tc_folder *folder, tc_span path, const tc_sight *sight, int64_t now,
                      bool *ret_whole)
{
    const struct stat *st = &sight->st;
    tc_file *f = tc_file_new(folder, path);
    if (!f) {
        close(sight->fd);
        return NULL;
    }
    f->fd = sight->fd;
    f->checked = now;
    f->size = (uint64_t)st->st_size;
    f->modified = st->st_mtim.tv_sec;
    if (f->modified > tc_clock_wall()) f->modified = tc_clock_wall(); /* RFC 9110, 8.8.2.1 */
    f->mtime_ns = ns(st->st_mtim);
    f->ctime_ns = ns(st->st_ctim);
    f->device = st->st_dev;
    f->inode = st->st_ino;
    f->settled = settled(f);
    f->type = tc_media_of(f->path);
    f->language = folder->config->language;
    *ret_whole = f->size > f->cache->limits->cache_file || read_whole(f, f->fd);
    if (!*ret_whole) { /* it is being written just now: sent from the file, not kept */
        tc_free((void *)(uintptr_t)f->bytes);
        f->bytes = NULL;
    } else if (f->bytes) {
        close(f->fd);
        f->fd = -1;
    }
    return f;
}

static enum tc_file_answer make(tc_folder *folder, tc_span path, const tc_sight *sight, int64_t now,
                                uint64_t changes, tc_file **ret_file)
{
    bool whole;
    tc_file *f = tc_file_read(folder, path, sight, now, &whole);
    if (!f) return TC_FILE_BUSY;
    f->changes = changes;
    f->plain = !memchr(path.at, '%', path.len) && !memchr(path.at, '?', path.len) &&
               !(folder->config->clean_urls && tc_span_ends(path, TC_SPAN(".html")));
    if ((folder->config->variants && tc_variants_find(f, sight->language, now) != TC_OK) ||
        tc_file_describe(f, (tc_span){0}) != TC_OK) {
        tc_file_unref(f);
        return TC_FILE_BUSY;
    }
    if (whole && (f->bytes || f->settled)) remember(folder->cache, f);
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
    while (over(c) && c->entries.oldest != f->entry)
        forget(c, c->entries.oldest);
}

/* Gives out a reference. */
static tc_file *use(tc_file_cache *c, tc_file *f)
{
    if (f != c->entries.newest) {
        tc_file_unlink(&c->entries, f);
        tc_file_link(&c->entries, f);
    }
    f->again = true;
    f->refs++;
    return f;
}

/* How often files here were put or removed by requests, of whichever route. */
static uint64_t changes_of(const tc_folder *folder)
{
    const tc_upload_root *written = folder->config->written;
    return written ? atomic_load(&written->changes->count) : 0;
}

tc_file *tc_file_remembered(tc_folder *folder, tc_span path, int64_t now)
{
    tc_file_cache *c = folder->cache;
    tc_file *f = tc_map_get(&folder->by_path, path);
    if (!f || (uint64_t)(now - f->checked) / TC_MS >= c->limits->cache_ms) return NULL;
    return f->changes == changes_of(folder) ? use(c, f) : NULL;
}

enum tc_file_answer tc_file_look(tc_folder *folder, tc_span path, tc_sight *ret_sight)
{
    int fd = -1;
    struct stat st;
    enum tc_file_answer answer = tc_root_open(&folder->root, path, &fd);
    if (answer == TC_FILE_FOUND && fstat(fd, &st))
        answer = TC_FILE_BUSY;
    else if (answer == TC_FILE_FOUND && S_ISDIR(st.st_mode))
        answer = TC_FILE_DIRECTORY;
    else if (answer == TC_FILE_FOUND && !S_ISREG(st.st_mode))
        answer = TC_FILE_FORBIDDEN;
    if (answer == TC_FILE_FOUND)
        *ret_sight = (tc_sight){fd, -1, st};
    else if (fd >= 0)
        close(fd);
    return answer;
}

enum tc_file_answer tc_file_get(tc_folder *folder, tc_span path, int64_t now, tc_file **ret_file)
{
    tc_file_cache *c = folder->cache;
    tc_file *f = tc_file_remembered(folder, path, now);
    tc_sight sight;
    if (f) {
        *ret_file = f;
        return TC_FILE_FOUND;
    }
    const uint64_t changes = changes_of(folder);
    tc_root_look(&folder->root, now, c->limits->cache_ms);
    const enum tc_file_answer answer = tc_variants_look(folder, path, &sight);
    f = tc_map_get(&folder->by_path, path);
    if (answer == TC_FILE_FOUND && f && f->settled && tc_file_same(f, &sight.st) &&
        f->modified <= tc_clock_wall() && /* the clock may have been set back */
        (!f->variants || tc_variants_same(f, sight.language))) {
        close(sight.fd);
        f->checked = now;
        f->changes = changes;
        *ret_file = use(c, f);
        return TC_FILE_FOUND;
    }
    if (f && answer != TC_FILE_BUSY) forget(c, f);
    return answer == TC_FILE_FOUND ? make(folder, path, &sight, now, changes, ret_file) : answer;
}
