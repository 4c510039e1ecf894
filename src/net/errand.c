/* errand.c - see errand.h. An errand is shared by whoever began it, its thread and the posted task,
 * each with a reference, and has a lock for one question: is the loop still there to be told? */
// SPDX-License-Identifier: MIT
#include "net/errand.h"

#include <signal.h>

#include "base/alloc.h"

static void unref(tc_errand *e)
{
    if (atomic_fetch_sub(&e->references, 1) > 1) return;
    if (e->release) e->release(e);
    pthread_mutex_destroy(&e->lock);
    tc_free(e);
}

/* In the loop, which has a reference of its own while the task is posted. */
static void deliver(tc_task *task)
{
    tc_errand *e = (tc_errand *)task;
    if (!e->cancelled) {
        e->done(e);
        unref(e); /* whoever began it lets go of it */
    }
    unref(e);
}

static void *run(void *argument)
{
    tc_errand *e = argument;
    e->run(e);
    pthread_mutex_lock(&e->lock);
    if (!e->cancelled) {
        atomic_fetch_add(&e->references, 1);
        tc_loop_post(e->loop, &e->task); /* under the lock: the loop may go after a cancel */
    }
    pthread_mutex_unlock(&e->lock);
    unref(e);
    return NULL;
}

static tc_err start_thread(tc_errand *e)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes)) return TC_ERR_NO_MEMORY;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED); /* a valid constant */
    sigfillset(&all); /* signals are the program's, not the thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&thread, &attributes, run, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed ? TC_ERR_SYSTEM : TC_OK;
}

void *tc_errand_new(size_t size)
{
    tc_errand *e = tc_alloc_zero(size);
    if (!e) return NULL;
    e->task.run = deliver;
    atomic_init(&e->references, 2);
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

tc_err tc_errand_begin(tc_errand *e, tc_loop *loop)
{
    e->loop = loop;
    const tc_err err = start_thread(e);
    if (err) {
        atomic_store(&e->references, 1);
        unref(e);
    }
    return err;
}

void tc_errand_cancel(tc_errand *e)
{
    pthread_mutex_lock(&e->lock);
    e->cancelled = true;
    pthread_mutex_unlock(&e->lock);
    unref(e);
}
