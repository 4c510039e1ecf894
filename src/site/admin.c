/* admin.c - see admin.h. Requests that wait for the workers' counts are a list; all that wait when
 * the counts are there get the same ones. */
// SPDX-License-Identifier: MIT
#include "site/admin.h"

#include "base/alloc.h"
#include "site/acceptable.h"
#include "site/error_page.h"
#include "site/page.h"

enum { PAGE_BYTES = 4 << 20 };

/* The worker's own. */
typedef struct state {
    tc_admin *admin;
    tc_loop *loop;
    tc_census *census;
    struct visit *waiting;
} state;

typedef struct visit {
    tc_exchange *x;
    state *home;
    struct visit *next, **at; /* while it waits */
    tc_buf page;
} visit;

/* --- /metrics ------------------------------------------------------------------------------ */

static size_t own_facts(const state *s, const tc_counts *sum, tc_metrics_fact *room)
{
    const tc_admin *a = s->admin;
    const double up = (double)(tc_loop_now(s->loop) - a->begun) / 1e9;
    const tc_metrics_fact facts[] = {
        {"tercet_uptime_seconds", "Since this generation began to serve.", up},
        {"tercet_generation", "Which configuration this is, from 1.", a->generation},
        {"tercet_draining", "1: it finishes what is under way, and ends.",
         atomic_load(&a->draining)},
        {"tercet_workers", "Threads that serve.", sum->workers},
        {"tercet_workers_silent",
         "Workers that did not tell their counts in time: what they said "
         "before is in the sums.",
         sum->silent},
        {"tercet_handshakes_open", "TLS and QUIC handshakes under way.", (double)sum->handshakes},
        {"tercet_starved_total",
         "Times a worker took no connections for a moment, out of file "
         "descriptors or memory.",
         (double)sum->starved}};
    memcpy(room, facts, sizeof facts);
    return sizeof facts / sizeof *facts;
}

static tc_err answer(visit *v, const tc_counts *sum)
{
    tc_exchange *x = v->x;
    const tc_admin *a = v->home->admin;
    tc_metrics_fact more[2 * TC_ADMIN_FACTS];
    tc_metrics_facts facts = a->facts;
    facts.reached = &sum->reached;
    facts.more = more;
    facts.more_count = own_facts(v->home, sum, more);
    if (a->more) facts.more_count += a->more(a->more_self, more + facts.more_count, TC_ADMIN_FACTS);
    tc_err err = tc_metrics_write(&v->page, &sum->metrics, &facts);
    if (!err) err = tc_page_fields(x, TC_SPAN("text/plain; version=0.0.4; charset=utf-8"));
    if (!err)
        err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return err ? err : tc_exchange_reply(x, 200, tc_run_bytes(tc_buf_span(&v->page)));
}

static void leave(visit *v)
{
    if (!v->at) return;
    *v->at = v->next;
    if (v->next) v->next->at = v->at;
    v->at = NULL;
}

static void counted(void *self, tc_counts *sum)
{
    state *s = self;
    while (s->waiting) {
        visit *v = s->waiting;
        leave(v);
        const tc_err err = answer(v, sum);
        if (err) tc_exchange_abort(v->x, err);
    }
}

static tc_err metrics_head(void *self, tc_exchange *x)
{
    state *s = self;
    visit *v = tc_exchange_alloc(x, sizeof *v);
    x->self = v;
    if (!v) return TC_ERR_NO_MEMORY;
    *v = (visit){.x = x, .home = s, .next = s->waiting, .at = &s->waiting};
    tc_buf_init(&v->page, PAGE_BYTES);
    if (v->next) v->next->at = &v->next;
    s->waiting = v;
    tc_census_ask(s->census);
    return TC_OK;
}

static void metrics_close(void *self, tc_exchange *x, tc_err why)
{
    visit *v = self;
    (void)x;
    (void)why;
    if (!v) return;
    leave(v);
    tc_buf_fini(&v->page);
}

static const tc_handler metrics_handler = {
    .name = "metrics", .on_head = metrics_head, .on_close = metrics_close};

/* --- /health and the rest ------------------------------------------------------------------ */

static tc_err plain(tc_exchange *x, unsigned status, tc_span text)
{
    tc_err err = tc_page_fields(x, TC_SPAN("text/plain; charset=utf-8"));
    if (!err)
        err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return err ? err : tc_exchange_reply(x, status, tc_run_bytes(text));
}

static tc_err health(void *self, tc_exchange *x)
{
    const state *s = self;
    const bool draining = atomic_load(&s->admin->draining);
    return plain(x, draining ? 503 : 200, draining ? TC_SPAN("draining\n") : TC_SPAN("ok\n"));
}

static const tc_handler health_handler = {.name = "health", .on_head = health};

static tc_err nothing(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 404, TC_SPAN("/metrics and /health are here."));
}

static const tc_handler nothing_handler = {.name = "admin", .on_head = nothing};

static tc_err not_that(void *self, tc_exchange *x)
{
    (void)self;
    const tc_err err =
        tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ALLOW, TC_SPAN("GET, HEAD"));
    return err ? err : tc_error_page(x, 405, (tc_span){0});
}

static const tc_handler refusal_handler = {.name = "admin", .on_head = not_that};

static tc_err not_coded(void *self, tc_exchange *x)
{
    (void)self;
    return tc_only_identity(x);
}

static const tc_handler coded_handler = {.name = "admin", .on_head = not_coded};

/* --- the app ------------------------------------------------------------------------------- */

static void route(tc_worker *w, tc_exchange *x)
{
    const tc_span path = tc_span_first(x->theirs.path, tc_span_find(x->theirs.path, '?'));
    x->self = tc_worker_state(w);
    if (x->theirs.method != TC_METHOD_GET && x->theirs.method != TC_METHOD_HEAD)
        x->handler = &refusal_handler;
    else if (tc_wants_coded(x))
        x->handler = &coded_handler;
    else if (tc_span_eq(path, TC_SPAN("/metrics")))
        x->handler = &metrics_handler;
    else
        x->handler = tc_span_eq(path, TC_SPAN("/health")) ? &health_handler : &nothing_handler;
}

static void refuse(tc_worker *w, tc_exchange *x, tc_err err)
{
    (void)w;
    const int status = tc_err_status(err);
    if (tc_error_page(x, status ? (unsigned)status : 400, tc_span_str(tc_err_sentence(err))) !=
        TC_OK)
        tc_exchange_abort(x, err);
}

static void worker_end(void *app, tc_worker *w, void *argument)
{
    state *s = argument;
    (void)app;
    (void)w;
    tc_census_free(s->census);
    tc_free(s);
}

static void *worker_begin(void *app, tc_worker *w)
{
    state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->admin = app;
    s->loop = tc_worker_loop(w);
    if (tc_census_new(s->admin->server, s->loop, counted, s, &s->census) == TC_OK) return s;
    tc_free(s);
    return NULL;
}

tc_app tc_admin_app(tc_admin *admin)
{
    return (tc_app){.worker_begin = worker_begin,
                    .worker_end = worker_end,
                    .route = route,
                    .refuse = refuse,
                    .self = admin};
}
