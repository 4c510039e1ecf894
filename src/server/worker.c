/* worker.c - one thread of a server: accepts, begins sessions, drains.
 *
 * A new connection is read at once, before it is watched: the request is often there already, and
 * one that ends with its answer then never costs a watch. */
// SPDX-License-Identifier: MIT
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/date.h"
#include "net/link_tls.h"
#include "server/inside.h"

enum {
    ACCEPTS_AT_ONCE = 64,
    LAST_ACCEPTS = 4096, /* of a listener that is closed next: its backlog */
    PAUSE_MS = 100
};

typedef struct tc_connection {
    tc_session session; /* first */
    struct tc_connection *next, **at;
    uint32_t place; /* among those of its client */
    union {
        tc_link link;
        tc_link_tcp tcp;
        struct { /* last: a connection in clear text has no memory for it */
            tc_link_tls tls;
            struct tc_connection *older, *younger; /* while the handshake is under way */
            bool shaking;
        };
    };
} tc_connection;

/* --- what every response carries ----------------------------------------------------------- */

static void common_unref(void *argument)
{
    tc_common *c = argument;
    if (--c->refs) return;
    tc_arena_fini(&c->arena);
    tc_slab_put(c->home, c);
}

static void renew_common(tc_worker *w, bool secure)
{
    const tc_span hsts = w->server->config.hsts;
    tc_common *c = tc_slab_get(&w->commons), **at = secure ? &w->secure_common : &w->common;
    if (!c) return; /* the old one serves on */
    memset(c, 0, offsetof(tc_common, room));
    c->home = &w->commons;
    c->refs = 1;
    c->block =
        (tc_block){.number = tc_block_number(), .length = TC_LENGTH_UNKNOWN, .arena = &c->arena};
    tc_arena_init(&c->arena, c->room, sizeof c->room, 0);
    char *date = tc_arena_bytes(&c->arena, TC_DATE_BYTES);
    const int64_t wall = tc_clock_wall_ns();
    tc_date_write(date, wall / TC_S);
    tc_err err = tc_fields_set(&c->block.fields, &c->arena, TC_FIELD_SERVER, TC_SPAN("tercet"));
    if (!err)
        err = tc_fields_set(&c->block.fields, &c->arena, TC_FIELD_DATE,
                            tc_span_of(date, TC_DATE_BYTES));
    if (!err && secure && hsts.len)
        err = tc_fields_set(&c->block.fields, &c->arena, TC_FIELD_STRICT_TRANSPORT_SECURITY, hsts);
    if (!err && secure && w->server->quic_port) {
        const tc_span alternative = tc_arena_printf(&c->arena, "h3=\":%u\"; ma=86400",
                                                    (unsigned)w->server->quic_port); /* RFC 7838 */
        err = tc_fields_set(&c->block.fields, &c->arena, TC_FIELD_ALT_SVC, alternative);
    }
    assert(!err); /* the room is made for them */
    if (*at) common_unref(*at);
    *at = c;
    *(secure ? &w->secure_common_until : &w->common_until) =
        tc_loop_now(w->loop) + TC_S - wall % TC_S; /* good for this second */
}

static void dress(tc_session_env *env, tc_exchange *x)
{
    tc_worker *w = env->owner;
    const bool secure = env != &w->env;
    if (x->ours.blocks[TC_BLOCK_COMMON]) return;
    if (tc_loop_now(w->loop) >= (secure ? w->secure_common_until : w->common_until))
        renew_common(w, secure);
    tc_common *c = secure ? w->secure_common : w->common;
    if (!c) return;
    c->refs++;
    if (tc_arena_defer(&x->arena, common_unref, c) == TC_OK)
        x->ours.blocks[TC_BLOCK_COMMON] = &c->block;
}

static void route(tc_session_env *env, tc_exchange *x)
{
    tc_worker *w = env->owner;
    dress(env, x);
    w->server->config.app.route(w, x);
}

