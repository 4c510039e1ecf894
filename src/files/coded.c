/* coded.c - see coded.h. A result belongs to the entry of its file and goes with it; it is not
 * counted as a file but in bytes of its own, and leaves alone when they are too many. */
// SPDX-License-Identifier: MIT
#include "files/coded.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "files/cache_inside.h"
#include "files/compress.h"
#include "files/files.h"
#include "http/exchange.h"
#include "net/errand.h"
#include "page/acceptable.h"
#include "page/error_page.h"

enum { AT_ONCE_BYTES = 16384 }; /* less than a millisecond of work */

/* An exchange that waits for a result. */
typedef struct waiting {
    struct tc_compression *job; /* NULL: it is over */
    tc_exchange *x;
    bool identity; /* the file as it is will do */
    struct waiting *next;
} waiting;

typedef struct tc_compression {
    tc_errand errand; /* first */
    struct tc_compression *next;
    tc_file *source; /* with a reference */
    waiting *waiting;
    enum tc_coding coding;

    /* the thread's */
    int fd; /* -1: in is filled in */
    struct stat st;
    char *in, *out;
    size_t size, room, made; /* made 0: it failed */
    bool failed;
    char bytes[];
} compression;

/* What saves less than a sixteenth is not worth the work at the other end. */
static bool pays(const tc_file *source, size_t made)
{
    return made > 0 && made <= source->size - source->size / 16;
}

/* What does not get smaller gets a little larger. */
static size_t room_of(uint64_t size)
{
    return (size_t)(size + size / 64 + 128);
}

/* --- results ------------------------------------------------------------------------------- */

static void drop_result(tc_file *g)
{
    g->entry->variants->rows[g->row].of[g->coding] = NULL;
    tc_file_unlink(&g->cache->results, g);
    g->cached = false;
    tc_file_unref(g);
}

static void keep(tc_file *g, const tc_file *source)
{
    tc_file_cache *c = g->cache;
    while (c->result_bytes > c->limits->compress_cache && c->results.oldest) {
        c->reached->compress_cache++;
        drop_result(c->results.oldest);
    }
    if (c->result_bytes > c->limits->compress_cache) {
        c->reached->compress_cache++; /* what is still being sent takes it all */
        return;
    }
    g->entry = source->entry;
    g->row = source->row;
    g->cached = true;
    g->refs++;
    g->entry->variants->rows[g->row].of[g->coding] = g;
    tc_file_link(&c->results, g);
}

/* Of how something was chosen that is no choice for most. */
static tc_span vary_of(const tc_file *source)
{
    if (!source->vary.len) return TC_SPAN("Accept-Encoding");
    return tc_span_eq(source->vary, TC_SPAN("Accept-Language"))
               ? TC_SPAN("Accept-Encoding, Accept-Language")
               : source->vary;
}

/* With a reference; NULL without memory. */
static tc_file *make_result(const tc_file *source, enum tc_coding coding, tc_span bytes)
{
    tc_file *g = tc_file_new(source->folder, source->path);
    char *copy = tc_alloc(bytes.len);
    if (!g || !copy) {
        tc_free(copy);
        if (g) tc_file_unref(g);
        return NULL;
    }
    memcpy(copy, bytes.at, bytes.len);
    g->bytes = copy;
    g->size = bytes.len;
    g->made = true;
    g->cache->result_bytes += g->size;
    g->coding = (uint8_t)coding;
    g->type = source->type;
    g->language = source->language;
    g->vary = vary_of(source);
    g->caching = source->caching;
    g->modified = source->modified;
    const tc_span etag =
        tc_arena_printf(&g->arena, "%.*s-%s%04x\"", (int)source->etag.len - 1, source->etag.at,
                        tc_coding_name(coding).at, tc_compress_mark(coding) & 0xffff);
    if (etag.at && tc_file_describe(g, etag) == TC_OK) return g;
    tc_file_unref(g);
    return NULL;
}

/* Whether results for source can be kept: it has not left the cache. */
static bool lasts(const tc_file *source)
{
    return source->cached && source->entry->cached && source->entry->variants;
}

