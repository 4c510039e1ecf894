/* listeners.h - all sockets that a server listens with, TCP and UDP, by address. Those of a process
 * before this one can be handed in: they are used again where a URL asks for their address, so that
 * nothing that waits in them is lost.
 *
 * Of an address, sockets are never fewer than there were: closing one of several resets what waits
 * there, and the others change places (SO_REUSEPORT). So they are as many as workers, or more. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdio.h>

#include "net/listen.h"

enum { TC_LISTENERS_MAX = 64 };

typedef struct tc_listening {
    tc_address at;
    bool both, any_port;
    bool secure;         /* TLS is spoken there */
    bool proxied;        /* ... after a header of the PROXY protocol */
    bool used, udp_used; /* some URL asked for it, and for QUIC there */
    unsigned tcp_count, udp_count;
    unsigned tcp_given, udp_given; /* the first of them were handed in */
    int *tcp, *udp;                /* -1: somebody took it over */
} tc_listening;

typedef struct tc_listeners {
    tc_listening at[TC_LISTENERS_MAX];
    size_t count;
    bool shares; /* ports are shared even where there is one socket; others may join it later */
} tc_listeners;

void tc_listeners_fini(tc_listeners *l); /* closes what nobody took over */

/* What is there now was handed in, and is wanted by no URL so far. */
void tc_listeners_settle(tc_listeners *l);
/* Hands in an open socket, which is theirs then. Those of one address in the order in which they
 * were opened. TC_ERR_NOT_SUPPORTED: it is no listening socket of TCP, nor one of UDP. */
tc_err tc_listeners_offer(tc_listeners *l, int fd, bool any_port) TC_MUST_USE;
/* All of them as lines for whoever inherits them, and one such line read there: what they are is
 * written down, not asked for again. -> the descriptor, -1: the line is of something else, or there
 * is no place (it is closed then). */
void tc_listeners_write(const tc_listeners *l, FILE *to);
int tc_listeners_read(tc_listeners *l, const char *line);

typedef struct tc_listen_ask {
    tc_span url;
    unsigned workers;
    bool quic;    /* UDP too, where the URL is https:// */
    bool proxied; /* for tc_listening */
} tc_listen_ask;

/* Opens what the URL asks for and is not there. *ret_port: which port, also where the URL said 0.
 * On failure all is as before. Errors and *ret_detail as of tc_server_listen (server/server.h). */
tc_err tc_listeners_open(tc_listeners *l, const tc_listen_ask *ask, uint16_t *ret_port,
                         bool *ret_secure, const char **ret_detail) TC_MUST_USE;
/* As if a URL had asked for what is there on this address. false: nothing is. */
bool tc_listeners_use(tc_listeners *l, const tc_address *at, bool both, bool udp);
/* Those that no URL of from asked for are to's. */
void tc_listeners_move_unused(tc_listeners *from, tc_listeners *to);
void tc_listeners_drop_unused(tc_listeners *l);
void tc_listeners_take_back(tc_listeners *l); /* all since it was settled */