static void answering(tc_session_env *env, tc_exchange *x)
{
    tc_worker *w = env->owner;
    w->server->config.app.answering(w, x);
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    tc_worker *w = env->owner;
    dress(env, x);
    w->server->config.app.refuse(w, x, err);
}

/* --- handshakes ----------------------------------------------------------------------------- */

static void end_handshake(tc_worker *w, tc_connection *c)
{
    if (!c->shaking) return;
    c->shaking = false;
    w->handshakes--;
    *(c->older ? &c->older->younger : &w->oldest) = c->younger;
    *(c->younger ? &c->younger->older : &w->youngest) = c->older;
}

/* Handshakes take the longest with those who mean no good: for a new one the oldest makes room. */
static void begin_handshake(tc_worker *w, tc_connection *c)
{
    if (w->handshakes >= w->server->config.limits.handshakes) {
        w->reached.handshakes++;
        tc_session_kill(&w->oldest->session, TC_ERR_TLS_TIME);
    }
    c->shaking = true;
    c->younger = NULL;
    c->older = w->youngest;
    *(c->older ? &c->older->younger : &w->oldest) = c;
    w->youngest = c;
    w->handshakes++;
}

static void opened(tc_session_env *env, tc_session *s)
{
    end_handshake(env->owner, (tc_connection *)s);
}

/* --- connections --------------------------------------------------------------------------- */

void tc_worker_send_away(const tc_worker *w, tc_session *s)
{
    if (w->server->hands_over)
        tc_session_retire(s);
    else
        tc_session_drain(s);
}

/* What newer generations pass on comes to it, whichever worker of this one it is for. */
static bool hears_for_others(const tc_worker *w)
{
    const tc_server *server = w->server;
    bool any = false;
    for (unsigned i = 0; i < server->count && w->quic.passed.fd; i++) {
        const tc_worker *other = &server->workers[i];
        any |= other != w && other->started && !atomic_load(&other->over);
    }
    return any;
}

void tc_worker_stop_if_drained(tc_worker *w)
{
    if (w->draining && atomic_load(&w->server->ends) && !w->open && !w->quic.open && !w->greeted &&
        !hears_for_others(w))
        tc_loop_stop(w->loop);
}

static void another_over(tc_task *task)
{
    tc_worker *w = (tc_worker *)((char *)task - offsetof(tc_worker, another_over));
    atomic_store(&w->told_over, false);
    tc_worker_stop_if_drained(w);
}

bool tc_worker_has_room(tc_worker *w)
{
    const uint64_t open = (uint64_t)w->connections.count + w->secured.count +
                          w->quic.connections.count + w->greetings.count;
    if (open < w->connections.max) return true;
    w->reached.connections++;
    return false;
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    (void)why;
    tc_worker *w = env->owner;
    tc_connection *c = (tc_connection *)s;
    if (w->newcomer == c) w->newcomer = NULL;
    *c->at = c->next;
    if (c->next) c->next->at = c->at;
    if (env == &w->secure) end_handshake(w, c);
    tc_clients_leave(&w->server->clients, c->place);
    tc_slab_put(env == &w->secure ? &w->secured : &w->connections, c);
    tc_worker_stop_if_drained(w);
}

static void on_ready(tc_link *link, unsigned what)
{
    tc_connection *c = (tc_connection *)((char *)link - offsetof(tc_connection, link));
    tc_session_turn(&c->session, what);
}

static void pause_accepting(tc_worker *w)
{
    if (w->paused || w->draining) return;
    if (tc_loop_set(w->loop, &w->unpause, tc_loop_now(w->loop) + PAUSE_MS * TC_MS) != TC_OK)
        return; /* no memory to wait: the next turn tries again */
    w->paused = true;
    for (size_t i = 0; i < w->listener_count; i++)
        tc_loop_remove(w->loop, &w->listeners[i].io);
}

