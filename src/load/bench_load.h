/* bench_load.h - what the parts that make the load of `tercet bench` share. One loop, one thread.
 *
 * What counts is a unit: a request, or (handshakes) a connection. A slot that opens a connection
 * for a unit holds it meanwhile, so that each unit begun ends once: done or failed. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/client.h"
#include "load/bench.h"

#define TC_OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

struct tc_bench_driver;
struct tc_bench_connecting;

typedef struct tc_bench_slot {
    struct tc_bench_driver *driver;
    tc_connection *connection;
    struct tc_bench_connecting *connecting; /* under way */
    tc_task step;
    tc_alarm pause;      /* after a failure */
    int64_t opening;     /* since when */
    int64_t heard;       /* the last sign of life, while something runs */
    int64_t due;         /* since when the unit that it holds should have begun */
    uint64_t running;    /* requests */
    uint64_t may_refuse; /* requests that are sent again if the server refuses them */
    unsigned skip;       /* addresses where nobody spoke QUIC */
    bool another;        /* there is an address behind this one */
    bool holds;          /* a unit, for the next request */
    bool settled;        /* its first connection is open, or failed */
    bool spent;          /* its connection takes no more */
    bool pauses;
} tc_bench_slot;

typedef struct tc_bench_driver {
    tc_bench *b;
    tc_loop *loop;
    tc_client client;
    tc_origin origin;
    void (*client_ended)(tc_session_env *env, tc_session *s, tc_err why);
    tc_bench_slot *slots;
    uint64_t unsettled;
    uint64_t turn;     /* open loop: the slot that is next */
    uint64_t again;    /* units that the server refused, to be begun anew */
    int64_t again_due; /* the earliest that one of them was due */
    tc_alarm look, limit, due;
    tc_io interrupt;
    bool reached; /* there was a connection */
    bool asking;  /* the clock runs */
    bool over;
    tc_err err; /* why there was none */
} tc_bench_driver;

static inline bool tc_bench_opens(const tc_bench *b) /* connections are part of the work */
{
    return b->once || b->handshakes;
}

/* Of whoever is connected to. */
static inline uint16_t tc_bench_port(const tc_bench *b)
{
    return b->proxy ? b->proxy->port : b->request.url.port;
}

/* bench_run.c */
void tc_bench_look_at_server(tc_bench_driver *d, tc_bench_cpu *cpu);
void tc_bench_begin_clock(tc_bench_driver *d);
void tc_bench_finish(tc_bench_driver *d);

/* bench_pace.c. True: a unit is to begin now, and the time from which it counts. */
bool tc_bench_take(tc_bench_driver *d, int64_t *ret_due);
void tc_bench_take_back(tc_bench_driver *d, int64_t due); /* it is to begin once more */
void tc_bench_unit_over(tc_bench_driver *d, tc_err err);
uint64_t tc_bench_not_begun(const tc_bench *b); /* that were due at its end */
void tc_bench_pace(tc_bench_driver *d);         /* open loop: the clock runs */

/* bench_slot.c */
void tc_bench_slot_init(tc_bench_slot *s, tc_bench_driver *d);
void tc_bench_slot_go(tc_bench_slot *s);                  /* soon: whatever can be done */
void tc_bench_slot_step(tc_bench_slot *s, uint64_t most); /* now, at most so many units */
void tc_bench_slot_fini(tc_bench_slot *s);
void tc_bench_session_ended(tc_session_env *env, tc_session *session, tc_err why);
void tc_bench_session_idle(tc_session_env *env, tc_session *session);
