/* store.c - see store.h. Three queues, of changes, finds and lists, under one lock; each question
 * is taken by one thread, which posts it back to the loop that it came from. */
// SPDX-License-Identifier: MIT
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/hash.h"
#include "store/backend.h"

/* The first reader finds records, the others make lists, which may take long. */
enum { READERS = 3, GENERATIONS = 4096, BATCH = 1024, MEMBER_BYTES = 64 };

typedef struct queue {
    tc_store_ask *first, **end;
    size_t count, bytes;
    pthread_cond_t more;
} queue;

typedef struct thread {
    pthread_t id;
    struct tc_store *store;
    queue *from; /* a reader's */
    tc_handle *handle;
    bool started;
    bool told; /* of a failure that is not over */
    int64_t told_at;
    char why[TC_STORE_WHY];
} thread;

/* In memory that all processes of a store share. */
typedef struct shared {
    tc_hash_key hash_key;
    atomic_uint_fast64_t generations[GENERATIONS];
} shared;

/* Two builds of the program may have it in common: who changes it raises TC_GENERATION_VERSION
 * (serve/generation.h). */
_Static_assert(GENERATIONS == 4096 && sizeof(shared) == 16 + 4096 * 8, "version");

struct tc_store {
    const tc_backend *backend;
    tc_limits limits;
    uint64_t number;
    pthread_mutex_t lock; /* of the queues, and of closing */
    queue changes, finds, lists;
    bool closing;
    void (*tell)(void *self, const char *why);
    void *tell_self;
    pthread_mutex_t posting; /* of asks that are forgotten while they are posted */
    thread writer, readers[READERS];
    atomic_uint_fast64_t reads, writes, syncs, held;
    int memory; /* of what follows */
    shared *shared;
    uint64_t *names; /* of collections, hashed: each process may have others */
};

static const tc_backend *const backends[] = {&tc_backend_sqlite};

/* --- the queues ---------------------------------------------------------------------------- */

static void queue_init(queue *q)
{
    q->end = &q->first;
    pthread_cond_init(&q->more, NULL);
}

/* Waits for some; takes up to most of them, in order. NULL: the store is closing and all is done.
 */
static tc_store_ask *take(tc_store *s, queue *q, size_t most)
{
    pthread_mutex_lock(&s->lock);
    while (!q->first && !s->closing)
        pthread_cond_wait(&q->more, &s->lock);
    tc_store_ask *first = q->first, **at = &q->first;
    for (size_t n = 0; *at && n < most; n++) {
        q->count--;
        q->bytes -= (*at)->weight;
        at = &(*at)->next;
    }
    q->first = *at;
    *at = NULL;
    if (!q->first) q->end = &q->first;
    pthread_mutex_unlock(&s->lock);
    return first;
}

