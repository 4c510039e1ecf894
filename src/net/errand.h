/* errand.h - what blocks, done in a short-lived thread of its own; the answer comes in the loop. A
 * thread that cannot be stopped outlives a cancelled errand: it owns its part and lets go of it
 * when it is done. */
// SPDX-License-Identifier: MIT
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"

/* The first member of what the thread works on. */
typedef struct tc_errand {
    tc_task task; /* first */
    /* In the thread. Only what stands beside the errand may be touched. */
    void (*run)(struct tc_errand *e);
    /* In the loop's thread, once, unless cancelled before. e goes afterwards. */
    void (*done)(struct tc_errand *e);
    /* When nobody holds e any more, in whichever thread that is: lets go of what stands beside the
     * errand, not of e. May be NULL. */
    void (*release)(struct tc_errand *e);

    /* its own */
    tc_loop *loop;
    atomic_int references;
    pthread_mutex_t lock; /* of cancelled, against a thread that is about to post */
    bool cancelled;
} tc_errand;

/* Zeroed memory of size bytes, an errand first; run, done and release are filled in. NULL: no
 * memory. */
void *tc_errand_new(size_t size);
/* TC_ERR_SYSTEM where no thread could be started. done is not called from inside. Whatever the
 * result, e is the errand's from here on; after an error it is gone. */
tc_err tc_errand_begin(tc_errand *e, tc_loop *loop) TC_MUST_USE;
/* done is not called any more, and e may not be touched. Turn the loop once before freeing it: an
 * answer may be on its way. */
void tc_errand_cancel(tc_errand *e);
