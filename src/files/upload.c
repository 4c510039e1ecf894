/* upload.c - see upload.h. An upload is a row of steps, each in a thread: open, write ..., finish;
 * one at a time, so what they work on needs no lock. It is shared by the exchange and the step that
 * runs, and goes with the last of them: a client that breaks off leaves a step behind that cleans
 * up. */
// SPDX-License-Identifier: MIT
#include "files/upload.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "files/file_tag.h"
#include "files/files.h"
#include "files/hidden.h"
#include "files/upload_place.h"
#include "http/percent.h"
#include "http/precondition.h"
#include "http/target.h"
#include "page/error_page.h"

enum { JOB_ARENA = 65536, READ_ROOM = 65536 };

/* What threads work on. */
typedef struct job {
    atomic_uint references;
    tc_upload_root *root;
    tc_place place;
    tc_arena arena;
    tc_message conditions; /* the request, as far as these go */
    uint64_t small;        /* the largest file whose tag is made of its content */
    tc_buf writing;        /* a step's, while one runs; else the loop's */
    int64_t length;        /* of the content, or TC_LENGTH_UNKNOWN */
    uint64_t credit;       /* bytes of what is replaced */
    uint64_t reserved;     /* of the quota */
    uint64_t quota;
    /* what came of it */
    tc_err err;
    tc_place_now before;
    char tag[TC_FILE_TAG];
    size_t tag_len;
} job;

/* An exchange that writes, in its arena. */
typedef struct upload {
    tc_uploads *of;
    tc_exchange *x;
    job *job;
    struct step *step; /* that runs */
    tc_buf filling;
    tc_span path;  /* normalised */
    tc_span inner; /* ... in the folder */
    bool whole;    /* their content is here to its end */
    bool answered; /* the rest of it is thrown away */
} upload;

typedef struct step {
    tc_errand errand; /* first */
    job *job;
    upload *upload; /* the loop's */
    void (*work)(job *j);
} step;

static const tc_limits *limits_of(const tc_uploads *u)
{
    return u->folder->cache->limits;
}

/* What was written and did not take its name is gone. */
static void give_up(job *j)
{
    tc_place_fini(&j->place);
    tc_upload_root_release(j->root, j->reserved);
    j->reserved = 0;
}

static void unref(job *j)
{
    if (atomic_fetch_sub(&j->references, 1) > 1) return;
    give_up(j);
    tc_upload_root_unref(j->root);
    tc_buf_fini(&j->writing);
    tc_arena_fini(&j->arena);
    tc_free(j);
}

/* --- steps, in a thread -------------------------------------------------------------------- */

/* So that all in all so many bytes may be written. */
static tc_err reserve(job *j, uint64_t bytes)
{
    const uint64_t more = bytes > j->credit ? bytes - j->credit : 0;
    if (more <= j->reserved) return TC_OK;
    if (!tc_upload_root_reserve(j->root, more - j->reserved, j->quota)) return TC_ERR_UPLOAD_QUOTA;
    j->reserved = more;
    return TC_OK;
}

static void work_open(job *j)
{
    tc_place_now now;
    j->err = tc_place_open(&j->place, &now);
    if (!j->err) j->err = tc_place_judge(&j->place, &j->conditions, j->small);
    if (j->err) return;
    j->credit = now.size;
    if (j->length > 0) j->err = reserve(j, (uint64_t)j->length);
}

static void work_write(job *j)
{
    j->err = reserve(j, j->place.written + j->writing.len);
    if (!j->err) j->err = tc_place_write(&j->place, tc_buf_span(&j->writing));
}

/* The quota counts what is there now, and whoever remembers the old content forgets it. */
static void settle(job *j)
{
    if (!j->place.taken) {
        tc_upload_root_moved(j->root, 0, 0);
        return;
    }
    tc_upload_root_moved(j->root, (int64_t)j->place.written - (int64_t)j->before.size, j->reserved);
    j->reserved = 0;
    atomic_fetch_add(&j->root->changes->count, 1);
}

static void work_finish(job *j)
{
    work_write(j);
    if (j->err) return;
    tc_upload_root_move(j->root);
    j->err = tc_place_finish(&j->place, &j->conditions, j->small, &j->before, j->tag, &j->tag_len);
    settle(j);
}

static void work_remove(job *j)
{
    tc_upload_root_move(j->root);
    j->err = tc_place_remove(&j->place, &j->conditions, j->small, &j->before);
    settle(j);
}

static void work_nothing(job *j)
{
    (void)j; /* the last reference is dropped in the thread: giving up what was written blocks */
}

static void run(tc_errand *e)
{
    step *s = (step *)e;
    job *j = s->job;
    s->work(j);
    if (j->err) give_up(j); /* before it is answered: there is room again */
    unref(j);
}

/* --- answers ------------------------------------------------------------------------------- */

