/* upload_root.h - what all who write below one root share: how much is there, and how often it
 * changed. Workers have it in common, and threads that outlive them. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "net/errand.h"

struct tc_sweeping;

/* Of one root, or of several that lie in one another. */
typedef struct tc_upload_changes {
    atomic_uint references;
    atomic_uint_fast64_t count; /* whoever remembers files forgets them when it moved */
} tc_upload_changes;

typedef struct tc_upload_root {
    atomic_uint references;
    struct tc_upload_changes *changes;
    atomic_int_fast64_t used; /* counted when the server began, and kept since; what others write
                                 is not seen */
    atomic_bool counted;
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
/* Room for so many bytes more. False: beyond the quota (0: any). */
bool tc_upload_root_reserve(tc_upload_root *r, uint64_t bytes, uint64_t quota);
void tc_upload_root_release(tc_upload_root *r, uint64_t bytes);
