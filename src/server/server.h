/* server.h - listeners, and workers that share nothing: each has its own loop, pools, caches and
 * counters, in a thread of its own. Listeners are handed in. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/listeners.h"
#include "net/tls.h"
#include "session/session.h"

typedef struct tc_worker tc_worker;
typedef struct tc_server tc_server;

/* What a server does with requests. */
typedef struct tc_app {
    /* the worker's own state, made before its thread begins; NULL: no memory */
    void *(*worker_begin)(void *app, tc_worker *w);
    void (*worker_end)(void *app, tc_worker *w, void *state);
    /* in the worker's thread: gives x a handler; the worker's state is tc_worker_state(w) */
    void (*route)(tc_worker *w, tc_exchange *x);
    void (*refuse)(tc_worker *w, tc_exchange *x, tc_err err);
    /* its final head is about to be sent: fields and pushes may be added; may be NULL */
    void (*answering)(tc_worker *w, tc_exchange *x);
    void *self;
} tc_app;

typedef struct tc_server_config {
    unsigned workers; /* 0: one for each processor this process may use */
    bool http09;
    tc_tls *tls; /* for https:// listeners; NULL: there can be none. Lives longer than the server */
    bool quic;   /* https:// listeners speak QUIC, too, on the same port; where the build can */
    bool early;  /* ... and early data on it (0-RTT): safe requests that may be replays */
    tc_span hsts; /* Strict-Transport-Security of every answer over https (RFC 6797); empty: none */
    bool counts;  /* its sessions, for tc_census */
    bool stays;   /* its workers go on after tc_server_hand_over, until tc_server_drain */
    uint32_t client_connections; /* of one at a time; 0: any number */
    const tc_networks *trust;    /* proxies that may say whose a connection is; NULL: none */
    tc_limits limits;
    tc_app app;
    uint8_t generation; /* of processes that take sockets over from each other; 0: there is one */
    int passed;         /* packets for this one that came to another; 0: none come. Not closed */
} tc_server_config;

enum { TC_GENERATIONS = 256 };

/* An address on which somebody else serves from now on. */
typedef struct tc_server_taken {
    tc_address at;
    bool both; /* tc_listening */
    bool udp;  /* QUIC, too */
} tc_server_taken;

tc_err tc_server_new(const tc_server_config *config, tc_server **ret_server) TC_MUST_USE;
void tc_server_free(tc_server *server); /* after tc_server_wait */

/* Listens on url: "https://localhost:8443", "http://127.0.0.1:8080", "http://[::1]:80",
 * "http://localhost", "http://" with
 * "*" for all addresses of both families. A host name listens on each of its addresses. Behind the
 * URL and a blank may stand "proxy-protocol": every connection says first whose it is, and only
 * those that config.trust holds may; QUIC is not spoken there. Before tc_server_start.
 * TC_ERR_ADDRESS_IN_USE, TC_ERR_URL_SYNTAX, TC_ERR_SCHEME, TC_ERR_RESOLVE, TC_ERR_NO_PERMISSION;
 * *ret_detail (may be NULL) then says more, in static memory of the thread.
 */
tc_err tc_server_listen(tc_server *server, tc_span text, const char **ret_detail) TC_MUST_USE;
/* What such a text is made of. NULL: fine; else what is wrong with the words behind the URL. */
const char *tc_server_listen_words(tc_span text, bool any_trusted, tc_span *ret_url,
                                   bool *ret_proxied);

/* To be handed sockets, before it listens, and to be looked at until it starts. */
tc_listeners *tc_server_listeners(tc_server *server);

/* Of the last URL that was listened on: a port 0 in it means any free one. */
uint16_t tc_server_port(const tc_server *server);

tc_err tc_server_start(tc_server *server) TC_MUST_USE;
/* From any thread. Takes no more connections, finishes what is under way, then the workers end. */
void tc_server_drain(tc_server *server);
/* As tc_server_drain, where the next generation serves on these addresses: what waits there is its.
 * It reads the sockets of QUIC, and passes on what is for this one. */
void tc_server_hand_over(tc_server *server, const tc_server_taken taken[], size_t count);
/* The next generation is gone, and so nobody reads the sockets that it took. */
void tc_server_take_back(tc_server *server);
/* Packets for connections of that generation go to fd from now on. From any thread. */
void tc_server_pass_to(tc_server *server, uint8_t generation, int fd);
/* Whether every worker has had a turn since this was asked last; asks again. From one thread. */
bool tc_server_pulse(tc_server *server);
void tc_server_wait(tc_server *server); /* until all workers have ended */

unsigned tc_server_workers(const tc_server *server);
bool tc_server_quic(const tc_server *server); /* QUIC is spoken on some address */
/* Sums of the workers' counters; exact once they have ended. */
void tc_server_reached(const tc_server *server, tc_reached *ret_reached);

/* How often a worker ran out of file descriptors or memory for connections, and took none for a
 * moment; exact once they have ended. */
uint64_t tc_server_starved(const tc_server *server);

void *tc_worker_state(tc_worker *w);
tc_loop *tc_worker_loop(tc_worker *w);
const tc_limits *tc_worker_limits(const tc_worker *w);
tc_reached *tc_worker_reached(tc_worker *w);   /* to count in, from the worker's thread */
unsigned tc_worker_number(const tc_worker *w); /* from 0 */
/* Adds someone who looks on, for the worker's life. From worker_begin. */
void tc_worker_watch(tc_worker *w, tc_watch *watch);
