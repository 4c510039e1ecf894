/* sessions_sweep.c - see sessions_sweep.h. */
// SPDX-License-Identifier: MIT
#include "forms/sessions_sweep.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "records/document.h"

#define EVERY (60 * TC_S)
#define BETWEEN (10 * TC_MS) /* two pages: others want the store, too */

/* A page of sessions on its way, or the removal of one; outlives the sweep if that goes first. */
typedef struct page {
    tc_store_ask ask; /* first */
    struct tc_sweep *sweep;
    tc_store_query query;
    int64_t now_s;
    uint64_t alive;
    unsigned over, rows; /* over: whose keys are kept */
    char keys[TC_SWEEP_ROWS][TC_SESSION_KEY];
    char after[4 * TC_SESSION_KEY];
} page;

typedef struct tc_sweep {
    tc_alarm alarm; /* first */
    tc_sessions *sessions;
    page *under_way;
    uint64_t alive;     /* so far, in this walk */
    size_t after_bytes; /* where it goes on */
    char after[4 * TC_SESSION_KEY];
} tc_sweep;

static void release(tc_store_ask *ask)
{
    tc_free(ask);
}

static void plan(tc_sweep *w, int64_t in_ns)
{
    tc_loop *loop = w->sessions->loop;
    (void)!tc_loop_set(loop, &w->alarm,
                       tc_loop_now(loop) + in_ns); /* without memory: no sweeping */
}

/* --- removing ------------------------------------------------------------------------------ */

/* The store's thread: it may have been used since. */
static void decide(tc_store_ask *ask, const tc_record *before, tc_store_change *ret)
{
    const page *p = (const page *)ask;
    tc_document_fault fault;
    json_t *session = NULL;
    if (!before) return;
    const tc_err err = tc_document_read(before->document, 8, &session, &fault);
    if (err == TC_ERR_JSON ||
        (!err && json_integer_value(json_object_get(session, "ends")) <= p->now_s))
        ret->what = TC_STORE_DELETE;
    json_decref(session);
}

static void go_on(tc_sweep *w);

static void removed(tc_store_ask *ask)
{
    page *p = (page *)ask;
    tc_sweep *w = p->sweep;
    page *rest = NULL;
    w->under_way = NULL;
    if (!ask->err && p->over > 1) rest = tc_alloc(sizeof *rest);
    if (!rest) {
        go_on(w);
        return;
    }
    *rest = *p; /* p goes when this returns */
    rest->ask = (tc_store_ask){.kind = TC_STORE_CHANGING,
                               .collection = p->ask.collection,
                               .weight = sizeof *rest,
                               .decide = decide,
                               .done = removed,
                               .release = release};
    rest->over = p->over - 1;
    rest->ask.key = tc_span_of(rest->keys[rest->over - 1], TC_SESSION_KEY);
    w->under_way = rest;
    if (!tc_store_begin(w->sessions->store, w->sessions->loop, &rest->ask)) return;
    tc_free(rest);
    w->under_way = NULL;
    go_on(w);
}

/* --- looking ------------------------------------------------------------------------------- */

/* The store's thread. */
static bool take_row(tc_store_ask *ask, const tc_record *record)
{
    page *p = (page *)ask;
    tc_document_fault fault;
    json_t *session = NULL;
    if (p->rows++ == TC_SWEEP_ROWS) return false;
    const tc_err err = tc_document_read(record->document, 8, &session, &fault);
    const bool over = err || json_integer_value(json_object_get(session, "ends")) <= p->now_s;
    json_decref(session);
    if (!over || record->key.len != TC_SESSION_KEY)
        p->alive++;
    else
        memcpy(p->keys[p->over++], record->key.at, TC_SESSION_KEY);
    return true;
}

static void looked(tc_store_ask *ask)
{
    page *p = (page *)ask;
    tc_sweep *w = p->sweep;
    tc_session_count *count = w->sessions->count;
    w->alive += p->alive;
    const bool more = !ask->err && ask->more && ask->cursor.len <= sizeof w->after;
    w->after_bytes = more ? ask->cursor.len : 0;
    if (more) memcpy(w->after, ask->cursor.at, ask->cursor.len);
    if (!more && !ask->err) atomic_store(&count->open, w->alive + atomic_load(&count->made));
    ask->err = TC_OK;
    p->over++; /* removed() takes the last one off */
    removed(ask);
}

static void go_on(tc_sweep *w)
{
    plan(w, w->after_bytes ? BETWEEN : EVERY);
}

static void ring(tc_alarm *alarm)
{
    tc_sweep *w = (tc_sweep *)alarm;
    tc_sessions *s = w->sessions;
    page *p = tc_alloc_zero(sizeof *p);
    if (!w->after_bytes) {
        w->alive = 0;
        atomic_store(&s->count->made, 0);
    }
    if (!p) {
        plan(w, EVERY);
        return;
    }
    p->sweep = w;
    p->now_s = tc_clock_wall();
    memcpy(p->after, w->after, w->after_bytes);
    p->query = (tc_store_query){.after = tc_span_of(p->after, w->after_bytes),
                                .most = TC_SWEEP_ROWS,
                                .limit_ns = (int64_t)s->limits->list_ms * TC_MS};
    p->ask = (tc_store_ask){.kind = TC_STORE_LIST,
                            .collection = s->collection,
                            .weight = sizeof *p,
                            .query = &p->query,
                            .row = take_row,
                            .done = looked,
                            .release = release};
    w->under_way = p;
    if (!tc_store_begin(s->store, s->loop, &p->ask)) return;
    tc_free(p);
    w->under_way = NULL;
    plan(w, EVERY);
}

struct tc_sweep *tc_sweep_new(tc_sessions *s)
{
    tc_sweep *w = tc_alloc_zero(sizeof *w);
    if (!w) return NULL;
    w->sessions = s;
    w->alarm.ring = ring;
    plan(w, 0);
    return w;
}

void tc_sweep_free(struct tc_sweep *w)
{
    if (!w) return;
    tc_loop *loop = w->sessions->loop;
    tc_loop_clear(loop, &w->alarm);
    if (w->under_way) {
        tc_store_forget(w->sessions->store, &w->under_way->ask);
        (void)!tc_loop_turn(loop, tc_loop_now(loop)); /* what was posted before is released */
    }
    tc_free(w);
}
