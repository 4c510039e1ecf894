/* fetch.h - one request until its answer is there: a connection found or made, redirects followed,
 * an exchange tried again where that is safe, all within time limits.
 *
 * The handler sees the one response that counts: not those that were followed, not 1xx. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/client.h"
#include "client/request.h"

/* The phases of a session, as people are told where something failed. */
enum tc_phase { TC_PHASE_CONNECT, TC_PHASE_REQUEST, TC_PHASE_RESPONSE };

enum { TC_FETCH_PIECE = 65536, TC_FETCH_ARENA = 1024 * 1024, TC_FETCH_PUSHES = 32 };

typedef struct tc_fetch {
    /* filled in by the caller; zero the rest */
    tc_client *client;
    tc_request request; /* changed by redirects; what it points at lives until done */
    bool follow;        /* redirects, at most limits->redirects of them */
    bool patient;       /* waits for its turn where its origin takes one exchange at a time */
    int64_t limit_ns;   /* for all of it, not counting its turn; 0: none beside the limits */
    const tc_handler *handler;
    void *self;
    /* Once, in the loop. err: why there is no whole response. */
    void (*done)(struct tc_fetch *f, tc_err err);

    /* for the caller to read when it is done */
    enum tc_phase phase; /* how far it came */
    tc_span why;         /* more than err says, or empty; in why_room */
    unsigned redirects;
    const tc_proxy *proxy; /* through which its URL was asked for; NULL: none */
    bool retried;          /* once: the connection died unanswered, or the server refused */

    /* its own */
    struct tc_fetch *next_waiting, *next_opener;
    uint64_t number;     /* of the client's fetches, from 1: first come, first served */
    bool waiting, opens; /* is among those; see pool.h */
    uint64_t after;      /* only connections with a higher number will do */
    char why_room[TC_CONNECT_WHY + 64];
    tc_arena arena; /* URLs of redirects */
    tc_connect connect;
    unsigned skip;              /* addresses where nobody spoke QUIC */
    bool chooses, lost;         /* HTTP/3 may be tried unasked; it was, and TCP is next */
    tc_err lost_by;             /* ... since that failed; OK: it took too long */
    tc_alternative alternative; /* where it is tried */
    tc_connection *quic;        /* its handshake goes on while TCP tries; see race.c */
    tc_alarm head_start;
    tc_connection *opening; /* its handshake is under way, or just over */
    tc_exchange *x;         /* under way */
    tc_task step;
    tc_alarm limit;         /* of limit_ns */
    tc_alarm opening_limit; /* of connect_ms, while a handshake goes on */
    int64_t connect_begun;
    tc_alarm quiet; /* nothing comes; or 100 (Continue) does not */
    int64_t quiet_since;
    uint64_t quiet_in, quiet_out;                           /* bytes on the wire then */
    enum tc_fetch_next { TC_FETCH_GO, TC_FETCH_OVER } next; /* what step does */
    unsigned status;                                        /* of a response that is followed */
    tc_span location;
    bool connecting;
    bool timed;         /* the clock of limit_ns runs */
    bool reused;        /* the exchange is not the first of its connection */
    bool following;     /* the response says to ask elsewhere */
    bool led_by_others; /* by a redirect of another site; see jar.h */
    bool once_more;     /* ... or the same again */
    bool waits_100;     /* content waits for 100 (Continue) */
    bool sending;       /* a stream is under way */
    bool read;          /* ... and something of it was read */
    bool lent;          /* ... and the exchange has the piece */
    bool lingers;       /* only for what was pushed */
    bool listening;     /* ... or the loop waits for more of it */
    tc_err err;
    tc_io stream;
    char *piece;                          /* of a stream: TC_FETCH_PIECE bytes */
    tc_exchange *pushes[TC_FETCH_PUSHES]; /* under way */
    unsigned push_count;
    uint64_t promised; /* so far */
} tc_fetch;

void tc_fetch_begin(tc_fetch *f); /* done is not called from inside */
void tc_fetch_fini(tc_fetch *f);  /* when it is done: the URL of a redirect goes with it */
/* Ends it early: done comes with why. */
void tc_fetch_abort(tc_fetch *f, tc_err why);
