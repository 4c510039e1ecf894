/* census.h - what all workers of a server have counted. Each is asked for a copy, which it makes in
 * its own thread between two turns: nothing is shared, no lock is on the path of a request, and
 * whoever counts pays nothing for being read. One that does not answer in time is silent; what it
 * said before stands in for it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/metrics.h"
#include "server/server.h"

enum { TC_CENSUS_MS = 1000 }; /* that workers have to answer */

/* Only of uint64_t: so they are shared (server/ledger.h). */
typedef struct tc_counts {
    tc_metrics metrics;
    tc_reached reached;
    uint64_t starved;    /* see tc_server_starved */
    uint64_t handshakes; /* under way */
    uint64_t workers, silent;
} tc_counts;

typedef struct tc_census tc_census;

/* For asking from here's thread, the workers of a server that counts (tc_server_config.counts).
 * Before the server is started. done is called in that thread, once for each round. */
tc_err tc_census_new(tc_server *server, tc_loop *here, void (*done)(void *self, tc_counts *sum),
                     void *self, tc_census **ret_census) TC_MUST_USE;
/* After the server was freed, or where it never ran. */
void tc_census_free(tc_census *census);
/* Begins a round, if none is under way. */
void tc_census_ask(tc_census *census);
/* Of a server whose workers have ended, from any thread. */
void tc_census_last(const tc_server *server, tc_counts *ret_sum);

/* A number for what the words of tc_counts mean: another build may have others in their places. */
uint64_t tc_counts_layout(void);
