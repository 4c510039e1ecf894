/* quic_net.h - a server and a client that speak QUIC over a network in memory, which loses,
 * doubles, delays and reorders datagrams as a seed says, in a time that is stopped and moved.
 *
 * A request's path says how many bytes are asked for ("/70000"); what is sent with it is counted.
 * All content is of one pattern, and whoever reads it compares. */
// SPDX-License-Identifier: MIT
#pragma once
#include "quic/quic.h"
#include "session/session.h"

enum { QUIC_NET_ASKED = 128, QUIC_NET_PACKETS = 4096 };

typedef struct quic_net quic_net;

typedef struct quic_net_packet {
    int64_t due;
    uint64_t order;
    bool to_server;
    tc_datagrams d;
} quic_net_packet;

typedef struct quic_net_asked {
    quic_net *net;
    tc_exchange *x;
    uint64_t want, got, sent, told; /* told: what the server said that it had got */
    bool ended, closed, sums_up;
    tc_err err;
} quic_net_asked;

struct quic_net {
    /* may be set between init and begin */
    uint64_t seed;
    unsigned lost, doubled, late; /* of a thousand datagrams */
    int64_t delay_ns;             /* of each */
    size_t largest;               /* that comes through; 0: any */
    bool rebind;                  /* the client has another address from the next datagram on */
    tc_limits limits;
    const tc_engine_type *engine;
    bool sockets;       /* over the loopback, in the time that there is */
    bool pause;         /* handlers take content only now and then */
    bool from_file;     /* the server answers out of a file */
    const char *host;   /* that the client wants; NULL: the server's */
    bool own_tls;       /* tls is set already, and stays the caller's */
    uint64_t once;      /* tickets that came with early data; 0: none is accepted */
    bool inside;        /* the way does not leave the machine */
    tc_watch *watch[2]; /* who looks on at the client, and at the server */
    /* may change a datagram on its way; false: it is lost. May be NULL */
    bool (*meddle)(quic_net *net, quic_net_packet *p);

    bool keep_tls; /* what secures both ends is made once, for every network of the process */
    tc_loop *loop;
    tc_tls *tls[2];
    tc_quic *client, *server;
    tc_quic_config server_config;
    tc_quic_once *tickets;
    void *back_memory;      /* what the client comes back with */
    unsigned routed, early; /* requests that the server's handler saw; of them, in early data */
    tc_address client_at, server_at;
    tc_session_env client_env, server_env;
    tc_reached client_reached, server_reached;
    tc_session session; /* the client's */
    tc_link_quic link;
    bool open, over; /* the client's session */
    tc_err why;
    char reason[TC_TLS_WHY];
    tc_slab connections;
    struct quic_net_connection *accepted;
    uint32_t server_ended;
    tc_err server_why; /* of the last that ended */
    char server_reason[TC_TLS_WHY];
    quic_net_packet *packets;
    size_t packet_count;
    uint64_t order, sent[2], bytes[2], chance;
    quic_net_asked asked[QUIC_NET_ASKED];
    unsigned asked_count;
    int file;
    unsigned bindings; /* how often it was */
};

void quic_net_make_tls(quic_net *net); /* only net->tls: a client's and a server's */
void quic_net_init(quic_net *net, const tc_engine_type *engine);
void quic_net_begin(quic_net *net);   /* makes both ends, connects */
void quic_net_connect(quic_net *net); /* once more, after the session is over */
/* The client keeps what it may come back with, for every quic_net_connect from here on. False:
 * there is nothing. */
bool quic_net_keep(quic_net *net);
void quic_net_restart(quic_net *net); /* another server in its place, of net->server_config */
void quic_net_fini(quic_net *net);

quic_net_asked *quic_net_ask(quic_net *net, uint64_t want, uint64_t content);
/* Time goes on until until() or for so long. False: it was the time. */
bool quic_net_run(quic_net *net, bool (*until)(quic_net *net), int64_t ns);
bool quic_net_all_closed(quic_net *net); /* every exchange asked for */
bool quic_net_is_open(quic_net *net);
bool quic_net_is_over(quic_net *net);
tc_link *quic_net_server_link(quic_net *net); /* of the last connection; NULL: there is none */
