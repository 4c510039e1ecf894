/* quic.h - QUIC (RFC 9000, 9001, 9002; version 2: 9369) as links with streams: an endpoint is one
 * UDP socket, or a test's network, and the connections on it.
 *
 * The library behind it is named in the files quic_*.c alone. Where the build has none, tc_quic_new
 * says TC_ERR_NOT_SUPPORTED. An endpoint belongs to one loop's thread. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/tls_side.h"
#include "net/udp.h"

extern const bool tc_quic_built;

enum { TC_QUIC_SECRET = 32, TC_QUIC_SOCKETS = 0x10000, TC_QUIC_BUCKETS = 16, TC_QUIC_TICKET = 16 };

/* What connection ids, tokens and resets are made of: one for all workers of a server, and the same
 * after a restart, so that those who speak to the one before hear that it is gone. */
typedef struct tc_quic_secret {
    uint8_t bytes[TC_QUIC_SECRET];
} tc_quic_secret;

/* Tickets that came with early data: each is good for it once, at whichever worker (RFC 8446, 8).
 */
typedef struct tc_quic_once tc_quic_once;

typedef struct tc_quic tc_quic;
typedef struct tc_link_quic tc_link_quic;

typedef struct tc_quic_config {
    tc_loop *loop;
    tc_tls *tls;
    const tc_limits *limits;
    tc_reached *reached;
    tc_span protocol;               /* for ALPN: "h3" */
    uint64_t streams, uni_streams;  /* of the peer, at a time */
    uint64_t stream_window, window; /* bytes on their way to us: of a stream, in all */
    int64_t idle_ns;                /* a connection on which nothing moves ends */
    unsigned socket, sockets;       /* of those that share the address; which one this is, from 0 */
    uint8_t generation;    /* of processes, each taking the sockets over from the one before */
    tc_quic_secret secret; /* server */
    char *why;             /* server: TC_TLS_WHY bytes, for all; may be NULL */
    tc_quic_once *once;    /* server: early data is accepted (0-RTT); NULL: it is not */
    bool tickets;          /* client: wants what it may come back with */
    /* client: what tc_quic_ticket gave, for as long as a link begins; empty: nothing. With
     * back_params the link need not be opening, and what is written before the handshake is over
     * goes out as early data. back_token: what tc_quic_token gave */
    tc_span back_session, back_params, back_token;
    /* server: memory for one more connection; NULL: refused, or (*ret_prove) not taken before it is
     * proven that it comes from there */
    tc_link_quic *(*room)(tc_quic *q, const tc_address *peer, bool proven, bool *ret_prove);
    /* server: the handshake of l begins. It is a link from here on */
    void (*begin)(tc_quic *q, tc_link_quic *l);
    void (*unused)(tc_quic *q, tc_link_quic *l); /* room that did not become a link after all */
    /* what a packet for another socket is given to; NULL: dropped. Copied by the callee */
    void (*stray)(tc_quic *q, unsigned socket, const tc_datagrams *d);
    /* ... for another generation. false: there is none of this number. NULL: as if so */
    bool (*foreign)(tc_quic *q, uint8_t generation, const tc_datagrams *d);
    /* tests: takes what would be sent, instead of a socket */
    tc_err (*send)(tc_quic *q, const tc_datagrams *d);
    tc_watch *watch; /* who looks on; NULL: nobody */
    void *owner;
} tc_quic_config;

