/* bench_run.c - the load of `tercet bench`: slots, each with a connection that asks again and
 * again. One loop, one thread, no malloc for a request.
 *
 * What counts is a unit: a request, or (handshakes) a connection. A slot that opens a connection
 * holds the first unit that it is for, so that each unit begun ends once: done or failed. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/again.h"
#include "cmd/bench.h"

enum { LOOK_MS = 100, PAUSE_MS = 20 };

#define OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

struct driver;

struct slot;

typedef struct connecting {
    tc_connect connect;
    struct slot *slot;
} connecting;

typedef struct slot {
    struct driver *driver;
    tc_connection *connection;
    struct connecting *connecting; /* under way */
    tc_task step;
    tc_alarm pause;      /* after a failure */
    int64_t opening;     /* since when */
    int64_t heard;       /* the last sign of life, while something runs */
    uint64_t running;    /* requests */
    uint64_t may_refuse; /* requests that are sent again if the server refuses them */
    unsigned skip;       /* addresses where nobody spoke QUIC */
    bool another;        /* there is an address behind this one */
    bool holds;          /* a unit, for the next request */
    bool settled;        /* its first connection is open, or failed */
    bool spent;          /* its connection takes no more */
    bool pauses;
} slot;

typedef struct driver {
    tc_bench *b;
    tc_loop *loop;
    tc_client client;
    tc_origin origin;
    void (*client_ended)(tc_session_env *env, tc_session *s, tc_err why);
    slot *slots;
    uint64_t unsettled;
    tc_alarm look, limit;
    tc_io interrupt;
    bool reached; /* there was a connection */
    bool asking;  /* the clock runs */
    bool over;
    tc_err err; /* why there was none */
} driver;

/* One request under way, in its arena. */
typedef struct asked {
    slot *slot;
    int64_t begun;
    bool ended;
} asked;

static int interrupt_pipe[2] = {-1, -1};

static void look_at_server(driver *d, tc_bench_cpu *cpu)
{
    const tc_request *r = &d->b->request;
    tc_bench_cpu_server(cpu, d->b->address, r->url.port, tc_client_needs_quic(r->version));
}

static void go_on(slot *s)
{
    tc_loop_after(s->driver->loop, &s->step);
}

static void finish(driver *d)
{
    tc_bench *b = d->b;
    if (d->over) return;
    d->over = true;
    b->ended = tc_loop_tick(d->loop);
    if (!b->began) b->began = b->ended;
    b->unfinished = b->begun - b->done - b->failed;
    tc_bench_cpu_ours(&b->cpu_after);
    look_at_server(d, &b->cpu_after);
    tc_loop_stop(d->loop);
}

static bool take_unit(driver *d)
{
    tc_bench *b = d->b;
    if (d->over || (b->count && b->begun == b->count)) return false;
    b->begun++;
    return true;
}

static void unit_over(driver *d, tc_err err)
{
    tc_bench *b = d->b;
    if (d->over) return;
    if (err) {
        b->failed++;
        if (-(int)err < TC_BENCH_ERRORS) b->errors[-(int)err]++;
    } else {
        b->done++;
    }
    if (b->count && b->done + b->failed == b->count) finish(d);
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

static tc_err on_end(void *self, tc_exchange *x)
{
    asked *a = self;
    driver *d = a->slot->driver;
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
    slot *s = a->slot;
    driver *d = s->driver;
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
        b->sent_again++;
        b->begun--;
    } else {
        unit_over(d, a->ended ? TC_OK : why ? why : TC_ERR_SESSION_ENDED);
    }
    if (s->spent) go_on(s);
}

static const tc_handler handler = {.name = "bench",
                                   .on_head = on_head,
                                   .on_data = on_data,
                                   .on_end = on_end,
                                   .on_close = on_close};

/* --- a slot -------------------------------------------------------------------------------- */

