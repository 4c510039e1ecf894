/* bench_slot.c - a slot of `tercet bench`: a connection that asks again and again, opened anew when
 * it ended. No malloc for a request. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/alloc.h"
#include "client/again.h"
#include "load/bench_load.h"

enum { PAUSE_MS = 20 };

typedef struct tc_bench_connecting {
    tc_connect connect;
    tc_bench_slot *slot;
} connecting;

/* One request under way, in its arena. */
typedef struct asked {
    tc_bench_slot *slot;
    int64_t begun;
    bool ended;
} asked;

static void step(tc_task *task)
{
    tc_bench_slot_step(TC_OWNER(tc_bench_slot, step, task), UINT64_MAX);
}

void tc_bench_slot_go(tc_bench_slot *s)
{
    tc_loop_after(s->driver->loop, &s->step);
}

/* --- a request, as a handler --------------------------------------------------------------- */

static tc_err on_head(void *self, tc_exchange *x)
{
    asked *a = self;
    (void)x;
    a->slot->heard = tc_loop_now(a->slot->driver->loop);
    return TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    (void)run;
    return on_head(self, x);
}

static tc_err on_room(void *self, tc_exchange *x)
{
    return on_head(self, x);
}

static tc_err on_end(void *self, tc_exchange *x)
{
    asked *a = self;
    tc_bench_driver *d = a->slot->driver;
    tc_bench *b = d->b;
    if (d->over) return TC_OK;
    a->ended = true;
    tc_histogram_add(b->latency, tc_loop_tick(d->loop) - a->begun);
    b->statuses[x->theirs.status < TC_BENCH_STATUSES ? x->theirs.status : 0]++;
    a->slot->may_refuse = b->streams;
    return TC_OK;
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    const asked *a = self;
    tc_bench_slot *s = a->slot;
    tc_bench_driver *d = s->driver;
    tc_bench *b = d->b;
    s->running--;
    if (d->over) return;
    b->bytes_in += x->wire_in;
    b->bytes_out += x->wire_out;
    b->content += x->content_in;
    if (b->once) s->spent = true;
    if (b->resume) tc_again_keep(&d->client, s->connection);
    if (!a->ended && why == TC_ERR_REFUSED && s->may_refuse) {
        s->may_refuse--;
        tc_bench_take_back(d, a->begun);
    } else {
        tc_bench_unit_over(d, a->ended ? TC_OK : why ? why : TC_ERR_SESSION_ENDED);
    }
    if (s->spent) tc_bench_slot_go(s);
}

static const tc_handler handler = {.name = "bench",
                                   .on_head = on_head,
                                   .on_data = on_data,
                                   .on_end = on_end,
                                   .on_room = on_room,
                                   .on_close = on_close};

static void send_content(tc_exchange *x, const tc_content *c)
{
    const tc_run run = c->kind == TC_CONTENT_FILE ? tc_run_file(c->fd, c->off, (size_t)c->length)
                                                  : tc_run_bytes(c->bytes);
    const tc_err err = tc_exchange_send(x, run, true);
    if (err) tc_exchange_abort(x, err);
}

/* TC_ERR_FULL: not now. */
static tc_err ask(tc_bench_slot *s)
{
    tc_bench_driver *d = s->driver;
    tc_exchange *x = tc_session_exchange(&d->client.env);
    asked *a = x ? tc_exchange_alloc(x, sizeof *a) : NULL;
    tc_err err = TC_ERR_NO_MEMORY;
    if (a) {
        *a = (asked){.slot = s, .begun = d->b->rate ? s->due : tc_loop_now(d->loop)};
        tc_request_message(&d->b->request, &x->ours);
        x->ended = x->ours.length == 0;
        x->handler = &handler;
        x->self = a;
        err = tc_way_dress(&d->b->request.url, d->b->proxy, d->b->request.version, x);
        if (!err) err = tc_session_start(&s->connection->session, x);
    }
    if (err && x) {
        tc_exchange_fini(x);
        tc_slab_put(&d->client.env.exchanges, x);
    }
    if (!err) {
        s->running++;
        if (!x->ended) send_content(x, &d->b->request.content);
    }
    return err;
}