/* One connection. The memory is the caller's until close. */
struct tc_link_quic {
    tc_link link; /* first */
    tc_quic *home;
    struct ngtcp2_conn *conn;
    struct tc_quic_memory *memory; /* what that is made of */
    tc_tls_side side;
    tc_alarm alarm;           /* its timers */
    struct tc_quic_log *log;  /* for those who look on; NULL: nobody does */
    tc_link_quic *next, **at; /* those that had something in this turn */
    struct tc_quic_id *ids;   /* by which packets find it */
    struct tc_quic_stream *streams[TC_QUIC_BUCKETS];
    struct tc_quic_stream *news, **news_end;  /* streams that something happened on */
    struct tc_quic_stream *out, **out_end;    /* streams with bytes that were not sent yet */
    struct tc_quic_piece *fresh, **fresh_end; /* bytes of this turn, in the endpoint's room */
    struct tc_quic_stream *lent;              /* whose bytes were given last, */
    tc_span lent_in;                          /* which, */
    void *lent_piece;                         /* and their memory, where it is their own */
    uint64_t pending;                         /* bytes taken and not sent */
    uint64_t unacked;                         /* bytes taken and not acknowledged */
    uint64_t next_sid;                        /* client: of the next stream that is opened */
    tc_span token;                            /* client: for the next time; its own memory */
    uint64_t code;                            /* of the application, for close */
    const char *cipher, *group;               /* what was agreed on, once the session is gone */
    bool resumed;
    size_t packet_most; /* bytes of a packet, where the path takes so many */
    bool inside;        /* the peer is within this machine */
    bool ticket_early;  /* client: the last ticket is good for early data */
    uint64_t moved;     /* since when nothing of what is on its way was acknowledged */
    tc_address peer;
    tc_err failed; /* what news tells */
    int liberr;    /* the library's reason */
    uint64_t owed; /* server: credit that is not given before the handshake is over */
    enum tc_early_was early_was;
    bool early; /* it is in use, and the handshake is not over */
    bool opening, stuck, silent, refused, validated, touched, any_in, hello_too_long;
};

/* Takes over fd, a socket of udp.h that is prepared; -1 with config->send. */
tc_err tc_quic_new(const tc_quic_config *config, int fd, const tc_address *local,
                   tc_quic **ret_quic) TC_MUST_USE;
/* Every link must be closed. Closes the socket. May be called by who is told of a link. */
void tc_quic_free(tc_quic *q);
tc_quic_config *tc_quic_config_of(tc_quic *q);
void tc_quic_drain(tc_quic *q); /* takes no more connections */
/* Whether the socket is read, as it is from the beginning. Somebody else may do it, who hands on
 * what is for this endpoint. */
void tc_quic_listen(tc_quic *q, bool yes);
const tc_address *tc_quic_local(const tc_quic *q);
uint32_t tc_quic_count(const tc_quic *q);
/* Packets that came, from elsewhere than the socket: a network in memory, another worker,
 * another process. */
void tc_quic_input(tc_quic *q, const tc_datagrams *d);

/* The secret of a server: made of its private key, or (no key can be had) of chance. */
void tc_quic_secret_make(tc_tls *tls, tc_quic_secret *ret_secret);

/* Client: begins a handshake with peer on an endpoint that has no connection, for host,
 * NUL-terminated; l is a link from then on. why (TC_TLS_WHY bytes, may be NULL) lives as long as l.
 * on_ready is told when something happened. */
tc_err tc_quic_connect(tc_quic *q, tc_link_quic *l, const tc_address *peer, const char *host,
                       char *why, void (*on_ready)(tc_link *l, unsigned what)) TC_MUST_USE;

/* Client: what an endpoint of the same identity may come back with, in *ret_memory, for tc_free.
 * TC_ERR_NOTHING: the server gave nothing so far. */
tc_err tc_quic_ticket(const tc_link_quic *l, void **ret_memory, tc_span *ret_session,
                      tc_span *ret_params) TC_MUST_USE;

/* Client: the token by which the server will know this address; empty: none came. Lives as long as
 * the next thing that happens to l. */
tc_span tc_quic_token(const tc_link_quic *l);

/* most: how many are remembered at a time. */
tc_err tc_quic_once_new(uint64_t most, tc_quic_once **ret_once) TC_MUST_USE;
void tc_quic_once_free(tc_quic_once *o);
/* From any thread. TC_ERR_REFUSED: it was taken before; TC_ERR_FULL: no room to remember it. */
tc_err tc_quic_once_take(tc_quic_once *o, const uint8_t ticket[TC_QUIC_TICKET], int64_t now,
                         int64_t window_ns) TC_MUST_USE;

/* What a connection knows of its ways, for those who look on. */
typedef struct tc_quic_facts {
    uint32_t version;
    int64_t rtt_ns, least_rtt_ns;
    uint64_t window, in_flight; /* of congestion control */
} tc_quic_facts;
void tc_quic_describe(const tc_link_quic *l, tc_quic_facts *ret_facts);

extern const tc_link_type tc_link_quic_type;
