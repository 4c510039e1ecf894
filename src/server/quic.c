/* quic.c - see quic.h. */
// SPDX-License-Identifier: MIT
#include "server/quic.h"

#include <string.h>

#include "base/alloc.h"
#include "net/pass.h"
#include "server/inside.h"

enum {
    UNI_STREAMS = 8,      /* HTTP/3 needs three, and some more for what nobody knows yet */
    PASSED_AT_ONCE = 256, /* packets, before others of the loop get their turn */
};

typedef struct tc_quic_connection {
    tc_session session; /* first */
    tc_link_quic link;
    struct tc_quic_connection *next, **at;
    struct tc_quic_connection *older, *younger; /* while the handshake is under way */
    uint32_t place;                             /* among those of its client */
    bool shaking;
} tc_quic_connection;

typedef struct tc_stray {
    struct tc_stray *next;
    tc_endpoint *to;
    tc_datagrams d; /* the bytes follow */
} tc_stray;

static tc_endpoint *endpoint_of(tc_quic *q)
{
    return tc_quic_config_of(q)->owner;
}

static tc_worker_quic *of(tc_quic *q)
{
    return endpoint_of(q)->worker;
}

/* The worker's own ones, one after the other. NULL: that was the last. */
static tc_endpoint *next_endpoint(const tc_worker_quic *q, size_t *at)
{
    const tc_server *server = q->worker->server;
    while (server->endpoints && *at < server->first[server->listeners.count]) {
        tc_endpoint *e = &server->endpoints[(*at)++];
        if (e->worker == q && e->quic) return e;
    }
    return NULL;
}

static tc_quic_connection *connection_of(tc_link *l)
{
    return (tc_quic_connection *)(void *)((char *)l - offsetof(tc_quic_connection, link));
}

/* --- handshakes: for a new one the oldest makes room (worker.c) ----------------------------- */

static void end_handshake(tc_worker_quic *q, tc_quic_connection *c)
{
    if (!c->shaking) return;
    c->shaking = false;
    q->handshakes--;
    *(c->older ? &c->older->younger : &q->oldest) = c->younger;
    *(c->younger ? &c->younger->older : &q->youngest) = c->older;
}

static void begin_handshake(tc_worker_quic *q, tc_quic_connection *c)
{
    if (q->handshakes >= tc_worker_limits(q->worker)->handshakes) {
        tc_worker_reached(q->worker)->handshakes++;
        tc_session_kill(&q->oldest->session, TC_ERR_TLS_TIME);
    }
    c->shaking = true;
    c->younger = NULL;
    c->older = q->youngest;
    *(c->older ? &c->older->younger : &q->oldest) = c;
    q->youngest = c;
    q->handshakes++;
}

/* --- connections --------------------------------------------------------------------------- */

/* What anybody can say in a client's name takes half of its connections at most, and none of its
 * handshakes: beyond that it must be proven that it is there. */
static bool let_in(tc_worker *w, const tc_address *peer, bool proven, uint32_t *ret_place)
{
    tc_clients *clients = &w->server->clients;
    const tc_ip ip = tc_address_ip(peer);
    if (!tc_clients_enter(clients, &ip, proven, &w->reached, ret_place)) return false;
    if (tc_clients_shake(clients, &ip, proven, tc_clock_now(), &w->reached)) return true;
    tc_clients_leave(clients, *ret_place);
    return false;
}

static tc_link_quic *room(tc_quic *quic, const tc_address *peer, bool proven, bool *ret_prove)
{
    tc_worker_quic *q = of(quic);
    uint32_t place;
    if (!tc_worker_has_room(q->worker)) return NULL;
    if (!let_in(q->worker, peer, proven, &place)) {
        *ret_prove = !proven;
        return NULL;
    }
    tc_quic_connection *c = tc_slab_get(&q->connections);
    if (!c) {
        tc_clients_leave(&q->worker->server->clients, place);
        return NULL;
    }
    c->place = place;
    tc_tls_look(tc_quic_config_of(quic)->tls, tc_loop_now(tc_worker_loop(q->worker)));
    return &c->link;
}

static void unused(tc_quic *quic, tc_link_quic *l)
{
    tc_clients_leave(&of(quic)->worker->server->clients, connection_of(&l->link)->place);
    tc_slab_put(&of(quic)->connections, connection_of(&l->link));
}