tc_err tc_store_begin(tc_store *s, tc_loop *loop, tc_store_ask *a)
{
    queue *q = a->kind == TC_STORE_CHANGING ? &s->changes
               : a->kind == TC_STORE_LIST   ? &s->lists
                                            : &s->finds;
    tc_err err = TC_OK;
    a->loop = loop;
    a->next = NULL;
    a->forgotten = false;
    a->memory = NULL;
    a->err = TC_OK;
    a->found = a->more = false;
    pthread_mutex_lock(&s->lock);
    if (s->closing || q->count >= s->limits.store_waiting ||
        q->bytes + a->weight > s->limits.store_bytes) {
        err = TC_ERR_STORE_BUSY;
    } else {
        *q->end = a;
        q->end = &a->next;
        q->count++;
        q->bytes += a->weight;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

bool tc_store_hold(tc_store *s, uint64_t bytes)
{
    if (atomic_fetch_add(&s->held, bytes) + bytes <= s->limits.store_held) return true;
    atomic_fetch_sub(&s->held, bytes);
    return false;
}

void tc_store_hold_more(tc_store *s, uint64_t bytes)
{
    atomic_fetch_add(&s->held, bytes);
}

void tc_store_drop(tc_store *s, uint64_t bytes)
{
    atomic_fetch_sub(&s->held, bytes);
}

/* --- answers ------------------------------------------------------------------------------- */

static void release(tc_store_ask *a)
{
    tc_free(a->memory);
    a->memory = NULL;
    if (a->release) a->release(a);
}

/* In the loop. */
static void deliver(tc_task *task)
{
    tc_store_ask *a = (tc_store_ask *)task;
    if (!a->forgotten) a->done(a);
    release(a);
}

/* All of a batch, back to where they came from. */
static void post(tc_store *s, tc_store_ask *first)
{
    pthread_mutex_lock(&s->posting); /* a loop may go as soon as all that it asked is forgotten */
    for (tc_store_ask *a = first, *next; a; a = next) {
        next = a->next;
        a->task = (tc_task){.run = deliver};
        if (a->forgotten)
            release(a);
        else
            tc_loop_post(a->loop, &a->task);
    }
    pthread_mutex_unlock(&s->posting);
}

void tc_store_forget(tc_store *s, tc_store_ask *a)
{
    pthread_mutex_lock(&s->posting);
    a->forgotten = true;
    pthread_mutex_unlock(&s->posting);
}

/* --- failures ------------------------------------------------------------------------------ */

/* An operator must know; a client that makes it fail again and again must not fill the log. */
static void report(thread *t, tc_err err)
{
    const tc_store *s = t->store;
    const bool fails = err == TC_ERR_STORE_IO || err == TC_ERR_STORE || err == TC_ERR_STORE_FULL ||
                       err == TC_ERR_STORE_BUSY;
    if (!s->tell || (!fails && (err || !t->told))) return;
    const int64_t now = tc_clock_now();
    if (fails && (t->told || (t->told_at && now < t->told_at + 60 * TC_S))) return;
    t->told = fails;
    t->told_at = now;
    s->tell(s->tell_self, fails ? t->why : NULL);
}

void tc_store_watch(tc_store *s, void (*tell)(void *self, const char *why), void *self)
{
    s->tell = tell;
    s->tell_self = self;
}

/* --- looking ------------------------------------------------------------------------------- */

/* What was found stays with the ask. */
static tc_err keep(tc_store_ask *a, const tc_record *found)
{
    a->memory = tc_alloc(found->document.len + 1);
    if (!a->memory) return TC_ERR_NO_MEMORY;
    memcpy(a->memory, found->document.at, found->document.len);
    a->memory[found->document.len] = 0; /* for those who read it as text */
    a->record = *found;
    a->record.key = a->key;
    a->record.document = tc_span_of(a->memory, found->document.len);
    a->found = true;
    return TC_OK;
}

static void look(thread *t, tc_store_ask *a)
{
    const tc_backend *b = t->store->backend;
    tc_record found;
    if (a->kind == TC_STORE_LIST) {
        a->err = b->list(t->handle, a);
    } else {
        a->err = b->find(t->handle, a->collection, a->key, &found);
        if (!a->err) a->err = keep(a, &found);
        if (a->err == TC_ERR_NOTHING) a->err = TC_OK;
    }
    if (a->err) b->why(t->handle, t->why);
    b->let_go(t->handle);
    report(t, a->err);
    atomic_fetch_add(&t->store->reads, 1);
}

static void *run_reader(void *self)
{
    thread *t = self;
    tc_store_ask *a;
    while ((a = take(t->store, t->from, 1))) {
        look(t, a);
        post(t->store, a);
    }
    return NULL;
}

/* --- changing ------------------------------------------------------------------------------ */

static tc_err change(thread *t, tc_store_ask *a)
{
    const tc_backend *b = t->store->backend;
    tc_record before, *had = &before;
    a->change = (tc_store_change){.what = TC_STORE_KEEP};
    tc_err err = TC_OK;
    if (a->makes_key) {
        err = b->make_key(t->handle, a->collection, a->made);
        a->key = tc_span_str(a->made);
    }
    if (!err) err = b->find(t->handle, a->collection, a->key, &before);
    a->found = !err;
    a->record = (tc_record){.key = a->key};
    if (err == TC_ERR_NOTHING) {
        err = TC_OK;
        had = NULL;
    }
    if (err) return err;
    if (had) a->record = (tc_record){a->key, {0}, before.version, before.changed_s};
    a->decide(a, had, &a->change);
    if (a->change.what == TC_STORE_PUT) {
        a->record.changed_s = tc_clock_wall();
        err = b->put(t->handle, a->collection, a->key, a->change.document, a->record.changed_s,
                     &a->record.version);
    } else if (a->change.what == TC_STORE_DELETE) {
        err = b->remove(t->handle, a->collection, a->key);
    }
    return err;
}

/* All or nothing; the error is of the first that failed. */
static tc_err transact(thread *t, tc_store_ask *first, const tc_store_ask *end)
{
    const tc_backend *b = t->store->backend;
    tc_err err = b->begin(t->handle);
    for (tc_store_ask *a = first; a != end && !err; a = a->next)
        err = change(t, a);
    if (!err) err = b->commit(t->handle);
    if (err) {
        b->why(t->handle, t->why);
        b->rollback(t->handle);
    }
    report(t, err);
    return err;
}

static atomic_uint_fast64_t *generation(tc_store *s, unsigned collection, tc_span key)
{
    shared *m = s->shared;
    return &m->generations[(tc_hash(&m->hash_key, key) + s->names[collection]) % GENERATIONS];
}

/* Those who remember a record must not find it unchanged when the first hears that it is not. */
static void committed(tc_store *s, tc_store_ask *first, const tc_store_ask *end)
{
    uint64_t writes = 0;
    for (tc_store_ask *a = first; a != end; a = a->next) {
        a->err = TC_OK;
        if (a->change.what == TC_STORE_KEEP) continue;
        writes++;
        atomic_fetch_add(generation(s, a->collection, a->key), 1);
    }
    atomic_fetch_add(&s->writes, writes);
    atomic_fetch_add(&s->syncs, writes > 0);
}

/* Whether it may be that of one change, without which the others could be written. Where the file
 * is locked or broken each would only wait and fail like all. */
static bool is_of_one(tc_err err)
{
    return err != TC_ERR_STORE_BUSY && err != TC_ERR_STORE_IO;
}

/* A transaction that failed is tried again by each of its changes alone: one that cannot be written
 * must not take the others with it. */
static void write_batch(thread *t, tc_store_ask *first)
{
    const tc_err err = transact(t, first, NULL);
    if (!err) {
        committed(t->store, first, NULL);
    } else if (!first->next || !is_of_one(err)) {
        for (tc_store_ask *a = first; a; a = a->next)
            a->err = err;
    } else {
        for (tc_store_ask *a = first; a; a = a->next) {
            a->err = transact(t, a, a->next);
            if (!a->err) committed(t->store, a, a->next);
        }
    }
}

static void *run_writer(void *self)
{
    thread *t = self;
    tc_store_ask *first;
    while ((first = take(t->store, &t->store->changes, BATCH))) {
        write_batch(t, first);
        post(t->store, first);
        t->store->backend->tidy(t->handle, t->store->limits.store_log);
    }
    return NULL;
}

/* --- the whole ----------------------------------------------------------------------------- */

static tc_err start(thread *t, tc_store *s, void *(*run)(void *))
{
    sigset_t all, before;
    t->store = s;
    sigfillset(&all); /* signals are the program's, not the thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->started = error == 0;
    errno = error; /* who opens says so */
    return tc_err_from_errno(error);
}

static const tc_backend *find_backend(const char **where)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const size_t n = strlen(backends[i]->name);
        if (strncmp(*where, backends[i]->name, n) || (*where)[n] != ':') continue;
        *where += n + 1;
        return backends[i];
    }
    return NULL;
}