/* What was made, if anything, becomes a file; NULL: it did not. needed: somebody takes nothing
 * else, whether it pays or not. */
static tc_file *result_of(tc_file *source, enum tc_coding coding, tc_span made, bool needed)
{
    const bool fits = made.len <= source->cache->limits->compress_cache;
    const bool good = fits && pays(source, made.len);
    if (!fits) source->cache->reached->compress_cache++;
    if (!good && lasts(source)) /* it is not tried again for who takes the file as it is */
        source->entry->variants->rows[source->row].makes &= (uint8_t) ~(1U << coding);
    if (!made.len || !fits || (!good && !needed)) return NULL;
    tc_file *g = make_result(source, coding, made);
    if (g && lasts(source)) keep(g, source);
    return g;
}

/* --- answers ------------------------------------------------------------------------------- */

/* f, whose reference it takes, in stead of what was wished for. If it will not do: what was wished
 * for cannot be had just now, or not at all, only in those codings. */
static tc_err serve_plain(tc_exchange *x, tc_file *f, bool identity, bool later, unsigned codings)
{
    if (identity) return tc_file_serve(x, f);
    const tc_span vary = vary_of(f);
    tc_file_unref(f);
    if (!later) return tc_not_acceptable(x, vary, codings, TC_REPLY_HTML);
    tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, vary);
    if (!err) err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_RETRY_AFTER, TC_SPAN("1"));
    return err ? err : tc_error_page(x, 503, (tc_span){0});
}

static tc_err compress_now(tc_exchange *x, tc_file *source, enum tc_coding coding, bool identity)
{
    const size_t room = room_of(source->size);
    char *out = tc_alloc(room);
    const size_t made =
        out ? tc_compress(coding, tc_span_of(source->bytes, (size_t)source->size), out, room) : 0;
    tc_file *g = out ? result_of(source, coding, tc_span_of(out, made), !identity) : NULL;
    tc_free(out);
    if (!g) return serve_plain(x, source, identity, false, 0);
    tc_file_unref(source);
    return tc_file_serve(x, g);
}

/* --- in a thread --------------------------------------------------------------------------- */