static void unpause(tc_alarm *alarm)
{
    tc_worker *w = (tc_worker *)((char *)alarm - offsetof(tc_worker, unpause));
    w->paused = false;
    for (size_t i = 0; i < w->listener_count; i++)
        if (tc_loop_add_listener(w->loop, &w->listeners[i].io) != TC_OK) {
            pause_accepting(w);
            return;
        }
}

/* False: its client has enough, and it is closed. */
static bool let_in(tc_worker *w, bool secure, int fd, const struct sockaddr_storage *peer,
                   uint32_t *ret_place)
{
    tc_address from;
    tc_clients *clients = &w->server->clients;
    memcpy(&from, peer, sizeof from);
    const tc_ip ip = tc_address_ip(&from);
    const bool entered = tc_clients_enter(clients, &ip, true, &w->reached, ret_place);
    if (entered && (!secure || tc_clients_shake(clients, &ip, true, tc_clock_now(), &w->reached)))
        return true;
    tc_clients_leave(clients, *ret_place);
    if (secure)
        close(fd);
    else
        tc_worker_turn_away(w, fd);
    return false;
}

void tc_worker_connect(tc_worker *w, bool secure, int fd, const struct sockaddr_storage *address)
{
    const struct sockaddr *peer = (const struct sockaddr *)address;
    uint32_t place;
    if (!let_in(w, secure, fd, address, &place)) return;
    tc_slab *home = secure ? &w->secured : &w->connections;
    tc_tls *tls = w->server->config.tls;
    tc_connection *c = tc_slab_get(home);
    if (!c) {
        tc_clients_leave(&w->server->clients, place);
        close(fd); /* out of memory: room was made sure of before */
        return;
    }
    c->place = place;
    if (!secure) {
        tc_link_tcp_init(&c->tcp, w->loop, fd, peer, on_ready);
    } else {
        tc_tls_look(tls, tc_loop_now(w->loop));
        if (tc_link_tls_init(&c->tls, w->loop, fd, peer, tls, NULL, w->why, on_ready) != TC_OK) {
            tc_clients_leave(&w->server->clients, place);
            tc_slab_put(home, c);
            return;
        }
        c->shaking = false;
        begin_handshake(w, c);
    }
    tc_session_begin(&c->session, secure ? &w->secure : &w->env, &c->link, NULL);
    c->next = w->open;
    c->at = &w->open;
    if (c->next) c->next->at = &c->next;
    w->open = c;
    w->newcomer = c;
    tc_session_turn(&c->session, TC_LINK_IN);
    if (w->newcomer && w->draining) tc_worker_send_away(w, &c->session); /* it was greeted late */
    if (w->newcomer && tc_link_tcp_watch(&c->tcp) != TC_OK)
        tc_session_kill(&c->session, TC_ERR_NO_MEMORY);
    w->newcomer = NULL;
}

static void accept_up_to(tc_listener *l, int most)
{
    tc_worker *w = l->worker;
    for (int i = 0; i < most; i++) {
        if (!tc_worker_has_room(w)) {
            pause_accepting(w);
            return;
        }
        struct sockaddr_storage peer;
        int fd;
        switch ((int)tc_accept(l->io.fd, &fd, &peer)) {
        case TC_OK:
            if (l->proxied)
                tc_worker_greet(w, l->secure, fd, &peer);
            else
                tc_worker_connect(w, l->secure, fd, &peer);
            break;
        case TC_ERR_NOTHING: return;
        case TC_ERR_TOO_MANY_FILES:
        case TC_ERR_NO_MEMORY:
            w->starved++;
            pause_accepting(w);
            return;
        default: break; /* gone already: the next one */
        }
    }
}

static void accept_some(tc_io *io, unsigned what)
{
    (void)what;
    accept_up_to((tc_listener *)io, ACCEPTS_AT_ONCE);
}

/* --- draining ------------------------------------------------------------------------------ */