static int given[TC_STORE_SHARED] = {-1, -1};

void tc_store_inherit(const int fds[TC_STORE_SHARED])
{
    memcpy(given, fds, sizeof given);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        backends[i]->inherit(fds[0]);
}

void tc_store_shared(const tc_store *s, int ret_fds[TC_STORE_SHARED])
{
    ret_fds[0] = s->backend->lock(s->writer.handle);
    ret_fds[1] = s->memory;
}

/* What is remembered of records by a process that was here before may be older than what is there:
 * it may have ended between a change and its count. */
static tc_err share(tc_store *s, const tc_collection_config *collections, unsigned count,
                    bool inherited)
{
    s->memory =
        inherited ? fcntl(given[1], F_DUPFD_CLOEXEC, 3) : memfd_create("store", MFD_CLOEXEC);
    s->names = tc_alloc_zero((count + 1) * sizeof *s->names);
    if (s->memory < 0 || !s->names) return tc_err_from_errno(errno);
    if (!inherited && TEMP_FAILURE_RETRY(ftruncate(s->memory, sizeof *s->shared)))
        return tc_err_from_errno(errno);
    void *at = mmap(NULL, sizeof *s->shared, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
    if (at == MAP_FAILED) return tc_err_from_errno(errno);
    s->shared = at;
    if (!inherited) s->shared->hash_key = tc_hash_key_random();
    for (unsigned i = 0; i < count; i++)
        s->names[i] = tc_hash(&s->shared->hash_key, collections[i].name);
    for (unsigned i = 0; i < GENERATIONS; i++)
        atomic_fetch_add(&s->shared->generations[i], 1);
    return TC_OK;
}

static tc_err open_all(tc_store *s, const char *where, const tc_collection_config *collections,
                       unsigned count, char why[TC_STORE_WHY])
{
    const tc_backend *b = s->backend;
    tc_err err = b->open(where, true, collections, count, &s->writer.handle, why);
    if (!err) s->number = b->number(s->writer.handle);
    if (!err) err = share(s, collections, count, b->inherited(s->writer.handle));
    for (int i = 0; i < READERS && !err; i++)
        err = b->open(where, false, collections, count, &s->readers[i].handle, why);
    if (!err) err = start(&s->writer, s, run_writer);
    for (int i = 0; i < READERS && !err; i++) {
        s->readers[i].from = i ? &s->lists : &s->finds;
        err = start(&s->readers[i], s, run_reader);
    }
    if (err && !why[0]) (void)snprintf(why, TC_STORE_WHY, "%s: %s", where, strerror(errno));
    return err;
}

tc_err tc_store_open(const char *where, const tc_collection_config *collections, unsigned count,
                     const tc_limits *limits, tc_store **ret_store, char why[TC_STORE_WHY])
{
    why[0] = 0;
    const tc_backend *backend = find_backend(&where);
    if (!backend || !*where) {
        (void)snprintf(why, TC_STORE_WHY, "a store is named sqlite:FILE");
        return TC_ERR_STORE_FILE;
    }
    tc_store *s = tc_alloc_zero(sizeof *s);
    if (!s) return TC_ERR_NO_MEMORY;
    s->backend = backend;
    s->limits = *limits;
    s->memory = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->posting, NULL);
    queue_init(&s->changes);
    queue_init(&s->finds);
    queue_init(&s->lists);
    const tc_err err = open_all(s, where, collections, count, why);
    if (err)
        tc_store_close(s);
    else
        *ret_store = s;
    return err;
}

