/* inside.h - what the files of this folder share. */
// SPDX-License-Identifier: MIT
#pragma once
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/listeners.h"
#include "server/clients.h"
#include "server/quic.h"
#include "server/server.h"

/* What is in every response of a scheme, Server and Date at least: made anew each second, kept
 * while a response uses it. */
typedef struct tc_common {
    tc_block block;
    tc_arena arena;
    tc_slab *home;
    uint32_t refs;
    char room[512];
} tc_common;

typedef struct tc_listener {
    tc_io io;
    tc_worker *worker;
    bool secure;          /* TLS is spoken there */
    bool proxied;         /* ... after a header of the PROXY protocol */
    const tc_address *at; /* of the server's */
} tc_listener;

struct tc_worker {
    tc_session_env env, secure; /* by scheme */
    tc_server *server;
    unsigned number;
    pthread_t thread;
    bool started, joined; /* the thread: of those who start and wait */
    atomic_bool told_to_drain;
    atomic_bool over; /* the thread does nothing more */
    atomic_bool asked_pulse;
    tc_task pulse;
    atomic_bool told_to_listen;
    tc_task listen;
    atomic_bool told_over; /* another worker is over */
    tc_task another_over;
    bool draining, paused; /* the worker's own */
    tc_loop *loop;
    tc_slab connections, secured, commons, greetings;
    struct tc_greeted *greeted; /* have not said yet whose they are */
    tc_slab turned_slab;
    struct tc_turned *turned;                /* were one too many of their client */
    struct tc_connection *open;              /* all of them */
    struct tc_connection *newcomer;          /* being accepted; NULL once it ended */
    struct tc_connection *oldest, *youngest; /* whose handshake is under way */
    uint64_t handshakes;                     /* how many */
    tc_listener *listeners;
    size_t listener_count;
    tc_worker_quic quic;
    tc_alarm unpause;
    tc_task drain;
    tc_common *common, *secure_common;
    int64_t common_until, secure_common_until;
    tc_reached reached;
    tc_metrics *metrics;  /* NULL: nothing is counted */
    char why[TC_TLS_WHY]; /* of the handshake that failed last: shown in the same turn */
    uint64_t starved;     /* times out of descriptors */
    void *state;
    tc_err err;
};

/* One socket of QUIC. It is the worker's; of what the others see here, nothing changes once it is
 * made. */
struct tc_endpoint {
    tc_quic *quic;
    tc_worker_quic *worker;
    size_t address;
    unsigned socket; /* number, of those on the address */
};

struct tc_server {
    tc_server_config config;
    tc_worker *workers;
    unsigned count;
    tc_listeners listeners;
    tc_clients clients;
    uint16_t port;      /* of the last URL */
    uint16_t quic_port; /* of the first one; 0: QUIC is not spoken */
    tc_quic_once *once; /* NULL: no early data */
    tc_quic_secret quic_secret;
    tc_endpoint *endpoints;
    size_t first[TC_LISTENERS_MAX + 1]; /* of an address */
    tc_server_taken taken[TC_LISTENERS_MAX];
    size_t taken_count;
    bool hands_over;                 /* somebody serves on: nobody is sent away */
    atomic_bool ends;                /* when all has drained */
    _Atomic int kin[TC_GENERATIONS]; /* where packets for it go; 0: it is not known */
};

tc_err tc_worker_init(tc_worker *w, tc_server *server, unsigned number) TC_MUST_USE;
/* Its thread is over: takes answers that were posted for exchanges now gone. What comes by the way
 * may be for another worker, so all of them are still there. */
void tc_worker_settle(tc_worker *w);
void tc_worker_fini(tc_worker *w);
tc_err tc_worker_open(tc_worker *w) TC_MUST_USE; /* takes its sockets over */
tc_err tc_worker_start(tc_worker *w) TC_MUST_USE;
const tc_server_taken *tc_server_taken_of(const tc_server *server, const tc_address *at);
tc_err tc_worker_begin_env(tc_worker *w, tc_session_env *env) TC_MUST_USE;
bool tc_worker_has_room(tc_worker *w); /* for one more connection; counts where there is none */
void tc_worker_stop_if_drained(tc_worker *w);
void tc_worker_send_away(const tc_worker *w, tc_session *s); /* for good, or to who serves on */
/* Begins a session with a client. The descriptor is the worker's, whatever comes of it. */
void tc_worker_connect(tc_worker *w, bool secure, int fd, const struct sockaddr_storage *peer);

/* greetings.c: begins one once it was said whose the connection is */
void tc_worker_greet(tc_worker *w, bool secure, int fd, const struct sockaddr_storage *peer);
void tc_worker_init_greetings(tc_worker *w, uint32_t most);
void tc_worker_end_greetings(tc_worker *w);

/* turned.c: says that it is one too many, in clear text, and closes it. The descriptor is its. */
void tc_worker_turn_away(tc_worker *w, int fd);
void tc_worker_init_turned(tc_worker *w);
void tc_worker_end_turned(tc_worker *w);