static void drain(tc_task *task)
{
    tc_worker *w = (tc_worker *)((char *)task - offsetof(tc_worker, drain));
    if (w->draining) return;
    if (w->paused) tc_loop_clear(w->loop, &w->unpause);
    for (size_t i = 0; i < w->listener_count; i++) {
        tc_listener *l = &w->listeners[i];
        if (!tc_server_taken_of(w->server, l->at))
            accept_up_to(l, LAST_ACCEPTS); /* who waits already is served */
        tc_loop_remove(w->loop, &l->io);   /* others may have the socket, too */
        close(l->io.fd);
    }
    w->listener_count = 0;
    w->draining = true;
    for (tc_connection *c = w->open, *next; c; c = next) {
        next = c->next;
        w->newcomer = c;
        tc_session_turn(&c->session, TC_LINK_IN); /* a request that is on its way in counts */
        if (w->newcomer) tc_worker_send_away(w, &c->session);
        w->newcomer = NULL;
    }
    if (!w->server->hands_over) tc_worker_end_greetings(w);
    tc_worker_end_turned(w);
    tc_worker_quic_drain(&w->quic);
    tc_worker_stop_if_drained(w);
}

static void listen_again(tc_task *task)
{
    tc_worker *w = (tc_worker *)((char *)task - offsetof(tc_worker, listen));
    tc_worker_quic_listen(&w->quic);
}

static void pulse(tc_task *task)
{
    tc_worker *w = (tc_worker *)((char *)task - offsetof(tc_worker, pulse));
    atomic_store(&w->asked_pulse, false);
}

/* --- the worker ---------------------------------------------------------------------------- */

tc_err tc_worker_begin_env(tc_worker *w, tc_session_env *env)
{
    const tc_err err =
        tc_session_env_init(env, w->loop, TC_SERVER, &w->server->config.limits, &w->reached);
    env->numbers = &w->env;
    env->metrics = w->metrics;
    env->engine.windows = &w->env.windows;
    env->owner = w;
    env->route = route;
    env->refuse = refuse;
    env->answering = w->server->config.app.answering ? answering : NULL;
    env->ended = ended;
    return err;
}

tc_err tc_worker_init(tc_worker *w, tc_server *server, unsigned number)
{
    *w = (tc_worker){.server = server, .number = number};
    const tc_limits *limits = &server->config.limits;
    w->drain.run = drain;
    w->pulse.run = pulse;
    w->listen.run = listen_again;
    w->another_over.run = another_over;
    w->unpause.ring = unpause;
    w->unpause.timer.deadline = TC_NEVER;
    const uint32_t most =
        limits->connections < UINT32_MAX ? (uint32_t)limits->connections : UINT32_MAX;
    tc_slab_init(&w->connections, offsetof(tc_connection, tcp) + sizeof(tc_link_tcp), most);
    tc_slab_init(&w->secured, sizeof(tc_connection), most);
    tc_slab_init(&w->commons, sizeof(tc_common), UINT32_MAX);
    tc_worker_init_greetings(w, most);
    tc_worker_init_turned(w);
    tc_err err = tc_loop_new(&w->loop);
    if (!err && server->config.counts && !(w->metrics = tc_alloc_zero(sizeof *w->metrics)))
        err = TC_ERR_NO_MEMORY;
    if (!err) err = tc_worker_begin_env(w, &w->env);
    if (!err) err = tc_worker_begin_env(w, &w->secure);
    if (!err) err = tc_worker_quic_init(&w->quic, w);
    if (err) return err;
    w->env.http09 = server->config.http09;
    w->env.http2 = true;
    w->secure.engine.scheme = TC_SPAN("https");
    w->secure.opened = opened;
    w->state = server->config.app.worker_begin(server->config.app.self, w);
    return w->state ? TC_OK : TC_ERR_NO_MEMORY;
}

void tc_worker_settle(tc_worker *w)
{
    if (w->draining) (void)!tc_loop_turn(w->loop, 0);
}