static void end_thread(tc_store *s, thread *t)
{
    if (t->started) pthread_join(t->id, NULL);
    if (t->handle) s->backend->close(t->handle);
}

void tc_store_close(tc_store *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->changes.more);
    pthread_cond_broadcast(&s->finds.more);
    pthread_cond_broadcast(&s->lists.more);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < READERS; i++)
        end_thread(s, &s->readers[i]);
    end_thread(s, &s->writer); /* last: it leaves the database in good order */
    assert(atomic_load(&s->held) == 0);
    pthread_cond_destroy(&s->changes.more);
    pthread_cond_destroy(&s->finds.more);
    pthread_cond_destroy(&s->lists.more);
    pthread_mutex_destroy(&s->posting);
    pthread_mutex_destroy(&s->lock);
    if (s->shared) munmap(s->shared, sizeof *s->shared);
    if (s->memory >= 0) close(s->memory);
    tc_free(s->names);
    tc_free(s);
}

uint64_t tc_store_generation(const tc_store *s, unsigned collection, tc_span key)
{
    return atomic_load(generation((tc_store *)s, collection, key));
}

uint64_t tc_store_number(const tc_store *s)
{
    return s->number;
}

tc_store_counts tc_store_count(const tc_store *s)
{
    return (tc_store_counts){atomic_load(&s->reads), atomic_load(&s->writes),
                             atomic_load(&s->syncs), atomic_load(&s->held)};
}

bool tc_store_member(tc_span name)
{
    bool begins = true; /* a part of it */
    if (!name.len || name.len > MEMBER_BYTES) return false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        const bool dot = c == '.';
        if (dot ? begins : !tc_ascii_alpha(c) && !tc_ascii_digit(c) && c != '_' && c != '-')
            return false;
        begins = dot;
    }
    return !begins;
}

bool tc_store_integer(tc_span key, int64_t *ret_number)
{
    const bool minus = key.len && key.at[0] == '-';
    const tc_span digits = minus ? tc_span_from(key, 1) : key;
    uint64_t n;
    if (!tc_span_number(digits, &n) || n > (uint64_t)INT64_MAX) return false;
    if (digits.at[0] == '0' && key.len > 1) return false; /* 007, -0 */
    *ret_number = minus ? -(int64_t)n : (int64_t)n;
    return true;
}