static void on_ready(tc_link *link, unsigned what)
{
    tc_session_turn(&connection_of(link)->session, what);
}

static void begin(tc_quic *quic, tc_link_quic *l)
{
    tc_worker_quic *q = of(quic);
    tc_quic_connection *c = connection_of(&l->link);
    l->link.on_ready = on_ready;
    c->shaking = false;
    begin_handshake(q, c);
    c->next = q->open;
    c->at = &q->open;
    if (c->next) c->next->at = &c->next;
    q->open = c;
    tc_session_begin(&c->session, &q->env, &l->link, NULL);
}

static void opened(tc_session_env *env, tc_session *s)
{
    tc_worker *w = env->owner;
    end_handshake(&w->quic, (tc_quic_connection *)(void *)s);
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    tc_worker *w = env->owner;
    tc_worker_quic *q = &w->quic;
    tc_quic_connection *c = (tc_quic_connection *)(void *)s;
    (void)why;
    *c->at = c->next;
    if (c->next) c->next->at = c->at;
    end_handshake(q, c);
    tc_clients_leave(&w->server->clients, c->place);
    tc_slab_put(&q->connections, c);
    tc_worker_stop_if_drained(w);
}

void tc_worker_quic_drain(tc_worker_quic *q)
{
    size_t at = 0;
    for (tc_endpoint *e; (e = next_endpoint(q, &at));) {
        const tc_server *server = q->worker->server;
        const tc_server_taken *t = tc_server_taken_of(server, &server->listeners.at[e->address].at);
        tc_quic_drain(e->quic);
        if (t && t->udp) tc_quic_listen(e->quic, false);
    }
    for (tc_quic_connection *c = q->open, *next; c; c = next) {
        next = c->next;
        tc_worker_send_away(q->worker, &c->session);
    }
}

void tc_worker_quic_listen(tc_worker_quic *q)
{
    size_t at = 0;
    for (tc_endpoint *e; (e = next_endpoint(q, &at));)
        tc_quic_listen(e->quic, true);
}

/* --- packets of other workers --------------------------------------------------------------- */

static tc_stray *all_strays(tc_worker_quic *q)
{
    pthread_mutex_lock(&q->lock);
    tc_stray *s = q->strays;
    q->strays = NULL;
    q->last_stray = &q->strays;
    q->stray_count = 0;
    q->posted = false;
    pthread_mutex_unlock(&q->lock);
    return s;
}

static void take_strays(tc_task *task)
{
    tc_worker_quic *q = (tc_worker_quic *)((char *)task - offsetof(tc_worker_quic, take_strays));
    for (tc_stray *s = all_strays(q), *next; s; s = next) {
        next = s->next;
        tc_quic_input(s->to->quic, &s->d);
        tc_free(s);
    }
}

/* In the thread of the worker that it came to. */
static void stray(tc_quic *quic, unsigned number, const tc_datagrams *d)
{
    tc_worker_quic *here = of(quic);
    tc_server *server = here->worker->server;
    tc_worker *w = &server->workers[number % server->count];
    tc_worker_quic *there = &w->quic;
    tc_stray *s = tc_alloc(sizeof *s + d->len);
    if (!s) return; /* lost, and sent again */
    *s = (tc_stray){.to = &server->endpoints[server->first[endpoint_of(quic)->address] + number],
                    .d = *d};
    s->d.at = (char *)(s + 1);
    memcpy(s->d.at, d->at, d->len);
    pthread_mutex_lock(&there->lock);
    const bool full = there->stray_count >= tc_worker_limits(w)->quic_strays;
    const bool post = !full && !there->posted;
    if (!full) {
        *there->last_stray = s;
        there->last_stray = &s->next;
        there->stray_count++;
        there->posted = true;
    }
    pthread_mutex_unlock(&there->lock);
    if (full) {
        tc_worker_reached(here->worker)->quic_strays++;
        tc_free(s);
    }
    if (post) tc_loop_post(tc_worker_loop(w), &there->take_strays);
}

/* --- packets of other generations ----------------------------------------------------------- */

