/* bench.h - what the parts of `tercet bench` share: what is asked for, what was measured.
 *
 * Each of the connections asks again as soon as it has an answer (a closed loop), so a server that
 * stands still is asked less: the times are those of a client that waits for its turn. With a rate
 * requests are due whatever becomes of those before (an open loop), and their times begin then. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/client.h"
#include "client/request.h"
#include "client/way.h"
#include "load/histogram.h"
#include "run/command.h"
#include "run/term.h"

extern const tc_command tc_command_bench;

enum { TC_BENCH_STATUSES = 600, TC_BENCH_ERRORS = 512, TC_BENCH_WHY = TC_CONNECT_WHY };

/* CPU time of this process and of the server, if that is a process of this machine. */
typedef struct tc_bench_cpu {
    double user, system; /* seconds, ours */
    double waited;       /* seconds in which we could have run, but others had the core */
    double server;       /* seconds of all its processes */
    unsigned processes;  /* 0: it is not on this machine, or not to be seen */
} tc_bench_cpu;

typedef struct tc_bench {
    /* what is asked for */
    tc_request request;
    tc_limits limits;
    tc_tls_client_config tls;
    const tc_proxy *proxy;                /* NULL: none */
    tc_via via;                           /* what it is asked for */
    uint64_t connections, streams, count; /* count 0: until the time is over */
    uint64_t rate;                        /* units a second; 0: as fast as they are answered */
    int64_t time_ns;                      /* 0: until all were counted */
    bool once;                            /* keep-alive off: a connection for each request */
    bool handshakes;                      /* no requests at all */
    bool resume;                          /* later handshakes come back to earlier ones */
    const tc_term *term;                  /* the live line is for it, if it is a terminal */

    /* what was measured */
    tc_reached reached;
    tc_histogram *latency; /* request to the end of its answer; handshakes: of those */
    tc_histogram *opening; /* of connections: from connect to where requests can go out */
    uint64_t begun, done, failed, unfinished; /* requests, or handshakes */
    uint64_t not_begun;  /* of a rate: were due at the end, but all connections were busy */
    uint64_t sent_again; /* requests that the server refused before it began with them */
    uint64_t made, resumed;
    uint64_t bytes_in, bytes_out, content;
    uint64_t statuses[TC_BENCH_STATUSES];
    uint64_t errors[TC_BENCH_ERRORS]; /* by the number of the error */
    int64_t began, ended;             /* monotonic ns */
    tc_bench_cpu cpu_before, cpu_after;
    bool interrupted;
    enum tc_version version; /* that was spoken */
    char address[TC_IP_TEXT];
    char why[TC_BENCH_WHY]; /* more about a first connection that failed */
} tc_bench;

/* bench_run.c: runs it to its end. An error: not even one connection could be made. */
tc_err tc_bench_run(tc_bench *b) TC_MUST_USE;

/* bench_cpu.c: so far; ours, and of who listens on that port if the address is this machine's. */
void tc_bench_cpu_ours(tc_bench_cpu *cpu);
void tc_bench_cpu_server(tc_bench_cpu *cpu, const char *address, uint16_t port, bool datagrams);

/* bench_show.c */
bool tc_bench_was_bottleneck(const tc_bench *b); /* the generator had no time left */
bool tc_bench_was_held_up(const tc_bench *b);    /* by other work on this machine */
bool tc_bench_lagged(const tc_bench *b);         /* the rate was more than there was room for */
void tc_bench_live(const tc_bench *b, int64_t now);
void tc_bench_live_end(const tc_bench *b);
tc_err tc_bench_text(const tc_bench *b, const tc_term *term, tc_buf *out) TC_MUST_USE;
tc_err tc_bench_json(const tc_bench *b, tc_span url, tc_buf *out) TC_MUST_USE;