static tc_err refuse(tc_exchange *x, unsigned status, tc_span why)
{
    tc_err err = TC_OK;
    if (status == 503)
        err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_RETRY_AFTER, TC_SPAN("1"));
    return err ? err : tc_error_page(x, status, why);
}

static tc_err fail(tc_exchange *x, tc_err why)
{
    const int status = tc_err_status(why);
    return refuse(x, status ? (unsigned)status : 500, tc_span_str(tc_err_sentence(why)));
}

static tc_err answer_done(upload *u)
{
    tc_exchange *x = u->x;
    const job *j = u->job;
    if (x->theirs.method == TC_METHOD_DELETE) return tc_exchange_answer(x, 204, 0);
    if (j->tag_len) {
        const tc_span tag = tc_arena_copy(&x->arena, tc_span_of(j->tag, j->tag_len));
        if (!tag.at) return TC_ERR_NO_MEMORY;
        const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ETAG, tag);
        if (err) return err;
    }
    if (j->before.exists) return tc_exchange_answer(x, 204, 0);
    const tc_span to = tc_percent_encode(&x->arena, u->path, "!$&'()*+,;=:@/"); /* RFC 3986, 3.3 */
    if (!to.at) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION, to);
    return err ? err : tc_exchange_answer(x, 201, 0);
}

/* --- steps, in the loop -------------------------------------------------------------------- */

static void go_on(upload *u);

static void answer(upload *u, tc_err why)
{
    u->answered = true;
    tc_buf_fini(&u->filling);
    const tc_err err = why ? fail(u->x, why) : answer_done(u);
    if (err) tc_exchange_abort(u->x, err);
    tc_exchange_resume(u->x);
}

static void done(tc_errand *e)
{
    step *s = (step *)e;
    upload *u = s->upload;
    u->step = NULL;
    tc_buf_reset(&u->job->writing);
    if (u->job->err)
        answer(u, u->job->err);
    else if (s->work == work_finish || s->work == work_remove)
        answer(u, TC_OK);
    else
        go_on(u);
}

/* Hands a reference to j on to the step; on failure, too, it is gone. upload: who is told; NULL:
 * nobody. */
static tc_err begin_step(tc_loop *loop, job *j, upload *u, void (*work)(job *), step **ret_step)
{
    step *s = tc_errand_new(sizeof *s);
    if (s) {
        s->errand.run = run;
        s->errand.done = done;
        s->job = j;
        s->upload = u;
        s->work = work;
        *ret_step = s;
        if (tc_errand_begin(&s->errand, loop) == TC_OK) return TC_OK;
    }
    unref(j);
    return TC_ERR_UPLOAD_BUSY;
}

static tc_err do_step(upload *u, void (*work)(job *))
{
    step *s;
    atomic_fetch_add(&u->job->references, 1);
    const tc_err err = begin_step(u->of->loop, u->job, u, work, &s);
    if (!err) u->step = s;
    return err;
}

/* After a step, or when content has come: what has been gathered is handed on. */
static void go_on(upload *u)
{
    tc_err err = TC_OK;
    const bool full = u->filling.len >= limits_of(u->of)->upload_buffer;
    if (u->step || u->answered) return;
    if (u->whole || full) {
        const tc_buf empty = u->job->writing;
        u->job->writing = u->filling;
        u->filling = empty;
        err = do_step(u, u->whole ? work_finish : work_write);
    }
    if (err)
        answer(u, err);
    else
        tc_exchange_resume(u->x);
}

/* --- the handler --------------------------------------------------------------------------- */

static const char *fault_of(const tc_message *m, unsigned *ret_status)
{
    *ret_status = 400;
    if (m->method == TC_METHOD_DELETE) return NULL;
    if (tc_fields_has(&m->fields, TC_FIELD_CONTENT_RANGE))
        return "a part of a file cannot be put (Content-Range)";
    *ret_status = 415;
    if (tc_fields_has(&m->fields, TC_FIELD_CONTENT_ENCODING))
        return "a file is kept as it is sent, and its coding is not (Content-Encoding)";
    return NULL;
}

static job *new_job(upload *u, tc_err *ret_err)
{
    const tc_limits *limits = limits_of(u->of);
    const tc_message *m = &u->x->theirs;
    job *j = tc_alloc_zero(sizeof *j);
    *ret_err = TC_ERR_NO_MEMORY;
    if (!j) return NULL;
    atomic_init(&j->references, 1);
    tc_arena_init(&j->arena, NULL, 0, JOB_ARENA);
    uint64_t run_most = limits->h2_stream_window > limits->h3_stream_window
                            ? limits->h2_stream_window
                            : limits->h3_stream_window;
    if (run_most < READ_ROOM) run_most = READ_ROOM;
    tc_buf_init(&j->writing, limits->upload_buffer + run_most);
    tc_buf_init(&u->filling, limits->upload_buffer + run_most);
    j->root = u->of->config->root;
    j->quota = u->of->config->quota;
    atomic_fetch_add(&j->root->references, 1);
    j->small = limits->cache_file;
    j->length = m->length;
    *ret_err =
        tc_place_init(&j->place, u->of->folder->root.fd, u->inner, m->method == TC_METHOD_DELETE);
    if (!*ret_err) *ret_err = tc_conditions_copy(&j->arena, m, &j->conditions);
    return j;
}

