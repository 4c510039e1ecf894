/* event.h - what happens in a session, for those who look on: the access log, the client's picture,
 * --json. They read these events and measure nothing themselves.
 *
 * A session has three phases: a connection is established, requests go out, responses come back.
 * An event that nobody reads costs one test of a bit in tc_watch.mask. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

enum tc_seen_kind {
    TC_SEEN_RESOLVE,   /* client: name look-up begins; text: the name; n: 1 for QUIC */
    TC_SEEN_RESOLVED,  /* client: text: first address found; n: how many; err */
    TC_SEEN_CONNECT,   /* client: an attempt begins; text: the address */
    TC_SEEN_CONNECTED, /* text: the peer's address; err, and errno in n, where it failed */
    TC_SEEN_PROXY,     /* client: what is looked for and connected to is a proxy; text: its name */
    TC_SEEN_PROXY_PROTECTED, /* client: the handshake with it is over, or (err) failed: text says
                                why */
    TC_SEEN_TUNNEL,          /* client: the proxy is asked for a tunnel; text: to where */
    TC_SEEN_TUNNELED,        /* ... and there is one, or (err) none: text says why; n: the status */
    TC_SEEN_PROTECTED,       /* the handshake is over, or (err) failed: text says why */
    TC_SEEN_CHOSEN,          /* client: the session's version stands; text: why this one */
    TC_SEEN_REUSED,          /* client: an exchange goes out on a session that had one before */
    TC_SEEN_BEGUN,           /* x begins; at a client x->pushed: the server promised it */
    TC_SEEN_REQUEST_HEAD,    /* the request's head is whole (server) or written (client) */
    TC_SEEN_REQUEST_END,
    TC_SEEN_RESPONSE_HEAD, /* 1xx too */
    TC_SEEN_RESPONSE_DATA, /* text: a run of content, decoded */
    TC_SEEN_RESPONSE_END,
    TC_SEEN_CLOSED,    /* x is over; err: why, if not well */
    TC_SEEN_NOTE,      /* text: a line of the wire, in words; ours: we sent it */
    TC_SEEN_FRAME,     /* frame: one of the wire; ours: we sent it */
    TC_SEEN_TRANSPORT, /* transport: what a QUIC connection did; before there is a session, too */
    TC_SEEN_BYTES,     /* text: what was read (before it was taken apart) or (ours) written */
    TC_SEEN_ENDED,     /* the connection is closed; err */
    TC_SEEN_COUNT
};

/* What became of early data (0-RTT, RFC 8446, 2.3). */
enum tc_early_was { TC_EARLY_NONE, TC_EARLY_TAKEN, TC_EARLY_REFUSED };

/* A number that a frame says: a setting, a stream, a code. */
typedef struct tc_frame_number {
    const char *name; /* "MAX_FRAME_SIZE", "increment"; NULL: a setting that nobody knows */
    uint64_t id;      /* of a setting */
    uint64_t value;
} tc_frame_number;

/* A frame of HTTP; or that a stream begins, which is none. */
typedef struct tc_frame {
    const char *name;           /* "HEADERS"; NULL: of a type that nobody knows */
    const char *pipe;           /* instead: what the stream is for, "control" */
    uint64_t type, sid, length; /* length: of the payload */
    unsigned flags;             /* HTTP/2: of RFC 9113 */
    uint32_t number_count;
    const tc_frame_number *numbers;
    tc_span fields; /* of a block that is whole: lines "name: value\n" */
} tc_frame;

/* What a handshake agreed on; NUL-terminated. */
typedef struct tc_protection {
    char version[16];  /* "TLS 1.3" */
    char cipher[32];   /* "AES-128-GCM" */
    char group[32];    /* "X25519" */
    char protocol[16]; /* by ALPN: "http/1.1", or "" */
    char offered[64];  /* from these: "h2, http/1.1" */
    bool resumed;      /* an earlier handshake was */
    bool unverified;   /* whoever answers is believed */
    enum tc_early_was early;
} tc_protection;

typedef struct tc_session_info {
    uint64_t id; /* of the session, from 1 in each worker */
    enum tc_role role;
    enum tc_version version;
    const char *link; /* "tcp" */
    const void *way;  /* the link; to be compared only */
    tc_ip peer;       /* all zeros: it has no address */
    uint16_t peer_port;
    uint32_t exchanges; /* begun so far */
    int64_t begun;
    const void *opener; /* client: for whom it was opened; to be compared only */
} tc_session_info;

typedef struct tc_seen {
    enum tc_seen_kind kind;
    bool ours;
    tc_err err;
    int64_t at;                     /* monotonic ns */
    const tc_session_info *session; /* NULL before there is one */
    const tc_exchange *x;           /* NULL where the event is the connection's */
    tc_span text;
    const tc_protection *protection;      /* PROTECTED, PROXY_PROTECTED, if it did not fail */
    const tc_frame *frame;                /* FRAME */
    const struct tc_transport *transport; /* TRANSPORT: observe/transport.h */
    const void *owner; /* client: for whom, while there is no session; to be compared only */
    uint64_t n;
} tc_seen;

/* Someone who looks on. Called in the session's thread; must not call back. */
typedef struct tc_watch tc_watch;
struct tc_watch {
    uint32_t mask; /* bits 1u << enum tc_seen_kind */
    bool rough;    /* tenths of a ms will do: the clock is not read for each quick exchange */
    void (*see)(tc_watch *w, const tc_seen *what);
    tc_watch *next; /* one more, or NULL */
};

static inline bool tc_watched(const tc_watch *w, enum tc_seen_kind kind)
{
    for (; w; w = w->next)
        if (w->mask >> kind & 1) return true;
    return false;
}

/* Whether anybody looks on who wants to know the time as well as can be. */
static inline bool tc_watched_closely(const tc_watch *w, enum tc_seen_kind kind)
{
    for (; w; w = w->next)
        if (w->mask >> kind & 1 && !w->rough) return true;
    return false;
}

static inline void tc_show(tc_watch *w, const tc_seen *what)
{
    for (; w; w = w->next)
        if (w->mask >> what->kind & 1) w->see(w, what);
}