static void fill_in(const tc_request *r, tc_exchange *x, asked *a)
{
    x->ours.version = r->version;
    x->ours.method = r->method;
    x->ours.method_name = r->method_name;
    x->ours.scheme = r->url.scheme;
    x->ours.authority = r->no_host ? (tc_span){0} : r->host.at ? r->host : r->url.authority;
    x->ours.omits_host = r->no_host;
    x->ours.path = r->url.path;
    x->ours.fields = r->fields;
    x->ended = true;
    x->handler = &handler;
    x->self = a;
}

/* TC_ERR_FULL: not now. */
static tc_err ask(slot *s)
{
    driver *d = s->driver;
    tc_exchange *x = tc_session_exchange(&d->client.env);
    asked *a = x ? tc_exchange_alloc(x, sizeof *a) : NULL;
    tc_err err = TC_ERR_NO_MEMORY;
    if (a) {
        *a = (asked){.slot = s, .begun = tc_loop_now(d->loop)};
        fill_in(&d->b->request, x, a);
        err = tc_session_start(&s->connection->session, x);
    }
    if (err && x) {
        tc_exchange_fini(x);
        tc_slab_put(&d->client.env.exchanges, x);
    }
    if (!err) s->running++;
    return err;
}

/* As many requests as there may be at a time. */
static void ask_more(slot *s)
{
    driver *d = s->driver;
    const tc_bench *b = d->b;
    tc_err err = TC_OK;
    if (s->running == 0) s->heard = tc_loop_tick(d->loop);
    while (!err && !d->over && !s->spent && s->running < b->streams &&
           tc_session_can_start(&s->connection->session)) {
        if (!s->holds && !take_unit(d)) return;
        s->holds = true;
        err = ask(s);
        if (!err) s->holds = false;
        if (b->once) return;
    }
    if (err && (err != TC_ERR_FULL || s->running == 0)) {
        s->spent = true; /* not one request can go out on it */
        s->holds = false;
        unit_over(d, err == TC_ERR_FULL ? TC_ERR_REFUSED : err);
        go_on(s);
    }
}

/* The clock begins with the first request; where connections count, with the first of them. */
static void begin_clock(driver *d)
{
    tc_bench *b = d->b;
    if (d->asking || d->over) return;
    d->asking = true;
    look_at_server(d, &b->cpu_before);
    tc_bench_cpu_ours(&b->cpu_before);
    b->began = tc_loop_tick(d->loop);
    if (b->time_ns && tc_loop_set(d->loop, &d->limit, b->began + b->time_ns) != TC_OK) finish(d);
}

/* Its first connection stands, or could not be made: requests begin when all are that far. */
static void settle(slot *s)
{
    driver *d = s->driver;
    if (s->settled) return;
    s->settled = true;
    d->unsettled--;
    if (d->unsettled || d->asking || !d->reached) return;
    begin_clock(d);
    for (uint64_t i = 0; i < d->b->connections; i++)
        go_on(&d->slots[i]);
}

static bool connections_count(const tc_bench *b)
{
    return b->once || b->handshakes;
}

static void failed(slot *s, tc_err err, const char *why)
{
    driver *d = s->driver;
    if (d->over) return;
    if (!d->reached) {
        d->err = err;
        (void)snprintf(d->b->why, sizeof d->b->why, "%s", why);
        finish(d);
        return;
    }
    if (s->holds) {
        s->holds = false;
        unit_over(d, err);
    }
    settle(s);
    if (d->over) return;
    s->pauses = true;
    if (tc_loop_set(d->loop, &s->pause, tc_loop_now(d->loop) + PAUSE_MS * TC_MS)) finish(d);
}

static enum tc_version version_of(const tc_session *s)
{
    static const enum tc_version versions[] = {TC_HTTP_3, TC_HTTP_2};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (tc_session_has_version(s, versions[i])) return versions[i];
    return TC_HTTP_1_1;
}