static void read_in(compression *job)
{
    size_t have = 0;
    struct stat again;
    while (have < job->size) {
        const ssize_t n = pread(job->fd, job->in + have, job->size - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += (size_t)n;
    }
    job->failed = have < job->size || fstat(job->fd, &again) || again.st_size != job->st.st_size ||
                  memcmp(&again.st_mtim, &job->st.st_mtim, sizeof again.st_mtim) != 0 ||
                  memcmp(&again.st_ctim, &job->st.st_ctim, sizeof again.st_ctim) != 0;
}

static void run(tc_errand *e)
{
    compression *job = (compression *)e;
    if (job->fd >= 0 && !job->failed) read_in(job);
    if (job->fd >= 0) close(job->fd);
    if (!job->failed)
        job->made = tc_compress(job->coding, tc_span_of(job->in, job->size), job->out, job->room);
}

static void unlink_job(compression *job)
{
    tc_file_cache *c = job->source->cache;
    compression **at = &c->compressions;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    c->compression_count--;
}

static void done(tc_errand *e)
{
    compression *job = (compression *)e;
    tc_file *source = job->source;
    tc_file *g = NULL;
    const bool good = pays(source, job->made);
    bool needed = false;
    unlink_job(job);
    for (const waiting *w = job->waiting; w; w = w->next)
        needed |= !w->identity;
    if (!job->failed) g = result_of(source, job->coding, tc_span_of(job->out, job->made), needed);
    for (waiting *w = job->waiting, *next; w; w = next) {
        tc_exchange *x = w->x;
        const bool identity = w->identity;
        next = w->next;
        w->job = NULL;
        tc_file *f = g && (good || !identity) ? g : source;
        f->refs++;
        const tc_err err =
            f == g ? tc_file_serve(x, g) : serve_plain(x, f, identity, job->failed, 0);
        if (err) tc_exchange_abort(x, err);
    }
    if (g) tc_file_unref(g);
    tc_file_unref(source);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    waiting *w = self;
    (void)x;
    (void)why;
    if (!w->job) return;
    waiting **at = &w->job->waiting;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    (void)x;
    return TC_OK; /* it was asked before */
}

static const tc_handler waiting_handler = {
    .name = "files", .on_head = on_head, .on_close = on_close};

static compression *job_of(const tc_file *source, enum tc_coding coding)
{
    compression *job = source->cache->compressions;
    while (job && (job->source != source || job->coding != coding))
        job = job->next;
    return job;
}

/* NULL: it cannot be done now. */
static compression *begin(tc_loop *loop, tc_file *source, enum tc_coding coding)
{
    tc_file_cache *c = source->cache;
    const size_t size = (size_t)source->size, room = room_of(size);
    if (c->compression_count >= c->limits->compress_jobs) {
        c->reached->compress_jobs++;
        return NULL;
    }
    compression *job = tc_errand_new(sizeof *job + size + room);
    if (!job) return NULL;
    const int fd = source->bytes ? -1 : fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
    job->errand.run = run;
    job->errand.done = done;
    job->coding = coding;
    job->fd = fd;
    job->in = job->bytes;
    job->out = job->bytes + size;
    job->size = size;
    job->room = room;
    if (source->bytes)
        memcpy(job->in, source->bytes, size);
    else
        job->failed = fd < 0 || fstat(fd, &job->st) || !tc_file_same(source, &job->st);
    job->source = source;
    job->next = c->compressions;
    if (tc_errand_begin(&job->errand, loop) != TC_OK) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    c->compressions = job;
    c->compression_count++;
    source->refs++;
    return job;
}

/* Takes the reference to source. */
static tc_err compress(tc_loop *loop, tc_exchange *x, tc_file *source, enum tc_coding coding)
{
    const tc_coding_wish wish = tc_coding_recall(&source->cache->codings, &x->theirs.fields);
    const bool identity = wish.q[TC_CODING_IDENTITY] > 0;
    x->quick = false;
    if (!lasts(source)) return serve_plain(x, source, identity, true, 0);
    if (source->bytes && source->size <= AT_ONCE_BYTES)
        return compress_now(x, source, coding, identity);
    waiting *w = tc_exchange_alloc(x, sizeof *w);
    compression *job = job_of(source, coding);
    if (w && !job) job = begin(loop, source, coding);
    if (!w || !job) return serve_plain(x, source, identity, true, 0);
    tc_file_unref(source); /* the job has its own */
    *w = (waiting){job, x, identity, job->waiting};
    job->waiting = w;
    x->handler = &waiting_handler;
    x->self = w;
    return TC_OK;
}

tc_err tc_coded_serve(tc_loop *loop, tc_exchange *x, tc_file *f)
{
    const tc_variant_choice choice = tc_variant_choose(f, &x->theirs.fields);
    const bool none = choice.coding == TC_CODING_NONE;
    const unsigned codings = none ? tc_variant_codings(choice.row) : 0;
    tc_file *source = choice.row->of[TC_CODING_IDENTITY];
    tc_file *g = none ? source : choice.row->of[choice.coding];
    if (g && g->made && g != g->cache->results.newest) {
        tc_file_unlink(&g->cache->results, g);
        tc_file_link(&g->cache->results, g);
    }
    tc_file *wanted = g ? g : source;
    if (wanted != f) {
        wanted->again = f->again;
        wanted->refs++;
        tc_file_unref(f);
    }
    if (none) return serve_plain(x, wanted, false, false, codings);
    return g ? tc_file_serve(x, g) : compress(loop, x, source, choice.coding);
}

void tc_coded_end(tc_folder *folder)
{
    compression *next;
    for (compression *job = folder->cache->compressions; job; job = next) {
        next = job->next;
        if (job->source->folder != folder) continue;
        for (waiting *w = job->waiting; w; w = w->next)
            w->job = NULL;
        tc_file *source = job->source;
        unlink_job(job);
        tc_errand_cancel(&job->errand);
        tc_file_unref(source);
    }
}
