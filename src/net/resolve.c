/* resolve.c - see resolve.h. A job is shared by the look-up, its thread and the posted task, each
 * with a reference, and has a lock for one question: is the loop still there to be told? */
// SPDX-License-Identifier: MIT
#include "net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/ascii.h"

enum { NAME_MAX_BYTES = 255 };

struct tc_resolve_job {
    tc_task task; /* first */
    tc_resolve *resolve;
    tc_loop *loop;
    tc_lookup *lookup;
    enum tc_family family;
    atomic_int references;
    pthread_mutex_t lock; /* of cancelled, against a thread that is about to post */
    bool cancelled;
    const char *sentence;
    tc_addresses addresses;
    char host[NAME_MAX_BYTES + 1];
};

static const int families[TC_FAMILIES] = {[TC_V6] = AF_INET6, [TC_V4] = AF_INET};

static void add_all(const struct addrinfo *list, tc_addresses *to)
{
    for (; list && to->count < TC_ADDRESSES; list = list->ai_next)
        if (list->ai_addrlen <= sizeof to->at[0])
            memcpy(&to->at[to->count++], list->ai_addr, list->ai_addrlen);
}

const char *tc_lookup_system(const char *host, enum tc_family family, tc_addresses *ret)
{
    const struct addrinfo hints = {.ai_family = families[family], .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int failed = getaddrinfo(host, NULL, &hints, &list);
    if (failed) return gai_strerror(failed);
    add_all(list, ret);
    freeaddrinfo(list);
    return ret->count ? NULL : "it has no address of this family";
}

static bool is_localhost(tc_span host)
{
    const tc_span local = TC_SPAN("localhost");
    if (tc_span_ends(host, TC_SPAN("."))) host.len--;
    if (host.len < local.len) return false;
    const size_t before = host.len - local.len;
    return tc_span_ieq(tc_span_from(host, before), local) &&
           (before == 0 || host.at[before - 1] == '.');
}

bool tc_resolve_literal(tc_span host, tc_addresses ret[TC_FAMILIES])
{
    char text[NAME_MAX_BYTES + 1];
    if (host.len == 0 || host.len >= sizeof text || tc_span_find(host, 0) < host.len) return false;
    memset(ret, 0, TC_FAMILIES * sizeof *ret);
    if (is_localhost(host)) {
        ret[TC_V6].at[0].v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        ret[TC_V4].at[0].v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        ret[TC_V6].count = ret[TC_V4].count = 1;
        return true;
    }
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(text, NULL, &hints, &list)) return false;
    add_all(list, &ret[list->ai_family == AF_INET6 ? TC_V6 : TC_V4]);
    freeaddrinfo(list);
    return true;
}

static void unref(struct tc_resolve_job *job)
{
    if (atomic_fetch_sub(&job->references, 1) > 1) return;
    pthread_mutex_destroy(&job->lock);
    tc_free(job);
}

/* In the loop, which has a reference of its own while the task is posted. */
static void deliver(tc_task *task)
{
    struct tc_resolve_job *job = (struct tc_resolve_job *)task;
    tc_resolve *r = job->cancelled ? NULL : job->resolve;
    if (r) {
        r->jobs[job->family] = NULL; /* the look-up's reference */
        unref(job);
        r->found(r, job->family, &job->addresses, job->sentence);
    }
    unref(job);
}

static void *run(void *argument)
{
    struct tc_resolve_job *job = argument;
    tc_addresses addresses = {0};
    const char *sentence = job->lookup(job->host, job->family, &addresses);
    pthread_mutex_lock(&job->lock);
    job->addresses = addresses;
    job->sentence = sentence;
    const bool tell = !job->cancelled;
    if (tell) {
        atomic_fetch_add(&job->references, 1);
        tc_loop_post(job->loop, &job->task); /* under the lock: the loop may go after a cancel */
    }
    pthread_mutex_unlock(&job->lock);
    unref(job);
    return NULL;
}

static tc_err start_thread(struct tc_resolve_job *job)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes)) return TC_ERR_NO_MEMORY;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED); /* a valid constant */
    sigfillset(&all); /* signals are the program's, not the thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&thread, &attributes, run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed ? TC_ERR_SYSTEM : TC_OK;
}

static tc_err begin_one(tc_resolve *r, tc_loop *loop, tc_span host, enum tc_family family)
{
    struct tc_resolve_job *job = tc_alloc_zero(sizeof *job);
    if (!job) return TC_ERR_NO_MEMORY;
    job->task.run = deliver;
    job->resolve = r;
    job->loop = loop;
    job->lookup = r->lookup ? r->lookup : tc_lookup_system;
    job->family = family;
    memcpy(job->host, host.at, host.len);
    atomic_init(&job->references, 2);
    pthread_mutex_init(&job->lock, NULL);
    const tc_err err = start_thread(job);
    if (err) {
        atomic_store(&job->references, 1);
        unref(job);
        return err;
    }
    r->jobs[family] = job;
    return TC_OK;
}

tc_err tc_resolve_begin(tc_resolve *r, tc_loop *loop, tc_span host)
{
    r->jobs[TC_V6] = r->jobs[TC_V4] = NULL;
    if (host.len == 0 || host.len > NAME_MAX_BYTES || tc_span_find(host, 0) < host.len)
        return TC_ERR_RESOLVE;
    tc_err err = begin_one(r, loop, host, TC_V6);
    if (!err) err = begin_one(r, loop, host, TC_V4);
    if (err) tc_resolve_cancel(r);
    return err;
}

void tc_resolve_cancel(tc_resolve *r)
{
    for (int family = 0; family < TC_FAMILIES; family++) {
        struct tc_resolve_job *job = r->jobs[family];
        r->jobs[family] = NULL;
        if (!job) continue;
        pthread_mutex_lock(&job->lock);
        job->cancelled = true;
        pthread_mutex_unlock(&job->lock);
        unref(job);
    }
}