void tc_worker_fini(tc_worker *w)
{
    if (w->state) w->server->config.app.worker_end(w->server->config.app.self, w, w->state);
    if (w->common) common_unref(w->common);
    if (w->secure_common) common_unref(w->secure_common);
    for (size_t i = 0; i < w->listener_count; i++)
        close(w->listeners[i].io.fd);
    tc_free(w->listeners);
    tc_worker_end_greetings(w);
    tc_worker_end_turned(w);
    tc_worker_quic_fini(&w->quic);
    if (w->env.loop) tc_session_env_fini(&w->env);
    if (w->secure.loop) tc_session_env_fini(&w->secure);
    tc_slab_fini(&w->connections);
    tc_slab_fini(&w->secured);
    tc_slab_fini(&w->commons);
    tc_free(w->metrics);
    tc_slab_fini(&w->greetings);
    tc_slab_fini(&w->turned_slab);
    tc_loop_free(w->loop);
}

static void *run(void *argument)
{
    tc_worker *w = argument;
    w->err = tc_loop_run(w->loop);
    atomic_store(&w->over, true);
    tc_worker *first = w->server->workers;
    if (w != first && first->quic.passed.fd && !atomic_exchange(&first->told_over, true))
        tc_loop_post(first->loop, &first->another_over);
    return NULL;
}

/* Every so many sockets of an address are this worker's. */
static tc_err take_sockets(tc_worker *w, size_t address, tc_listener *to)
{
    tc_server *server = w->server;
    const tc_listening *g = &server->listeners.at[address];
    tc_err err = TC_OK;
    for (unsigned i = w->number; i < g->tcp_count && !err; i += server->count) {
        *to = (tc_listener){{g->tcp[i], accept_some}, w, g->secure, g->proxied, &g->at};
        g->tcp[i] = -1;
        w->listener_count++;
        err = tc_loop_add_listener(w->loop, &to++->io);
    }
    for (unsigned i = w->number; i < g->udp_count && !err; i += server->count) {
        tc_endpoint *e = &server->endpoints[server->first[address] + i];
        *e = (tc_endpoint){.worker = &w->quic, .address = address, .socket = i};
        err = tc_worker_quic_open(e, g->udp[i]);
        if (!err) g->udp[i] = -1;
    }
    return err;
}

tc_err tc_worker_open(tc_worker *w)
{
    const tc_server *server = w->server;
    size_t sockets = 1;
    for (size_t i = 0; i < server->listeners.count; i++)
        sockets += server->listeners.at[i].tcp_count;
    w->listeners = tc_alloc_zero(sockets * sizeof *w->listeners);
    if (!w->listeners) return TC_ERR_NO_MEMORY;
    tc_err err = TC_OK;
    for (size_t i = 0; i < server->listeners.count && !err; i++)
        err = take_sockets(w, i, w->listeners + w->listener_count);
    if (!err && server->config.passed && !w->number)
        err = tc_worker_quic_hear(&w->quic, server->config.passed);
    return err;
}

tc_err tc_worker_start(tc_worker *w)
{
    const tc_err err = tc_err_from_errno(pthread_create(&w->thread, NULL, run, w));
    w->started = !err;
    return err;
}

void *tc_worker_state(tc_worker *w)
{
    return w->state;
}

tc_loop *tc_worker_loop(tc_worker *w)
{
    return w->loop;
}

const tc_limits *tc_worker_limits(const tc_worker *w)
{
    return &w->server->config.limits;
}

tc_reached *tc_worker_reached(tc_worker *w)
{
    return &w->reached;
}

unsigned tc_worker_number(const tc_worker *w)
{
    return w->number;
}

void tc_worker_watch(tc_worker *w, tc_watch *watch)
{
    watch->next = w->env.watch;
    w->env.watch = w->secure.watch = w->quic.env.watch = watch;
    if (tc_watched(watch, TC_SEEN_FRAME))
        w->env.engine.notes = w->secure.engine.notes = w->quic.env.engine.notes = TC_NOTES_FRAMES;
}
