/* admin.c - see admin.h. Requests that wait for the workers' counts are a list; all that wait when
 * the counts are there get the same ones.
 *
 * Whatever is told was published before: so the sums that another generation tells later are not
 * less, and a counter never goes back. */
// SPDX-License-Identifier: MIT
#include "site/admin.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "page/acceptable.h"
#include "page/error_page.h"
#include "page/page.h"

enum { PAGE_BYTES = 4 << 20, PUBLISH_MS = 1000 };

/* Only of uint64_t: what a generation publishes. */
typedef struct counted {
    tc_counts server;
    uint64_t more[TC_ADMIN_FACTS]; /* in the order of tc_admin.more */
} counted;

enum { WORDS = sizeof(counted) / sizeof(uint64_t) };
_Static_assert(sizeof(counted) <= TC_LEDGER_WORDS * sizeof(uint64_t),
               "a slot of the ledger holds all counts");

/* The worker's own. */
typedef struct state {
    tc_admin *admin;
    tc_loop *loop;
    tc_census *census;
    struct visit *waiting;
    tc_alarm publish;
    uint64_t layout;
    counted own, all, living; /* of this generation; with all others, with those that live */
    unsigned generations;
} state;

typedef struct visit {
    tc_exchange *x;
    state *home;
    struct visit *next, **at; /* while it waits */
    tc_buf page;
} visit;

/* --- counts -------------------------------------------------------------------------------- */

static size_t more_facts(const tc_admin *a, tc_metrics_fact *room)
{
    return a->more ? a->more(a->more_self, room, TC_ADMIN_FACTS) : 0;
}

static uint64_t layout_of(const tc_admin *a)
{
    tc_metrics_fact more[TC_ADMIN_FACTS];
    uint64_t h = tc_counts_layout();
    const size_t count = more_facts(a, more);
    for (size_t i = 0; i < count; i++)
        h = tc_hash(&(tc_hash_key){h, i}, tc_span_str(more[i].name));
    return h;
}

/* sum: of the workers. */
static void count(const tc_admin *a, const tc_counts *sum, counted *to)
{
    tc_metrics_fact more[TC_ADMIN_FACTS];
    memset(to, 0, sizeof *to);
    to->server = *sum;
    const size_t n = more_facts(a, more);
    for (size_t i = 0; i < n; i++)
        to->more[i] = more[i].value > 0 ? (uint64_t)more[i].value : 0;
}

static void publish(const tc_admin *a, uint64_t layout, const counted *own)
{
    if (a->ledger)
        tc_ledger_publish(a->ledger, a->slot, layout, (const uint64_t *)(const void *)own, WORDS);
}

static void add(counted *to, const counted *more)
{
    uint64_t *sum = (uint64_t *)(void *)to;
    const uint64_t *n = (const uint64_t *)(const void *)more;
    for (size_t i = 0; i < WORDS; i++)
        sum[i] += n[i];
}

static void add_others(state *s)
{
    const tc_admin *a = s->admin;
    memset(&s->all, 0, sizeof s->all);
    memset(&s->living, 0, sizeof s->living);
    if (a->ledger)
        s->generations = tc_ledger_sum(a->ledger, a->slot, s->layout, WORDS,
                                       (uint64_t *)(void *)&s->all, (uint64_t *)(void *)&s->living);
    add(&s->all, &s->own);
    add(&s->living, &s->own);
}

void tc_admin_last(const tc_admin *admin)
{
    counted own;
    tc_counts sum;
    if (!admin->ledger) return;
    tc_census_last(admin->server, &sum);
    count(admin, &sum, &own);
    publish(admin, layout_of(admin), &own);
}

/* --- /metrics ------------------------------------------------------------------------------ */