/* A unit, unless it holds one. */
static bool hold(tc_bench_slot *s)
{
    if (!s->holds) s->holds = tc_bench_take(s->driver, &s->due);
    return s->holds;
}

/* As many requests as there may be at a time. */
static void ask_more(tc_bench_slot *s, uint64_t most)
{
    tc_bench_driver *d = s->driver;
    const tc_bench *b = d->b;
    tc_err err = TC_OK;
    if (s->running == 0) s->heard = tc_loop_tick(d->loop);
    for (; most && !err && !d->over && !s->spent && s->running < b->streams; most--) {
        if (!tc_session_can_start(&s->connection->session) || !hold(s)) return;
        err = ask(s);
        if (!err) s->holds = false;
        if (b->once) return;
    }
    if (err && (err != TC_ERR_FULL || s->running == 0)) {
        s->spent = true; /* not one request can go out on it */
        s->holds = false;
        tc_bench_unit_over(d, err == TC_ERR_FULL ? TC_ERR_REFUSED : err);
        tc_bench_slot_go(s);
    }
}

/* --- its connection ------------------------------------------------------------------------ */

/* Its first connection stands, or could not be made: requests begin when all are that far. */
static void settle(tc_bench_slot *s)
{
    tc_bench_driver *d = s->driver;
    if (s->settled) return;
    s->settled = true;
    d->unsettled--;
    if (d->unsettled || d->asking || !d->reached) return;
    tc_bench_begin_clock(d);
    for (uint64_t i = 0; i < d->b->connections; i++)
        tc_bench_slot_go(&d->slots[i]);
}

static void failed(tc_bench_slot *s, tc_err err, const char *why)
{
    tc_bench_driver *d = s->driver;
    if (d->over) return;
    if (!d->reached) {
        d->err = err;
        (void)snprintf(d->b->why, sizeof d->b->why, "%s", why);
        tc_bench_finish(d);
        return;
    }
    if (s->holds) {
        s->holds = false;
        tc_bench_unit_over(d, err);
    }
    settle(s);
    if (d->over) return;
    s->pauses = true;
    if (tc_loop_set(d->loop, &s->pause, tc_loop_now(d->loop) + PAUSE_MS * TC_MS))
        tc_bench_finish(d);
}

static enum tc_version version_of(const tc_session *s)
{
    static const enum tc_version versions[] = {TC_HTTP_3, TC_HTTP_2};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (tc_session_has_version(s, versions[i])) return versions[i];
    return TC_HTTP_1_1;
}

static void is_open(tc_bench_slot *s)
{
    tc_bench_driver *d = s->driver;
    tc_bench *b = d->b;
    tc_protection p;
    uint16_t port;
    const tc_link *link = &s->connection->link;
    const int64_t took = tc_loop_tick(d->loop) - s->opening;
    if (d->over) return;
    b->made++;
    b->version = version_of(&s->connection->session);
    tc_histogram_add(b->opening, took);
    if (link->type->protection && link->type->protection(link, &p) && p.resumed) b->resumed++;
    if (!d->reached) { /* the others go to the same address at once */
        d->reached = true;
        const tc_ip ip = link->type->address(link, &port);
        (void)tc_ip_text(&ip, b->address);
        if (tc_bench_opens(b))
            tc_bench_look_at_server(d, &b->cpu_before); /* it was not known before */
        for (uint64_t i = 0; i < b->connections; i++)
            tc_bench_slot_go(&d->slots[i]);
    }
    if (b->handshakes) {
        s->holds = false;
        s->spent = true;
        tc_histogram_add(b->latency, b->rate ? tc_loop_now(d->loop) - s->due : took);
        tc_bench_unit_over(d, TC_OK);
    }
    settle(s);
    tc_bench_slot_go(s);
}

static void opened(tc_connection *connection, tc_err err)
{
    connection->opened = NULL;
    if (!err) is_open(connection->waiter); /* else it ends, see ended() */
}

