/* upload_root.c - see upload_root.h. */
// SPDX-License-Identifier: MIT
#include "site/upload_root.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "site/upload_place.h"

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
    return r;
}

void tc_upload_root_unref(tc_upload_root *r)
{
    if (!r || atomic_fetch_sub(&r->references, 1) > 1) return;
    unref_changes(r->changes);
    tc_free(r);
}

void tc_upload_root_follow(tc_upload_root *r, const tc_upload_root *other)
{
    atomic_fetch_add(&other->changes->references, 1);
    unref_changes(r->changes);
    r->changes = other->changes;
}

/* In the thread. */
static void sweep(tc_errand *e)
{
    struct tc_sweeping *s = (struct tc_sweeping *)e;
    uint64_t bytes = 0, swept = 0;
    (void)tc_place_sweep(s->folder, &bytes, &swept); /* what can be seen counts */
    atomic_fetch_add(&s->root->used, (int_fast64_t)bytes);
    atomic_store(&s->root->left_behind, swept);
    atomic_store(&s->root->counted, true);
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

bool tc_upload_root_reserve(tc_upload_root *r, uint64_t bytes, uint64_t quota)
{
    int_fast64_t used = atomic_load(&r->used);
    do {
        if (quota && bytes && (used > 0 ? (uint64_t)used : 0) + bytes > quota) return false;
    } while (!atomic_compare_exchange_weak(&r->used, &used, used + (int_fast64_t)bytes));
    return true;
}

void tc_upload_root_release(tc_upload_root *r, uint64_t bytes)
{
    atomic_fetch_sub(&r->used, (int_fast64_t)bytes);
}
