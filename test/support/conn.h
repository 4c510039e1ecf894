/* conn.h - one end of a connection in memory: an engine, a small application, and a log of what the
 * engine said. The application answers, or asks, as a list of scripts says. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/engine.h"

enum {
    SCRIPT_PARTS = 8,
    SCRIPTS = 64,
    CONN_OPEN = 256,
    CONN_BUF_FIRST = 1 << 16,
    CONN_BUF_MAX = 1 << 26
};

/* What one message of ours is made of. */
typedef struct script {
    unsigned status, inform;      /* server */
    size_t inform_count;          /* 0: one */
    tc_span pushes[SCRIPT_PARTS]; /* server: paths, before the head */
    size_t push_count;
    bool push_late; /* they are answered behind it */
    bool at_head;   /* server: answer when the head is here, not the whole request */
    tc_span method, path, host;
    bool old;     /* client: version 1.0 */
    bool unknown; /* length not stated */
    tc_span fields[SCRIPT_PARTS], trailers[SCRIPT_PARTS], runs[SCRIPT_PARTS];
    size_t field_count, trailer_count, run_count;
} script;

typedef struct conn {
    tc_engine_env env;
    tc_limits limits;
    tc_reached reached;
    tc_slab slab;
    uint64_t windows;
    tc_engine *engine;
    const tc_engine_type *type;
    script scripts[SCRIPTS];
    size_t script_count, used;
    int64_t now;
    tc_buf log;   /* lines */
    tc_buf out;   /* bytes that were sent */
    tc_buf carry; /* bytes that came and were not taken */
    bool fin, fin_told, ordered, linger, in_data;
    bool our_end;       /* the link was told to end our half */
    bool tags;          /* lines of the log begin with the exchange's id */
    bool any_close;     /* say nothing about lingering */
    size_t write_max;   /* bytes written at a time; 0: all */
    size_t pause_every; /* every nth DATA is given back one loan later; 0: none */
    size_t data_count, held;
    tc_exchange *held_of;
    script promised;              /* server: answers what is pushed */
    bool keep;                    /* server: what is pushed is not answered, the test does that */
    tc_exchange *kept, *last;     /* server: last: whose HEAD came last */
    bool wants_none;              /* client: breaks off what is pushed */
    tc_block *block;              /* server: shared by all answers; may be NULL */
    unsigned closed;              /* exchanges that ended */
    uint64_t sent;                /* bytes of content that the engine took */
    uint64_t content;             /* bytes of theirs that were given back */
    tc_exchange *open[CONN_OPEN]; /* those that the application has */
} conn;

void conn_init(conn *c, const tc_engine_type *type, enum tc_role role);
void conn_init_taking(conn *c, const tc_engine_type *type); /* a client that takes pushes */
void conn_init_as(conn *c, const tc_engine_type *type, enum tc_role role, bool push,
                  const tc_limits *limits);
void conn_fini(conn *c); /* ends what runs; fails the test if an exchange is missing */
/* One loan of all that is carried and these bytes, and everything that follows from it. */
void conn_feed(conn *c, tc_span bytes, bool fin);

/* For links with streams (support/h3_end.h). */
void conn_apply(conn *c, const tc_event *ev);
bool conn_ask(conn *c); /* client: the next request, if there is one and the engine takes it */
void conn_say_line(conn *c, const char *text);
void conn_take_held(conn *c); /* what was not given back is now */
/* As conn_fini, for an engine that only sees its end: exchanges are closed as by a session. */
void conn_cut(conn *c);
