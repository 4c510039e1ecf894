/* upload_root.c - see upload_root.h. */
// SPDX-License-Identifier: MIT
#include "files/upload_root.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "files/upload_place.h"

enum { TRIES = 3 };

struct tc_sweeping {
    tc_errand errand; /* first */
    tc_upload_root *root;
    int folder;
    struct tc_sweeping **slot; /* the loop's */
};

static void unref_changes(tc_upload_changes *c)
{
    if (c && atomic_fetch_sub(&c->references, 1) == 1) tc_free(c);
}

tc_upload_root *tc_upload_root_new(void)
{
    tc_upload_root *r = tc_alloc_zero(sizeof *r);
    tc_upload_changes *c = tc_alloc_zero(sizeof *c);
    if (!r || !c) {
        tc_free(r);
        tc_free(c);
        return NULL;
    }
    atomic_init(&r->references, 1);
    atomic_init(&c->references, 1);
    r->changes = c;
    r->folder = &r->own;
    return r;
}

void tc_upload_root_unref(tc_upload_root *r)
{
    if (!r || atomic_fetch_sub(&r->references, 1) > 1) return;
    unref_changes(r->changes);
    tc_ledger_free(r->ledger);
    tc_free(r);
}

void tc_upload_root_follow(tc_upload_root *r, const tc_upload_root *other)
{
    atomic_fetch_add(&other->changes->references, 1);
    unref_changes(r->changes);
    r->changes = other->changes;
}

void tc_upload_root_share(tc_upload_root *r, tc_ledger *ledger, int slot, uint64_t device,
                          uint64_t inode)
{
    tc_ledger_folder *f = tc_ledger_folder_of(ledger, slot, device, inode);
    if (!f || r->ledger) return;
    r->folder = f;
    r->slot = slot;
    r->ledger = tc_ledger_ref(ledger);
}

bool tc_upload_root_counted(const tc_upload_root *r)
{
    return atomic_load(&r->folder->counted) != 0;
}

int64_t tc_upload_root_used(const tc_upload_root *r)
{
    return atomic_load(&r->folder->used);
}

/* What is there takes the place of what was known, if no file came or went meanwhile, by anybody.
 */
static bool count(tc_ledger_folder *f, int folder, uint64_t *ret_bytes, uint64_t *swept)
{
    int64_t used = atomic_load(&f->used), reserved = 0;
    const uint64_t moves = atomic_load(&f->moves);
    bool moving = false;
    for (int i = 0; i < TC_LEDGER_SLOTS; i++) {
        reserved += atomic_load(&f->reserved[i]);
        moving |= atomic_load(&f->moving[i]) != 0;
    }
    (void)tc_place_sweep(folder, ret_bytes, swept); /* what can be seen counts */
    return !moving && moves == atomic_load(&f->moves) &&
           atomic_compare_exchange_strong(&f->used, &used, (int64_t)*ret_bytes + reserved);
}

/* In the thread. Where files come and go all the time, what others have counted stays; the first
 * one has to take what it sees. */
static void sweep(tc_errand *e)
{
    struct tc_sweeping *s = (struct tc_sweeping *)e;
    tc_ledger_folder *f = s->root->folder;
    uint64_t bytes = 0, swept = 0;
    bool good = false;
    for (int i = 0; i < TRIES && !good; i++) {
        bytes = 0;
        good = count(f, s->folder, &bytes, &swept);
    }
    if (!atomic_exchange(&f->counted, 1) && !good) atomic_fetch_add(&f->used, (int64_t)bytes);
    atomic_store(&s->root->left_behind, swept);
    close(s->folder);
    tc_upload_root_unref(s->root);
}

static void swept(tc_errand *e)
{
    struct tc_sweeping *s = (struct tc_sweeping *)e;
    *s->slot = NULL;
}

void tc_upload_root_sweep(tc_upload_root *r, int root, tc_loop *loop, struct tc_sweeping **slot)
{
    if (atomic_exchange(&r->swept, true)) return;
    const int folder = fcntl(root, F_DUPFD_CLOEXEC, 3);
    struct tc_sweeping *s = folder < 0 ? NULL : tc_errand_new(sizeof *s);
    if (s) {
        s->errand.run = sweep;
        s->errand.done = swept;
        s->root = r;
        s->folder = folder;
        s->slot = slot;
        *slot = s;
        atomic_fetch_add(&r->references, 1);
        if (tc_errand_begin(&s->errand, loop) == TC_OK) return;
        *slot = NULL;
        tc_upload_root_unref(r);
    }
    if (folder >= 0) close(folder);
    atomic_store(&r->swept, false); /* the next one who writes tries again */
}

void tc_upload_root_forget(struct tc_sweeping **slot)
{
    if (*slot) tc_errand_cancel(&(*slot)->errand);
    *slot = NULL;
}

/* What is reserved is told before, and what is not any more as well: so whoever counts sees that
 * used moved, if it looks in between. */
bool tc_upload_root_reserve(tc_upload_root *r, uint64_t bytes, uint64_t quota)
{
    tc_ledger_folder *f = r->folder;
    atomic_fetch_add(&f->reserved[r->slot], (int64_t)bytes);
    int64_t used = atomic_load(&f->used);
    do {
        if (quota && bytes && (used > 0 ? (uint64_t)used : 0) + bytes > quota) {
            atomic_fetch_sub(&f->reserved[r->slot], (int64_t)bytes);
            return false;
        }
    } while (!atomic_compare_exchange_weak(&f->used, &used, used + (int64_t)bytes));
    return true;
}

void tc_upload_root_release(tc_upload_root *r, uint64_t bytes)
{
    atomic_fetch_sub(&r->folder->reserved[r->slot], (int64_t)bytes);
    atomic_fetch_sub(&r->folder->used, (int64_t)bytes);
}

void tc_upload_root_move(tc_upload_root *r)
{
    atomic_fetch_add(&r->folder->moving[r->slot], 1);
    atomic_fetch_add(&r->folder->moves, 1);
}

void tc_upload_root_moved(tc_upload_root *r, int64_t grown, uint64_t reserved)
{
    atomic_fetch_sub(&r->folder->reserved[r->slot], (int64_t)reserved);
    atomic_fetch_add(&r->folder->used, grown - (int64_t)reserved);
    atomic_fetch_sub(&r->folder->moving[r->slot], 1);
}
