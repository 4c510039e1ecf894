/* upload_place.h - where an upload goes, on disk: all that blocks, for a thread of its own.
 *
 * Content is written into a file without a name (O_TMPFILE) or, where the file system knows none,
 * with a hidden one in the folder of the target. Only when it is whole and on the disk does it take
 * the target's name, in one step: whoever looks sees the old content or the new one, also after a
 * crash. What a crash leaves is swept when a server starts (tc_place_sweep); what is being written
 * is locked, so that a sweep beside it leaves it alone.
 *
 * Conditions are asked under a lock on the folder (flock), which holds between threads and
 * processes; programs that do not ask for it are not kept from anything. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "http/precondition.h"

enum { TC_PLACE_PATH = 4096, TC_PLACE_TEMPORARY = 40 };

typedef struct tc_place {
    int root;        /* its own */
    int folder;      /* of the target; -1: not open */
    int file;        /* what is written; -1: none */
    bool named_only; /* as if the file system knew no files without a name */
    bool linked;     /* it has the name .temporary in the folder */
    bool taken;      /* it took the target's name, or that was removed */
    uint64_t written;
    char temporary[TC_PLACE_TEMPORARY];
    char path[TC_PLACE_PATH]; /* beneath the root, "a/b.txt" */
    char *name;               /* its last part */
} tc_place;

/* What is at the path. */
typedef struct tc_place_now {
    bool exists;
    uint64_t size;
} tc_place_now;

/* root is duplicated; path: normalised, with its "/" in front. TC_ERR_UPLOAD_FOLDER: it ends with
 * one (a file); TC_ERR_UPLOAD_NAME, TC_ERR_UPLOAD_BUSY. Also where it fails, fini is fine. */
tc_err tc_place_init(tc_place *p, int root, tc_span path, bool folder) TC_MUST_USE;
void tc_place_fini(tc_place *p); /* what was written and has not taken the name is gone */

/* Opens the folder, which is made with its parents if it is not there, and what is written into. */
tc_err tc_place_open(tc_place *p, tc_place_now *ret_now) TC_MUST_USE;
tc_err tc_place_write(tc_place *p, tc_span bytes) TC_MUST_USE;
/* TC_ERR_UPLOAD_CONDITION: the request's conditions do not hold now. small: the largest file whose
 * tag is made of its content. */
tc_err tc_place_judge(tc_place *p, const tc_message *conditions, uint64_t small) TC_MUST_USE;
/* All of it is on the disk, and takes the name if the conditions hold. ret_before: what was there,
 * if p->taken, which it may be even though the last step fails: nobody knows then whether a crash
 * undoes it.
 * tag: of the new content; empty where that could not be read. */
tc_err tc_place_finish(tc_place *p, const tc_message *conditions, uint64_t small,
                       tc_place_now *ret_before, char tag[], size_t *ret_tag) TC_MUST_USE;
/* Removes the file, or the empty folder, if the conditions hold. */
tc_err tc_place_remove(tc_place *p, const tc_message *conditions, uint64_t small,
                       tc_place_now *ret_before) TC_MUST_USE;

/* Everything beneath root: what uploads left behind is removed unless somebody writes it, the bytes
 * of the other files are added up. False: something could not be looked at. */
bool tc_place_sweep(int root, uint64_t *ret_bytes, uint64_t *ret_swept);
