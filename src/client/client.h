/* client.h - connections of a client by origin, kept while they can be used again, and what all its
 * requests share. One loop, one thread. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/alternatives.h"
#include "client/jar.h"
#include "client/origin.h"
#include "client/tickets.h"
#include "net/connect.h"
#include "net/link_tls.h"
#include "quic/quic.h"
#include "session/session.h"

struct tc_client;

typedef struct tc_connection {
    union { /* first */
        tc_link link;
        tc_link_tcp tcp;
        tc_link_tls tls;
        tc_link_quic quic;
    };
    tc_quic *endpoint; /* its own, where the link is QUIC's */
    tc_session session;
    struct tc_client *client;
    struct tc_connection *next;
    uint64_t number; /* from 1 in each client */
    bool used;       /* had an exchange before */
    bool kept;       /* what it may be come back to with was kept */
    bool shaken;     /* its handshake is over */
    bool came_back;  /* with a ticket */
    bool spent;      /* takes no exchange any more */
    tc_origin origin;
    char *memory; /* what origin points at */
    /* Once, while it is opening: it is open, or (err) will not be and goes. May be NULL. */
    void (*opened)(struct tc_connection *connection, tc_err err);
    void *waiter;
    enum tc_race { TC_RACE_NONE, TC_RACE_WON, TC_RACE_LOST } race; /* of HTTP/3, if this is it */
    tc_err lost_by;                     /* LOST: what HTTP/3 failed by; OK: it took too long */
    bool by_record;                     /* ... which an HTTPS record told of */
    char alt_used[TC_ALTERNATIVE_USED]; /* ... and where Alt-Svc said that it is; "": it did not */
    char why[TC_TLS_WHY];               /* more about err; "" for nothing */
} tc_connection;

typedef struct tc_client {
    tc_session_env env; /* first; env.watch and env.engine.notes may be set at any time, .push (to
                           take pushes) before the first connection */
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    tc_lookup *lookup;           /* NULL: the system's */
    tc_service_lookup *services; /* for HTTPS records; NULL: the system's */
    tc_connection *connections;
    uint64_t made, fetches;    /* connections and fetches so far */
    struct tc_again *sessions; /* to come back to; see again.h */
    uint64_t kept_sessions;
    struct tc_fetch *openers;        /* each makes a connection */
    struct tc_fetch *waiting;        /* for a connection, in order; see pool.h */
    tc_alternatives *alternatives;   /* the caller's; NULL: none are heeded */
    tc_tickets *tickets;             /* the caller's; NULL: no early data */
    const tc_proxies *proxies;       /* the caller's; NULL: servers are asked at once */
    tc_jar *jar;                     /* the caller's; NULL: cookies are neither kept nor sent */
    tc_tls_client_config tls_config; /* filled in by the caller before the first https */
    tc_tls *tls[TC_HTTP_3 + 1];      /* for each version asked for; made when it is needed */
    const char *proxy_authorities;   /* PEM file, for proxies; NULL: as for servers */
    tc_tls *proxy_tls;               /* for them; made when it is needed */
} tc_client;

tc_err tc_client_init(tc_client *c, tc_loop *loop, const tc_limits *limits,
                      tc_reached *reached) TC_MUST_USE;
void tc_client_fini(tc_client *c); /* ends all connections; no fetch may be under way */

/* What secures connections, made when it is first asked for: the system's authorities are many. */
tc_err tc_client_secure(tc_client *c, enum tc_version version, char why[TC_TLS_WHY]) TC_MUST_USE;
/* What secures connections to a proxy: a certificate is never shown there, and always asked for. */
tc_err tc_client_secure_proxy(tc_client *c, char why[TC_TLS_WHY]) TC_MUST_USE;
bool tc_client_needs_quic(enum tc_version version); /* whose descriptors are for datagrams */
/* Makes a connection of a connected descriptor, or of a cover if there is one, which is the
 * client's from here on, whatever the result; opener is told to those who look on; early: for a
 * request that may go out as early data. It may be opening (tc_session_opening): then nothing can
 * be started before its opened. */
tc_err tc_client_adopt(tc_client *c, int fd, tc_cover *cover, const tc_address *peer,
                       const tc_origin *origin, bool early, const void *opener,
                       tc_connection **ret_connection) TC_MUST_USE;
/* Goes on for a moment, where servers still owe what to come back with. */
void tc_client_await_tickets(tc_client *c);