static void is_open(slot *s)
{
    driver *d = s->driver;
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
        link->type->peer(link, b->address, &port);
        if (connections_count(b)) look_at_server(d, &b->cpu_before); /* it was not known before */
        for (uint64_t i = 0; i < b->connections; i++)
            go_on(&d->slots[i]);
    }
    if (b->handshakes) {
        s->holds = false;
        s->spent = true;
        tc_histogram_add(b->latency, took);
        unit_over(d, TC_OK);
    }
    settle(s);
    go_on(s);
}

static void opened(tc_connection *connection, tc_err err)
{
    connection->opened = NULL;
    if (!err) is_open(connection->waiter); /* else it ends, see ended() */
}

static void connected(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    connecting *way = OWNER(connecting, connect, c);
    slot *s = way->slot;
    driver *d = s->driver;
    s->connecting = NULL;
    s->another = s->skip + 1 < c->found[TC_V6].count + c->found[TC_V4].count;
    if (!err) err = tc_client_adopt(&d->client, fd, peer, &d->origin, s, &s->connection);
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

static void open_connection(slot *s)
{
    driver *d = s->driver;
    const tc_bench *b = d->b;
    if (!s->holds && !take_unit(d)) return;
    s->holds = true;
    if (connections_count(b)) begin_clock(d);
    s->opening = tc_loop_tick(d->loop);
    connecting *way = tc_alloc_zero(sizeof *way);
    s->connecting = way;
    if (!way) {
        failed(s, TC_ERR_NO_MEMORY, "");
        return;
    }
    way->slot = s;
    way->connect.loop = d->loop;
    way->connect.host = d->reached ? tc_span_str(b->address) : b->request.url.host;
    way->connect.port = b->request.url.port;
    way->connect.limit_ns = (int64_t)b->limits.connect_ms * TC_MS;
    way->connect.datagrams = tc_client_needs_quic(b->request.version);
    way->connect.skip = d->reached ? 0 : s->skip;
    way->connect.done = connected;
    tc_connect_begin(&way->connect);
}

static void step(tc_task *task)
{
    slot *s = OWNER(slot, step, task);
    const driver *d = s->driver;
    if (d->over || s->connecting || s->pauses) return;
    if (!s->connection) {
        open_connection(s);
    } else if (s->spent) {
        if (!s->running) tc_session_kill(&s->connection->session, TC_OK);
    } else if (d->asking && !tc_session_opening(&s->connection->session)) {
        ask_more(s);
    }
}

static void pause_over(tc_alarm *alarm)
{
    slot *s = OWNER(slot, pause, alarm);
    s->pauses = false;
    go_on(s);
}

/* --- the client tells ---------------------------------------------------------------------- */

/* Where the first address has nobody who speaks QUIC, the next one may have. */
static bool tries_next(slot *s, const tc_connection *gone, tc_err why)
{
    const bool nobody = why == TC_ERR_CONNECT || why == TC_ERR_TLS_TIME;
    if (s->driver->reached || !gone->endpoint || !nobody || !s->another) return false;
    s->skip++;
    return true;
}

static void ended(tc_session_env *env, tc_session *session, tc_err why)
{
    driver *d = env->owner;
    tc_connection *gone = OWNER(tc_connection, session, session);
    slot *s = gone->waiter;
    const bool opening = gone->opened != NULL;
    gone->opened = NULL;
    if (s) {
        s->connection = NULL;
        if (opening && !tries_next(s, gone, why))
            failed(s, why ? why : TC_ERR_SESSION_ENDED, gone->why);
        else
            go_on(s);
    }
    d->client_ended(env, session, why);
}

static void idle(tc_session_env *env, tc_session *session)
{
    const tc_connection *connection = OWNER(tc_connection, session, session);
    (void)env;
    if (connection->waiter) ask_more(connection->waiter);
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Who says nothing for too long is given up. */
static void look(tc_alarm *alarm)
{
    driver *d = OWNER(driver, look, alarm);
    const int64_t now = tc_loop_now(d->loop);
    const int64_t most = (int64_t)d->b->limits.response_ms * TC_MS;
    for (uint64_t i = 0; i < d->b->connections && !d->over; i++) {
        slot *s = &d->slots[i];
        if (!s->running || now - s->heard < most) continue;
        d->b->reached.response_ms++;
        tc_session_kill(&s->connection->session, TC_ERR_RESPONSE_TIME);
    }
    if (d->asking) tc_bench_live(d->b, now);
    if (!d->over && tc_loop_set(d->loop, alarm, now + LOOK_MS * TC_MS) != TC_OK) finish(d);
}

static void time_over(tc_alarm *alarm)
{
    finish(OWNER(driver, limit, alarm));
}

static void interrupted(int signal_number)
{
    const int before = errno;
    (void)signal_number;
    if (write(interrupt_pipe[1], "", 1) < 0) _exit(tc_err_exit(TC_ERR_INTERRUPTED));
    errno = before;
}

static void interrupt_ready(tc_io *io, unsigned what)
{
    driver *d = OWNER(driver, interrupt, io);
    (void)what;
    tc_loop_remove(d->loop, io);
    if (!d->over) d->b->interrupted = true;
    finish(d);
}

/* The first Ctrl-C ends the measurement, a second one the program. */
static void catch_signals(driver *d)
{
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND};
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail: a valid signal */
    if (pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK)) return;
    d->interrupt = (tc_io){interrupt_pipe[0], interrupt_ready};
    if (tc_loop_add_listener(d->loop, &d->interrupt) == TC_OK) sigaction(SIGINT, &action, NULL);
}