static tc_err begin(upload *u)
{
    tc_exchange *x = u->x;
    tc_err err;
    u->job = new_job(u, &err);
    if (!err) err = do_step(u, x->theirs.method == TC_METHOD_PUT ? work_open : work_remove);
    if (err) {
        u->answered = true;
        return fail(x, err);
    }
    tc_exchange_pause(x);
    return TC_OK;
}

/* Once for all workers. */
static void sweep(tc_uploads *u)
{
    tc_upload_root_sweep(u->config->root, u->folder->root.fd, u->loop, &u->sweeping);
}

static tc_err too_many(tc_uploads *of, tc_exchange *x)
{
    of->folder->cache->reached->uploads++;
    return refuse(x, 503, TC_SPAN("as many files as allowed are being written (uploads)"));
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_uploads *of = self;
    unsigned status;
    tc_span path, inner, query;
    x->self = NULL;
    const tc_err err = tc_target_normal_path(&x->arena, x->theirs.path, &path, &query);
    if (err) return err;
    const char *fault = fault_of(&x->theirs, &status);
    if (fault && status == 415) {
        const tc_err set = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ACCEPT_ENCODING,
                                         TC_SPAN("identity"));
        if (set) return set;
    }
    if (fault) return refuse(x, status, tc_span_str(fault));
    if (!tc_files_path(of->folder->config, path, &inner)) return fail(x, TC_ERR_UPLOAD_MISSING);
    if (tc_path_hidden(inner, of->folder->config->dotfiles))
        return fail(x, TC_ERR_UPLOAD_FORBIDDEN);
    sweep(of); /* where it could not be done before */
    if (of->config->quota && !tc_upload_root_counted(of->config->root))
        return refuse(x, 503, TC_SPAN("the files that are there are still being counted"));
    if (of->folder->cache->uploads >= limits_of(of)->uploads) return too_many(of, x);
    upload *u = tc_exchange_alloc(x, sizeof *u);
    if (!u) return TC_ERR_NO_MEMORY;
    *u = (upload){.of = of, .x = x, .path = path, .inner = inner};
    x->self = u;
    ++of->folder->cache->uploads;
    return begin(u);
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run_of_it)
{
    upload *u = self;
    if (!u || u->answered || x->theirs.method == TC_METHOD_DELETE)
        return TC_OK; /* nobody reads it */
    const tc_err err = tc_buf_add(&u->filling, run_of_it);
    if (err) return err == TC_ERR_FULL ? TC_ERR_CONTENT_TOO_LARGE : err;
    go_on(u);
    if (u->step && u->filling.len >= limits_of(u->of)->upload_buffer) {
        u->of->folder->cache->reached->upload_buffer++;
        tc_exchange_pause(x);
    }
    return TC_OK;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    upload *u = self;
    if (!u || x->theirs.method == TC_METHOD_DELETE) return TC_OK;
    u->whole = true;
    go_on(u);
    return TC_OK;
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    upload *u = self;
    step *s;
    (void)x;
    (void)why;
    if (!u) return;
    --u->of->folder->cache->uploads;
    tc_buf_fini(&u->filling);
    if (u->step) tc_errand_cancel(&u->step->errand);
    if (!u->job) return;
    if (u->step || u->job->place.file < 0 || u->job->place.taken)
        unref(u->job);
    else if (begin_step(u->of->loop, u->job, NULL, work_nothing, &s) == TC_OK)
        tc_errand_cancel(&s->errand);
}

static const tc_handler handler = {.name = "upload",
                                   .on_head = on_head,
                                   .on_data = on_data,
                                   .on_end = on_end,
                                   .on_close = on_close};

void tc_uploads_init(tc_uploads *u, tc_folder *folder, tc_loop *loop)
{
    *u = (tc_uploads){.config = folder->config->uploads, .folder = folder, .loop = loop};
    sweep(u);
}

void tc_uploads_fini(tc_uploads *u)
{
    if (!u->sweeping) return;
    tc_upload_root_forget(&u->sweeping);
    (void)!tc_loop_turn(u->loop, tc_loop_now(u->loop)); /* what was posted before is released */
}

bool tc_uploads_route(tc_uploads *u, tc_exchange *x)
{
    if (x->theirs.method != TC_METHOD_PUT && x->theirs.method != TC_METHOD_DELETE) return false;
    if (u->config->most) x->content_most = u->config->most;
    x->handler = &handler;
    x->self = u;
    return true;
}
