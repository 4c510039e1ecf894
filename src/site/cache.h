/* cache.h - what a worker remembers of files: small ones whole, larger ones open, and those of a
 * middle size whole, too, once their bytes were asked for again.
 *
 * An entry is a promise of at most cache_ms: then the file is looked at again. Entries in use stay
 * until their last exchange ends, also after they left the cache. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "base/map.h"
#include "http/message.h"

typedef struct tc_file {
    tc_block block; /* Content-Type, Content-Length, ETag, Last-Modified, ... */
    tc_span path;   /* the key: normalised request path */
    tc_span etag;   /* with its quotes; strong; in the block only if it may be relied on */
    tc_span modified_text;
    tc_span type;
    int64_t modified; /* unix seconds */
    uint64_t size;
    const char *bytes; /* the whole, or NULL: read it from fd */
    int fd;            /* -1: bytes are here */

    /* the cache's */
    struct tc_file_cache *cache;
    struct tc_file *newer, *older;
    tc_arena arena;
    int64_t checked; /* monotonic ns of the last look */
    uint64_t device, inode;
    int64_t mtime_ns, ctime_ns;
    uint32_t refs; /* one is the cache's, while it is in there */
    bool cached;
    bool again;   /* it was asked for more than once */
    bool plain;   /* the path is the same as a target: nothing in it is encoded or begins a query */
    bool settled; /* its times are old enough to tell a change */
    char room[640];
} tc_file;

typedef struct tc_file_cache {
    int root; /* directory; the cache's from init on */
    /* absolute, and looked up again every cache_ms: a folder or link that was put in its place is
     * served from then on. NULL: the root stays what it is. Outlives the cache. */
    const char *root_path;
    int64_t root_checked; /* monotonic ns */
    bool dotfiles;
    tc_span language; /* empty: none is claimed */
    const tc_limits *limits;
    tc_reached *reached;
    tc_map by_path;
    tc_file *newest, *oldest; /* by use */
    uint64_t bytes;           /* of contents in memory */
    uint64_t again_bytes;     /* ... of files of a middle size, and of those that left the cache */
    uint32_t open;            /* descriptors held */
} tc_file_cache;

enum tc_file_answer {
    TC_FILE_FOUND,
    TC_FILE_MISSING,   /* 404: also what may not be seen */
    TC_FILE_FORBIDDEN, /* 403: no permission, or no regular file */
    TC_FILE_DIRECTORY, /* exists, and is one */
    TC_FILE_BUSY,      /* 503: no memory, no descriptors */
};

void tc_file_cache_init(tc_file_cache *c, int root, const tc_limits *limits, tc_reached *reached);
void tc_file_cache_fini(tc_file_cache *c);

/* The file at a normalised path that begins with "/" and does not end with one. On FOUND the
 * caller holds a reference. now: monotonic ns. */
enum tc_file_answer tc_file_get(tc_file_cache *c, tc_span path, int64_t now, tc_file **ret_file);
/* As above, but only where it is remembered and fresh: the hot path. */
tc_file *tc_file_remembered(tc_file_cache *c, tc_span path, int64_t now);
/* A file of a middle size whose bytes are wanted, not a range of its descriptor: if it was asked
 * for before, it is in memory from now on. */
void tc_file_bring_in(tc_file *f);
void tc_file_unref(void *file);