static void connected(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    connecting *way = TC_OWNER(connecting, connect, c);
    tc_bench_slot *s = way->slot;
    tc_bench_driver *d = s->driver;
    s->connecting = NULL;
    s->another = s->skip + 1 < c->found[TC_V6].count + c->found[TC_V4].count;
    if (!err)
        err = tc_client_adopt(&d->client, fd, c->cover, peer, &d->origin, false, s, &s->connection);
    if (err) {
        s->connection = NULL;
        failed(s, err, c->why);
    } else {
        s->connection->waiter = s;
        s->spent = false;
        if (tc_session_opening(&s->connection->session))
            s->connection->opened = opened;
        else
            is_open(s);
    }
    tc_free(way);
}

static void open_connection(tc_bench_slot *s)
{
    tc_bench_driver *d = s->driver;
    const tc_bench *b = d->b;
    const bool ahead = b->rate && !d->asking && !tc_bench_opens(b); /* no unit waits for it */
    if (!ahead && !hold(s)) return;
    if (tc_bench_opens(b)) tc_bench_begin_clock(d);
    s->opening = tc_loop_tick(d->loop);
    connecting *way = tc_alloc_zero(sizeof *way);
    s->connecting = way;
    if (!way) {
        failed(s, TC_ERR_NO_MEMORY, "");
        return;
    }
    way->slot = s;
    way->connect.loop = d->loop;
    way->connect.host = d->reached ? tc_span_str(b->address)
                        : b->proxy ? b->proxy->host
                                   : b->request.url.host;
    way->connect.port = tc_bench_port(b);
    way->connect.via = b->via;
    way->connect.via.tls = d->client.proxy_tls;
    way->connect.limit_ns = (int64_t)b->limits.connect_ms * TC_MS;
    way->connect.datagrams = tc_client_needs_quic(b->request.version);
    way->connect.skip = d->reached ? 0 : s->skip;
    way->connect.done = connected;
    tc_connect_begin(&way->connect);
}

void tc_bench_slot_step(tc_bench_slot *s, uint64_t most)
{
    const tc_bench_driver *d = s->driver;
    if (d->over || s->connecting || s->pauses) return;
    if (!s->connection) {
        open_connection(s);
    } else if (s->spent) {
        if (!s->running) tc_session_kill(&s->connection->session, TC_OK);
    } else if (d->asking && !tc_session_opening(&s->connection->session)) {
        ask_more(s, most);
    }
}

static void pause_over(tc_alarm *alarm)
{
    tc_bench_slot *s = TC_OWNER(tc_bench_slot, pause, alarm);
    s->pauses = false;
    tc_bench_slot_go(s);
}

/* --- the client tells ---------------------------------------------------------------------- */

/* Where the first address has nobody who speaks QUIC, the next one may have. */
static bool tries_next(tc_bench_slot *s, const tc_connection *gone, tc_err why)
{
    const bool nobody = why == TC_ERR_CONNECT || why == TC_ERR_TLS_TIME;
    if (s->driver->reached || !gone->endpoint || !nobody || !s->another) return false;
    s->skip++;
    return true;
}

void tc_bench_session_ended(tc_session_env *env, tc_session *session, tc_err why)
{
    tc_bench_driver *d = env->owner;
    tc_connection *gone = TC_OWNER(tc_connection, session, session);
    tc_bench_slot *s = gone->waiter;
    const bool opening = gone->opened != NULL;
    gone->opened = NULL;
    if (s) {
        s->connection = NULL;
        if (opening && !tries_next(s, gone, why))
            failed(s, why ? why : TC_ERR_SESSION_ENDED, gone->why);
        else
            tc_bench_slot_go(s);
    }
    d->client_ended(env, session, why);
}

void tc_bench_session_idle(tc_session_env *env, tc_session *session)
{
    const tc_connection *connection = TC_OWNER(tc_connection, session, session);
    (void)env;
    if (connection->waiter) ask_more(connection->waiter, UINT64_MAX);
}

/* --- its life ------------------------------------------------------------------------------ */

void tc_bench_slot_init(tc_bench_slot *s, tc_bench_driver *d)
{
    *s = (tc_bench_slot){.driver = d, .step = {.run = step}, .pause = {.ring = pause_over}};
}

void tc_bench_slot_fini(tc_bench_slot *s)
{
    if (s->connecting) tc_connect_cancel(&s->connecting->connect);
    tc_free(s->connecting);
    tc_loop_clear(s->driver->loop, &s->pause);
}
