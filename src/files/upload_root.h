/* upload_root.h - what all who write below one root share: how much is there, and how often it
 * changed. Workers have it in common, and threads that outlive them. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "net/errand.h"
#include "server/ledger.h"

struct tc_sweeping;

/* Of one root, or of several that lie in one another. */
typedef struct tc_upload_changes {
    atomic_uint references;
    atomic_uint_fast64_t count; /* whoever remembers files forgets them when it moved */
} tc_upload_changes;

typedef struct tc_upload_root {
    atomic_uint references;
    struct tc_upload_changes *changes;
    /* What is in it: counted when the server began, and kept since; what others write is not seen.
     * Its own, or what all generations have. */
    tc_ledger_folder *folder;
    int slot;          /* in that */
    tc_ledger *ledger; /* NULL: it is its own */
    tc_ledger_folder own;
    atomic_bool swept;                /* a worker has begun it */
    atomic_uint_fast64_t left_behind; /* temporary files that the sweep removed */
} tc_upload_root;

tc_upload_root *tc_upload_root_new(void);     /* NULL: no memory */
void tc_upload_root_unref(tc_upload_root *r); /* NULL is fine */

/* Before anybody uses it: the changes of another root are this one's, too, and its own that one's.
 */
void tc_upload_root_follow(tc_upload_root *r, const tc_upload_root *other);

/* Sweeps and counts, in a thread, once, whichever worker is first: its *slot (NULL before) stands
 * for that until it is done, or tc_upload_root_forget. */
void tc_upload_root_sweep(tc_upload_root *r, int root, tc_loop *loop, struct tc_sweeping **slot);
void tc_upload_root_forget(struct tc_sweeping **slot);
/* Before anybody uses it: what is in the folder is counted together with other generations. Where
 * there is no room for that, each counts for itself. */
void tc_upload_root_share(tc_upload_root *r, tc_ledger *ledger, int slot, uint64_t device,
                          uint64_t inode);

bool tc_upload_root_counted(const tc_upload_root *r);
int64_t tc_upload_root_used(const tc_upload_root *r);
/* Room for so many bytes more. False: beyond the quota (0: any). */
bool tc_upload_root_reserve(tc_upload_root *r, uint64_t bytes, uint64_t quota);
void tc_upload_root_release(tc_upload_root *r, uint64_t bytes);
/* Around whatever changes a name: by how much the folder grew, if it did, of which reserved was
 * known. */
void tc_upload_root_move(tc_upload_root *r);
void tc_upload_root_moved(tc_upload_root *r, int64_t grown, uint64_t reserved);