static void more_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l); /* without it connections fail, and that is counted */
}

static tc_err set_up(driver *d)
{
    tc_bench *b = d->b;
    tc_err err = tc_client_init(&d->client, d->loop, &b->limits, &b->reached);
    if (err) return err;
    d->client.tls_config = b->tls;
    d->client_ended = d->client.env.ended;
    d->client.env.ended = ended;
    d->client.env.idle = idle;
    d->client.env.owner = d;
    d->origin = tc_origin_of(&b->request.url, b->request.version, &b->tls, &b->request.fields);
    d->unsettled = b->connections;
    d->slots = tc_alloc_zero(b->connections * sizeof *d->slots);
    b->latency = tc_alloc_zero(sizeof *b->latency);
    b->opening = tc_alloc_zero(sizeof *b->opening);
    if (!d->slots || !b->latency || !b->opening) return TC_ERR_NO_MEMORY;
    for (uint64_t i = 0; i < b->connections; i++)
        d->slots[i] = (slot){.driver = d, .step = {.run = step}, .pause = {.ring = pause_over}};
    d->look.ring = look;
    d->limit.ring = time_over;
    if (tc_span_eq(b->request.url.scheme, TC_SPAN("https")))
        err = tc_client_secure(&d->client, b->request.version, b->why);
    return err ? err : tc_loop_set(d->loop, &d->look, tc_loop_tick(d->loop) + LOOK_MS * TC_MS);
}

static void tear_down(driver *d)
{
    d->over = true;
    for (uint64_t i = 0; d->slots && i < d->b->connections; i++) {
        slot *s = &d->slots[i];
        if (s->connecting) tc_connect_cancel(&s->connecting->connect);
        tc_free(s->connecting);
        tc_loop_clear(d->loop, &s->pause);
    }
    tc_client_fini(&d->client);
    tc_loop_clear(d->loop, &d->look);
    tc_loop_clear(d->loop, &d->limit);
    if (tc_loop_turn(d->loop, 0)) {
    } /* lets go of look-ups that were cancelled */
    tc_loop_free(d->loop);
    tc_free(d->slots);
}

tc_err tc_bench_run(tc_bench *b)
{
    driver *d = &(driver){.b = b};
    tc_err err = tc_loop_new(&d->loop);
    if (err) return err;
    more_descriptors();
    catch_signals(d);
    err = set_up(d);
    if (!err) {
        go_on(&d->slots[0]); /* the first one finds the way */
        err = tc_loop_run(d->loop);
    }
    tc_bench_live_end(b);
    tear_down(d);
    return err ? err : d->err;
}