static bool foreign(tc_quic *quic, uint8_t generation, const tc_datagrams *d)
{
    tc_worker_quic *q = of(quic);
    tc_server *server = q->worker->server;
    const int fd = server->kin[generation];
    if (!fd) return false;
    const tc_err err = tc_pass_send(fd, tc_quic_local(quic), d);
    if (err == TC_ERR_FULL) tc_worker_reached(q->worker)->quic_strays++;
    return !err || err == TC_ERR_FULL;
}

/* Any of this worker's endpoints on the address will do: it knows whose they are. */
static void take_passed(tc_io *io, unsigned what)
{
    tc_worker_quic *q = (tc_worker_quic *)((char *)io - offsetof(tc_worker_quic, passed));
    tc_address socket;
    tc_datagrams d;
    (void)what;
    (void)tc_loop_tick(tc_worker_loop(q->worker));
    for (int i = 0; i < PASSED_AT_ONCE; i++) {
        size_t at = 0;
        if (tc_pass_receive(io->fd, q->passed_room, &socket, &d) != TC_OK) return;
        for (tc_endpoint *e; (e = next_endpoint(q, &at));)
            if (tc_address_equal(tc_quic_local(e->quic), &socket)) {
                tc_quic_input(e->quic, &d);
                break;
            }
    }
}

tc_err tc_worker_quic_hear(tc_worker_quic *q, int fd)
{
    q->passed_room = tc_alloc(TC_UDP_BYTES);
    if (!q->passed_room) return TC_ERR_NO_MEMORY;
    q->passed = (tc_io){fd, take_passed};
    return tc_loop_add_listener(tc_worker_loop(q->worker), &q->passed);
}

/* --- making it ----------------------------------------------------------------------------- */

tc_err tc_worker_quic_init(tc_worker_quic *q, tc_worker *worker)
{
    *q = (tc_worker_quic){.worker = worker};
    (void)pthread_mutex_init(&q->lock, NULL); /* cannot fail here */
    q->last_stray = &q->strays;
    q->take_strays.run = take_strays;
    tc_slab_init(&q->connections, sizeof(tc_quic_connection), UINT32_MAX);
    tc_err err = tc_worker_begin_env(worker, &q->env);
    q->env.engine.scheme = TC_SPAN("https");
    q->env.ended = ended;
    q->env.opened = opened;
    return err;
}

void tc_worker_quic_fini(tc_worker_quic *q)
{
    if (!q->worker) return;
    size_t at = 0;
    for (tc_endpoint *e; (e = next_endpoint(q, &at));)
        tc_quic_free(e->quic);
    if (q->passed.fd) tc_loop_remove(tc_worker_loop(q->worker), &q->passed);
    tc_free(q->passed_room);
    for (tc_stray *s = all_strays(q), *next; s; s = next) {
        next = s->next;
        tc_free(s);
    }
    pthread_mutex_destroy(&q->lock);
    if (q->env.loop) tc_session_env_fini(&q->env);
    tc_slab_fini(&q->connections);
}

tc_err tc_worker_quic_open(tc_endpoint *e, int fd)
{
    tc_worker_quic *q = e->worker;
    const tc_server *server = q->worker->server;
    const tc_limits *l = tc_worker_limits(q->worker);
    const uint64_t least = l->fields_bytes + 64; /* a head is read as a whole */
    const tc_quic_config config = {
        .loop = tc_worker_loop(q->worker),
        .tls = server->config.tls,
        .limits = l,
        .reached = tc_worker_reached(q->worker),
        .protocol = TC_SPAN("h3"),
        .streams = l->h3_streams,
        .uni_streams = UNI_STREAMS,
        .stream_window = l->h3_stream_window > least ? l->h3_stream_window : least,
        .window = l->h3_window > least ? l->h3_window : least,
        .idle_ns = (int64_t)(l->idle_ms < UINT32_MAX ? l->idle_ms : UINT32_MAX) * TC_MS,
        .socket = e->socket,
        .sockets = server->listeners.at[e->address].udp_count,
        .generation = server->config.generation,
        .secret = server->quic_secret,
        .why = q->worker->why,
        .once = server->once,
        .room = room,
        .begin = begin,
        .unused = unused,
        .stray = stray,
        .foreign = foreign,
        .watch = q->env.watch,
        .owner = e};
    tc_address local;
    const tc_err err = tc_udp_prepare(fd, &local);
    return err ? err : tc_quic_new(&config, fd, &local, &e->quic);
}
