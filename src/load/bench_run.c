/* bench_run.c - the load of `tercet bench` from its beginning to its end: set-up, the clock,
 * Ctrl-C, those who say nothing for too long. */
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "load/bench_load.h"
#include "run/interrupt.h"

enum { LOOK_MS = 100 };

void tc_bench_look_at_server(tc_bench_driver *d, tc_bench_cpu *cpu)
{
    const tc_request *r = &d->b->request;
    tc_bench_cpu_server(cpu, d->b->address, tc_bench_port(d->b), tc_client_needs_quic(r->version));
}

void tc_bench_finish(tc_bench_driver *d)
{
    tc_bench *b = d->b;
    if (d->over) return;
    d->over = true;
    b->ended = tc_loop_tick(d->loop);
    if (!b->began) b->began = b->ended;
    b->unfinished = b->begun - b->done - b->failed;
    b->not_begun = tc_bench_not_begun(b);
    tc_bench_cpu_ours(&b->cpu_after);
    tc_bench_look_at_server(d, &b->cpu_after);
    tc_loop_stop(d->loop);
}

/* The clock begins with the first request; where connections count, with the first of them. */
void tc_bench_begin_clock(tc_bench_driver *d)
{
    tc_bench *b = d->b;
    if (d->asking || d->over) return;
    d->asking = true;
    tc_bench_look_at_server(d, &b->cpu_before);
    tc_bench_cpu_ours(&b->cpu_before);
    b->began = tc_loop_tick(d->loop);
    if (b->time_ns && tc_loop_set(d->loop, &d->limit, b->began + b->time_ns) != TC_OK)
        tc_bench_finish(d);
    tc_bench_pace(d);
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Who says nothing for too long is given up. */
static void look(tc_alarm *alarm)
{
    tc_bench_driver *d = TC_OWNER(tc_bench_driver, look, alarm);
    const int64_t now = tc_loop_now(d->loop);
    const int64_t most = (int64_t)d->b->limits.response_ms * TC_MS;
    for (uint64_t i = 0; i < d->b->connections && !d->over; i++) {
        tc_bench_slot *s = &d->slots[i];
        if (!s->running || now - s->heard < most) continue;
        d->b->reached.response_ms++;
        tc_session_kill(&s->connection->session, TC_ERR_RESPONSE_TIME);
    }
    if (d->asking) tc_bench_live(d->b, now);
    if (!d->over && tc_loop_set(d->loop, alarm, now + LOOK_MS * TC_MS) != TC_OK) tc_bench_finish(d);
}

static void time_over(tc_alarm *alarm)
{
    tc_bench_finish(TC_OWNER(tc_bench_driver, limit, alarm));
}

static void interrupt_ready(tc_io *io, unsigned what)
{
    tc_bench_driver *d = TC_OWNER(tc_bench_driver, interrupt, io);
    (void)what;
    tc_loop_remove(d->loop, io);
    if (!d->over) d->b->interrupted = true;
    tc_bench_finish(d);
}

static void more_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l); /* without it connections fail, and that is counted */
}

static tc_err set_up(tc_bench_driver *d)
{
    tc_bench *b = d->b;
    tc_err err = tc_client_init(&d->client, d->loop, &b->limits, &b->reached);
    if (err) return err;
    d->client.tls_config = b->tls;
    d->client_ended = d->client.env.ended;
    d->client.env.ended = tc_bench_session_ended;
    d->client.env.idle = tc_bench_session_idle;
    d->client.env.owner = d;
    d->origin =
        tc_origin_of(&b->request.url, b->proxy, b->request.version, &b->tls, &b->request.fields);
    d->unsettled = b->connections;
    d->slots = tc_alloc_zero(b->connections * sizeof *d->slots);
    b->latency = tc_alloc_zero(sizeof *b->latency);
    b->opening = tc_alloc_zero(sizeof *b->opening);
    if (!d->slots || !b->latency || !b->opening) return TC_ERR_NO_MEMORY;
    for (uint64_t i = 0; i < b->connections; i++)
        tc_bench_slot_init(&d->slots[i], d);
    d->look.ring = look;
    d->limit.ring = time_over;
    if (tc_span_eq(b->request.url.scheme, TC_SPAN("https")))
        err = tc_client_secure(&d->client, b->request.version, b->why);
    if (!err && b->proxy && b->proxy->secure) err = tc_client_secure_proxy(&d->client, b->why);
    return err ? err : tc_loop_set(d->loop, &d->look, tc_loop_tick(d->loop) + LOOK_MS * TC_MS);
}

static void tear_down(tc_bench_driver *d)
{
    d->over = true;
    for (uint64_t i = 0; d->slots && i < d->b->connections; i++)
        tc_bench_slot_fini(&d->slots[i]);
    tc_client_fini(&d->client);
    tc_loop_clear(d->loop, &d->look);
    tc_loop_clear(d->loop, &d->limit);
    tc_loop_clear(d->loop, &d->due);
    if (tc_loop_turn(d->loop, 0)) {
    } /* lets go of look-ups that were cancelled */
    tc_loop_free(d->loop);
    tc_free(d->slots);
}

tc_err tc_bench_run(tc_bench *b)
{
    tc_bench_driver *d = &(tc_bench_driver){.b = b};
    tc_err err = tc_loop_new(&d->loop);
    if (err) return err;
    more_descriptors();
    tc_interrupt_catch(d->loop, &d->interrupt, interrupt_ready);
    err = set_up(d);
    if (!err) {
        tc_bench_slot_go(&d->slots[0]); /* the first one finds the way */
        err = tc_loop_run(d->loop);
    }
    tc_bench_live_end(b);
    tear_down(d);
    return err ? err : d->err;
}