static size_t own_facts(const state *s, tc_metrics_fact *room)
{
    const tc_admin *a = s->admin;
    const tc_counts *own = &s->own.server;
    const double up = (double)(tc_loop_now(s->loop) - a->begun) / 1e9;
    const tc_metrics_fact facts[] = {
        {"tercet_uptime_seconds", "Since this generation began to serve.", up},
        {"tercet_generation", "Which configuration this is, from 1.", a->generation},
        {"tercet_draining", "1: it finishes what is under way, and ends.",
         atomic_load(&a->draining)},
        {"tercet_workers", "Threads of this generation that serve.", (double)own->workers},
        {"tercet_workers_silent",
         "Workers that did not tell their counts in time: what they said "
         "before is in the sums.",
         (double)own->silent},
        {"tercet_handshakes_open", "TLS and QUIC handshakes under way.",
         (double)s->living.server.handshakes},
        {"tercet_starved_total",
         "Times a worker took no connections for a moment, out of file "
         "descriptors or memory.",
         (double)s->all.server.starved}};
    memcpy(room, facts, sizeof facts);
    return sizeof facts / sizeof *facts;
}

static size_t kin_facts(const state *s, tc_metrics_fact *room)
{
    if (!s->admin->ledger) return 0;
    tc_ledger_notes *notes = tc_ledger_notes_of(s->admin->ledger);
    const tc_metrics_fact facts[] = {
        {"tercet_generations", "Processes that serve, or finish what is under way.",
         s->generations},
        {"tercet_generations_crashed_total", "Generations that ended without being told to.",
         (double)notes->crashed},
        {"tercet_reloads_total", "Reloads that are in force, or were.", (double)notes->reloads},
        {"tercet_reloads_refused_total", "Reloads after which nothing had changed.",
         (double)notes->refused},
        {"tercet_last_reload_refused", "1: what was to be loaded last is not in force.",
         (double)notes->refused_last},
        {"tercet_last_reload_timestamp_seconds",
         "When the configuration that is in force was read, in Unix time.",
         (double)notes->reloaded_at}};
    memcpy(room, facts, sizeof facts);
    return sizeof facts / sizeof *facts;
}

/* As they are told: counters of all, gauges of those that live. */
static size_t shared_facts(const state *s, tc_metrics_fact *room)
{
    const size_t n = more_facts(s->admin, room);
    for (size_t i = 0; i < n; i++)
        if (room[i].value >= 0)
            room[i].value =
                (double)(tc_metrics_fact_counts(&room[i]) ? s->all.more[i] : s->living.more[i]);
    return n;
}

static tc_err answer(visit *v)
{
    tc_exchange *x = v->x;
    const state *s = v->home;
    const tc_admin *a = s->admin;
    tc_metrics_fact more[3 * TC_ADMIN_FACTS];
    tc_metrics_facts facts = a->facts;
    tc_reached reached = s->all.server.reached;
    if (a->ledger) reached.generations += tc_ledger_notes_of(a->ledger)->made_room;
    facts.reached = &reached;
    facts.living = &s->living.server.metrics;
    facts.more = more;
    facts.more_count = own_facts(s, more);
    facts.more_count += kin_facts(s, more + facts.more_count);
    facts.more_count += shared_facts(s, more + facts.more_count);
    tc_err err = tc_metrics_write(&v->page, &s->all.server.metrics, &facts);
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

static void hear(void *self, tc_counts *sum)
{
    state *s = self;
    count(s->admin, sum, &s->own);
    publish(s->admin, s->layout, &s->own);
    if (s->waiting) add_others(s);
    while (s->waiting) {
        visit *v = s->waiting;
        leave(v);
        const tc_err err = answer(v);
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

/* Without an alarm, only what was told is published. */
static void publish_again(tc_alarm *alarm)
{
    state *s = (state *)((char *)alarm - offsetof(state, publish));
    tc_census_ask(s->census);
    (void)!tc_loop_set(s->loop, alarm, tc_loop_now(s->loop) + PUBLISH_MS * TC_MS);
}

static void worker_end(void *app, tc_worker *w, void *argument)
{
    state *s = argument;
    (void)app;
    (void)w;
    tc_loop_clear(s->loop, &s->publish);
    tc_census_free(s->census);
    tc_free(s);
}

static void *worker_begin(void *app, tc_worker *w)
{
    state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->admin = app;
    s->loop = tc_worker_loop(w);
    s->publish.ring = publish_again;
    s->publish.timer.deadline = TC_NEVER;
    tc_err err = tc_census_new(s->admin->server, s->loop, hear, s, &s->census);
    if (!err && s->admin->ledger) {
        s->layout = layout_of(s->admin);
        err = tc_loop_set(s->loop, &s->publish, tc_loop_now(s->loop));
    }
    if (!err) return s;
    tc_census_free(s->census);
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
