/* admin.h - what an operator's tools ask a server, at a listener of its own: /metrics for
 * Prometheus, /health for a load balancer. A tc_app for a second tc_server, of one worker. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "server/census.h"
#include "server/ledger.h"

enum { TC_ADMIN_FACTS = 16 };

typedef struct tc_admin {
    tc_server *server;      /* which is asked about; it counts, and is freed before the admin's */
    tc_metrics_facts facts; /* .limits, .version, .quic */
    int64_t begun;          /* monotonic ns */
    unsigned generation;    /* of the configuration, from 1 */
    atomic_bool draining;   /* it finishes what is under way: not healthy */
    /* What else is to be told, in whole numbers; from the admin's thread. Returns how many. May be
     * NULL. */
    size_t (*more)(void *self, tc_metrics_fact *room, size_t most);
    void *more_self;
    tc_ledger *ledger; /* what other generations count is told, too; NULL: there are none */
    int slot;          /* of this one */
} tc_admin;

tc_app tc_admin_app(tc_admin *admin); /* admin outlives both servers */
/* Both servers have ended: publishes what was counted since it was published last. */
void tc_admin_last(const tc_admin *admin);
