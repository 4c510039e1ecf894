/* quic.h - QUIC at a worker: its endpoints, one for each socket, the connections on them, and
 * packets that came to a worker, or a process, whose connection they are not for. */
// SPDX-License-Identifier: MIT
#pragma once
#include <pthread.h>

#include "net/listen.h"
#include "quic/quic.h"
#include "server/server.h"

struct tc_quic_connection;
struct tc_stray;
typedef struct tc_endpoint tc_endpoint;

typedef struct tc_worker_quic {
    tc_worker *worker;
    tc_session_env env;
    tc_slab connections;
    struct tc_quic_connection *open;              /* all of them */
    struct tc_quic_connection *oldest, *youngest; /* whose handshake is under way */
    uint64_t handshakes;                          /* how many */
    tc_io passed; /* the first worker: packets of other generations; fd 0: there are none */
    char *passed_room;

    /* from any worker's thread, under the lock */
    pthread_mutex_t lock;
    struct tc_stray *strays, **last_stray;
    uint64_t stray_count;
    bool posted;
    tc_task take_strays;
} tc_worker_quic;

tc_err tc_worker_quic_init(tc_worker_quic *q, tc_worker *worker) TC_MUST_USE;
void tc_worker_quic_fini(tc_worker_quic *q);
/* Takes the socket of e over. Before the worker's thread begins. */
tc_err tc_worker_quic_open(tc_endpoint *e, int fd) TC_MUST_USE;
/* Reads what others pass on; before the worker's thread begins. The descriptor stays the caller's.
 */
tc_err tc_worker_quic_hear(tc_worker_quic *q, int fd) TC_MUST_USE;
void tc_worker_quic_drain(tc_worker_quic *q);
void tc_worker_quic_listen(tc_worker_quic *q); /* again, since the next generation is gone */
