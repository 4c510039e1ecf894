/* record.h - the story of a client's sessions as events tell it: what the picture on a terminal and
 * --json are made of. Nothing is measured here, and nothing points back into a session. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/event.h"

enum { TC_RECORD_ATTEMPTS = 16, TC_RECORD_BYTES = 64 * 1024 * 1024 };

/* All times are monotonic ns; 0: it did not happen. */
typedef struct tc_record_attempt {
    tc_span address;
    int64_t begun, ended;
    tc_err err;
    int error; /* errno of a failed one, or 0 */
    bool quic; /* with datagrams: ended when the handshake failed, or was overtaken */
} tc_record_attempt;

typedef struct tc_record_connection {
    struct tc_record_connection *next;
    const void *owner; /* for whom it was opened */
    unsigned number;   /* from 1, as people are told */
    uint64_t session;  /* 0: none came of it */
    const char *link;  /* "tcp" */
    tc_span host, address;
    int64_t since; /* when what was tried for it first began: QUIC, another address */
    int64_t begun, resolved, connected, ready,
        ended;               /* ready: after a handshake, if there is one */
    enum tc_version version; /* NONE: not known */
    tc_span choice;          /* why it is that one */
    bool secure;             /* there was one, as protection says */
    tc_protection protection;
    bool looked_up;          /* the name was no address */
    tc_span proxy;           /* the host is one: "proxy.example:3128"; empty: it is none */
    tc_span tunnel;          /* what it was asked for a tunnel to; empty: it forwards */
    int64_t proxy_protected; /* the handshake with it was over, as proxy_protection says */
    tc_protection proxy_protection;
    int64_t tunneled;
    unsigned tunnel_status; /* what it answered; 0: it did not */
    bool quic;              /* it is, or was to be */
    tc_err err;
    bool judged; /* none came of it, and an exchange without a request says so */
    unsigned exchanges, attempt_count;
    tc_record_attempt attempts[TC_RECORD_ATTEMPTS];
} tc_record_connection;

/* A 1xx response. */
typedef struct tc_record_interim {
    struct tc_record_interim *next;
    int64_t at;
    tc_message head;
} tc_record_interim;

typedef struct tc_record_exchange {
    struct tc_record_exchange *next;
    tc_record_connection *connection; /* NULL: nobody knows */
    const void *owner;                /* the handler's self: whose request it was */
    uint64_t session, id;
    unsigned place; /* of the exchanges on its connection, from 1 */
    bool closed, pushed;
    tc_message request, response; /* status 0: none came */
    tc_record_interim *interims;
    int64_t begun, request_head, request_end, response_head, response_end, over;
    uint64_t content_out, content_in, wire_out, wire_in;
    tc_buf body; /* the first bytes of the content, at most record.body_max */
    tc_err err;
    /* what tc_record_outcome adds */
    tc_span url, why;
    const char *phase;
} tc_record_exchange;

typedef struct tc_record {
    tc_watch watch; /* first; put it where events are shown */
    tc_arena arena;
    size_t body_max; /* bytes of each body that are kept; 0: none */
    bool incomplete; /* there was no memory for something */
    tc_record_connection *connections, **connections_end;
    /* Those that were judged come first, in the order in which they were. */
    tc_record_exchange *exchanges, **exchanges_end, **judged_end, *last;
} tc_record;

void tc_record_init(tc_record *r, size_t body_max);
void tc_record_fini(tc_record *r);

/* The exchange that an event is about; NULL: none, or not known. */
tc_record_exchange *tc_record_of(const tc_record *r, const tc_seen *what);
tc_record_connection *tc_record_connection_of(const tc_record *r, uint64_t session);

/* What became of all that was done for one URL by that owner: err and why go to its last exchange,
 * or to a new one, with no request, where it did not come to any. phase: "connect", "request",
 * "response". */
void tc_record_outcome(tc_record *r, const void *owner, tc_span url, tc_err err, const char *phase,
                       tc_span why);
