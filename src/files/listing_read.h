/* listing_read.h - what is in a folder, as it may be shown: files and folders that can be read, in
 * an order. Waits for the disk: not for a loop's thread. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "files/root.h"

enum tc_listing_sort { TC_LISTING_NAME, TC_LISTING_SIZE, TC_LISTING_TIME };

typedef struct tc_listed {
    tc_span name; /* any bytes but "/" and NUL */
    uint64_t size;
    int64_t modified; /* unix s */
    bool folder;
} tc_listed;

typedef struct tc_listing {
    tc_arena arena; /* the names */
    tc_listed *at;
    size_t count, room;
    bool cut; /* there is more */
} tc_listing;

/* Takes over fd, an open directory, which is at path beneath the root. Hidden names as the root has
 * it; links that lead outside, special files and what may not be read are left out; at most `most`
 * entries. */
tc_err tc_listing_read(tc_listing *l, int fd, const tc_root *root, tc_span path,
                       size_t most) TC_MUST_USE;
/* Folders first; equal ones by name, in which ASCII letters have no case at first. */
void tc_listing_sort(tc_listing *l, enum tc_listing_sort by, bool falling);
void tc_listing_fini(tc_listing *l); /* good after zeroes, too */
