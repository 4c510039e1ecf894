/* cache.h - what a worker remembers of files: small ones whole, larger ones open, and those of a
 * middle size whole, too, once their bytes were asked for again. A worker has one cache, whose
 * limits all folders share, and a folder for each route that serves one.
 *
 * An entry is a promise of at most cache_ms: then the file is looked at again. Entries in use stay
 * until their last exchange ends, also after they left the cache. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "base/map.h"
#include "files/root.h"
#include "http/coding.h"
#include "http/message.h"

struct tc_files_config;
typedef struct tc_sight tc_sight;

typedef struct tc_file {
    tc_block block; /* Content-Type, Content-Length, ETag, Last-Modified, ... */
    tc_span path;   /* the key: normalised path in its folder */
    tc_span etag;   /* with its quotes; strong; in the block only if it may be relied on */
    tc_span modified_text;
    tc_span type;
    tc_span caching;  /* Cache-Control; empty: none */
    tc_span language; /* empty: none is claimed */
    tc_span vary;     /* of which fields it depends that this one was chosen; empty: of none */
    int64_t modified; /* unix seconds */
    uint64_t size;
    const char *bytes; /* the whole, or NULL: read it from fd */
    int fd;            /* -1: bytes are here */

    /* the cache's */
    struct tc_file_cache *cache;
    struct tc_folder *folder;
    struct tc_file *entry;        /* the one in the map: itself, or the one it is a variant of */
    struct tc_variants *variants; /* an entry's; NULL: they are not looked for */
    struct tc_file *newer, *older;
    tc_arena arena;
    int64_t checked;  /* monotonic ns of the last look */
    uint64_t changes; /* that requests had made in the folder before it */
    uint64_t device, inode;
    int64_t mtime_ns, ctime_ns;
    uint32_t refs;  /* one is the cache's, while it is in there */
    uint8_t coding; /* enum tc_coding */
    uint8_t row;    /* a variant's */
    bool made;      /* by compressing: it is among the results */
    bool cached;
    bool again;   /* it was asked for more than once */
    bool plain;   /* a target like the path is answered with it: nothing in it is encoded, begins a
                     query or is left out of clean URLs */
    bool settled; /* its times are old enough to tell a change */
    char room[640];
} tc_file;

/* By use. */
typedef struct tc_file_list {
    tc_file *newest, *oldest;
} tc_file_list;

/* A worker's. */
typedef struct tc_file_cache {
    const tc_limits *limits;
    tc_reached *reached;
    tc_hash_key key;
    tc_file_list entries;  /* of all folders */
    tc_file_list results;  /* what was compressed; they belong to entries */
    uint32_t files;        /* entries */
    uint32_t open;         /* descriptors held */
    uint64_t bytes;        /* of contents in memory */
    uint32_t uploads;      /* files that are being put or removed (upload.h) */
    uint64_t again_bytes;  /* ... of files of a middle size, and of those that left the cache */
    uint64_t result_bytes; /* of results, and of those that left the cache */
    struct tc_compression *compressions; /* under way */
    uint32_t compression_count;
    tc_coding_memo codings;
    struct tc_language_memo *languages; /* NULL until it is needed */
} tc_file_cache;

/* What a worker serves of one folder. Takes no memory before it is used. */
typedef struct tc_folder {
    tc_root root;
    tc_file_cache *cache;
    const struct tc_files_config *config; /* what is said of its files */
    tc_map by_path;
} tc_folder;

void tc_file_cache_init(tc_file_cache *c, const tc_limits *limits, tc_reached *reached);
void tc_file_cache_fini(tc_file_cache *c); /* after its folders */

/* Both outlive the folder, and the cache its files. */
void tc_folder_init(tc_folder *folder, tc_file_cache *c, const struct tc_files_config *config);
/* Forgets its files; those that are still being sent go when that is done. */
void tc_folder_fini(tc_folder *folder);

/* The file at a normalised path that begins with "/" and does not end with one. On FOUND the
 * caller holds a reference. now: monotonic ns. */
enum tc_file_answer tc_file_get(tc_folder *folder, tc_span path, int64_t now, tc_file **ret_file);
/* As above, but only where it is remembered and fresh: the hot path. */
tc_file *tc_file_remembered(tc_folder *folder, tc_span path, int64_t now);
/* A file of a middle size whose bytes are wanted, not a range of its descriptor: if it was asked
 * for before, it is in memory from now on. */
void tc_file_bring_in(tc_file *f);
void tc_file_unref(void *file);
