/* qlog.h - connections as qlog, a log of a connection that tools draw pictures of: QUIC, and HTTP/3
 * and 2 (draft-ietf-quic-qlog-main-schema, -quic-events and -h3-events, at version 0.3).
 *
 * JSON text sequences (RFC 7464): a record for the trace, one for each event. 0.3 is the newest
 * that qvis reads, which wants HTTP's events in "http". HTTP/2 has no schema: its events are those
 * of qvis for captured TCP, in "http2". HTTP/1 has no frames, and no trace. Fields that are secrets
 * are dots, and tokens are left out: who has them can come back or end a connection. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "http/event.h"

enum { TC_QLOG_NAME = 128 };

typedef struct tc_qlog tc_qlog;
struct tc_qlog {
    tc_watch watch; /* first; put it where events are shown */
    /* the caller's */
    bool secrets; /* show them */
    const tc_limits *limits;
    tc_reached *reached;
    int64_t (*wall_ns)(void); /* since 1970; NULL: the system's clock */
    /* A new file for a trace; NULL: there is none. A name is at most TC_QLOG_NAME bytes. */
    void *(*open)(tc_qlog *q, const char *name);
    tc_err (*write)(tc_qlog *q, void *file, tc_span bytes); /* an error: no more of that one */
    void (*close)(tc_qlog *q, void *file);

    /* its own */
    tc_map traces; /* by link */
    struct tc_qlog_trace *open_traces;
    uint64_t made;
};

/* After the caller's members were set. */
void tc_qlog_init(tc_qlog *q);
void tc_qlog_fini(tc_qlog *q); /* ends all traces */
