/* census.c - see census.h.
 *
 * A worker's thread that is over has said all it can: its counters are read where they are. A
 * question that it left behind stays in its loop, and is let run when the server is freed. */
// SPDX-License-Identifier: MIT
#include "server/census.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "server/inside.h"

typedef struct part {
    tc_task ask, told;
    tc_census *census;
    tc_worker *worker;
    bool asked; /* and not told yet: the worker has .said until then */
    tc_counts said, known;
} part;

struct tc_census {
    tc_loop *here;
    void (*done)(void *self, tc_counts *sum);
    void *self;
    tc_alarm late;
    bool under_way;
    tc_counts sum;
    unsigned count;
    part parts[];
};

static void read_worker(const tc_worker *w, tc_counts *to)
{
    to->metrics = *w->metrics;
    to->reached = w->reached;
    to->starved = w->starved;
    to->handshakes = w->handshakes + w->quic.handshakes;
}

/* In the worker's thread. */
static void tell(tc_task *task)
{
    part *p = (part *)((char *)task - offsetof(part, ask));
    read_worker(p->worker, &p->said);
    tc_loop_post(p->census->here, &p->told);
}

static void add(tc_counts *sum, const tc_counts *more)
{
    tc_metrics_add(&sum->metrics, &more->metrics);
    tc_reached_add(&sum->reached, &more->reached);
    sum->starved += more->starved;
    sum->handshakes += more->handshakes;
}

void tc_census_last(const tc_server *server, tc_counts *ret_sum)
{
    tc_counts one;
    memset(ret_sum, 0, sizeof *ret_sum);
    memset(&one, 0, sizeof one);
    ret_sum->workers = server->count;
    for (unsigned i = 0; i < server->count && server->config.counts; i++) {
        read_worker(&server->workers[i], &one);
        add(ret_sum, &one);
    }
}

static bool is_over(const tc_worker *w)
{
    return atomic_load_explicit(&w->over, memory_order_acquire);
}

static void finish(tc_census *c)
{
    c->under_way = false;
    tc_loop_clear(c->here, &c->late);
    memset(&c->sum, 0, sizeof c->sum);
    c->sum.workers = c->count;
    for (unsigned i = 0; i < c->count; i++) {
        part *p = &c->parts[i];
        const bool over = is_over(p->worker);
        if (over) read_worker(p->worker, &p->known);
        c->sum.silent += p->asked && !over;
        add(&c->sum, &p->known);
    }
    c->done(c->self, &c->sum);
}

static void finish_if_all_told(tc_census *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->parts[i].asked && !is_over(c->parts[i].worker)) return;
    if (c->under_way) finish(c);
}

static void hear(tc_task *task)
{
    part *p = (part *)((char *)task - offsetof(part, told));
    p->asked = false;
    p->known = p->said;
    finish_if_all_told(p->census);
}

static void give_up(tc_alarm *alarm)
{
    finish((tc_census *)((char *)alarm - offsetof(tc_census, late)));
}

tc_err tc_census_new(tc_server *server, tc_loop *here, void (*done)(void *self, tc_counts *sum),
                     void *self, tc_census **ret_census)
{
    tc_census *c = tc_alloc_zero(sizeof *c + server->count * sizeof *c->parts);
    if (!c) return TC_ERR_NO_MEMORY;
    c->here = here;
    c->done = done;
    c->self = self;
    c->late.ring = give_up;
    c->late.timer.deadline = TC_NEVER;
    c->count = server->count;
    for (unsigned i = 0; i < c->count; i++) {
        c->parts[i].ask.run = tell;
        c->parts[i].told.run = hear;
        c->parts[i].census = c;
        c->parts[i].worker = &server->workers[i];
    }
    *ret_census = c;
    return TC_OK;
}

void tc_census_free(tc_census *census)
{
    if (census) tc_loop_clear(census->here, &census->late);
    tc_free(census);
}

void tc_census_ask(tc_census *census)
{
    if (census->under_way) return;
    census->under_way = true;
    const int64_t until = tc_loop_now(census->here) + TC_CENSUS_MS * TC_MS;
    if (tc_loop_set(census->here, &census->late, until) != TC_OK) {
        finish(census); /* without an alarm nobody is waited for */
        return;
    }
    for (unsigned i = 0; i < census->count; i++) {
        part *p = &census->parts[i];
        if (p->asked || is_over(p->worker)) continue;
        p->asked = true;
        tc_loop_post(p->worker->loop, &p->ask);
    }
    finish_if_all_told(census);
}

/* Rows of tables are told apart by their names. */
uint64_t tc_counts_layout(void)
{
    const uint64_t places[] = {offsetof(tc_counts, reached),    offsetof(tc_counts, starved),
                               offsetof(tc_counts, handshakes), offsetof(tc_counts, workers),
                               offsetof(tc_counts, silent),     sizeof(tc_counts)};
    const tc_hash_key key = {tc_metrics_layout(), 1};
    uint64_t h = tc_hash(&key, tc_span_of((const char *)places, sizeof places));
    for (size_t i = 0; i < tc_limit_row_count; i++)
        h = tc_hash(&(tc_hash_key){h, tc_limit_rows[i].offset}, tc_span_str(tc_limit_rows[i].name));
    for (size_t i = 0; i < tc_refusal_row_count; i++)
        h = tc_hash(&(tc_hash_key){h, tc_refusal_rows[i].offset},
                    tc_span_str(tc_refusal_rows[i].name));
    return h;
}
