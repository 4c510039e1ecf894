/* metrics.h - what a worker's sessions count, and the counts as text for Prometheus (text
 * exposition format 0.0.4).
 *
 * Plain numbers that one thread writes. Who wants those of all threads asks each for a copy and
 * adds them up (server/census.h). A session without metrics pays one test of a pointer for each of
 * them; the events of http/event.h would cost an address in words for every exchange. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "http/exchange.h"

enum tc_transport_way { TC_WAY_TCP, TC_WAY_TLS, TC_WAY_QUIC, TC_WAYS };

enum {
    TC_METRICS_VERSIONS = TC_HTTP_3 + 1,
    TC_METRICS_METHODS = 10, /* the nine, and all others */
    TC_METRICS_BUCKETS = 18, /* and one for what takes longer */
    TC_METRICS_STATUSES = 1  /* those that are registered, and all others */
#define TC_STATUS(code, reason) +1
#include "status.def"
#undef TC_STATUS
    ,
    TC_METRICS_ERRORS = 1 /* by the rows of the table, behind TC_OK */
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) +1
#include "err.def"
#undef TC_ERR
};

typedef struct tc_metrics_times {
    uint64_t buckets[TC_METRICS_BUCKETS + 1]; /* not added up */
    uint64_t ns;
} tc_metrics_times;

/* Only of uint64_t: so they are added up. */
typedef struct tc_metrics {
    uint64_t connections[TC_WAYS], closed[TC_WAYS]; /* begun, and over */
    uint64_t spoken[TC_METRICS_VERSIONS];           /* connections, by what was chosen */
    uint64_t handshakes, resumed;                   /* that succeeded; of them by a ticket */
    uint64_t handshake_failures[TC_METRICS_ERRORS];
    uint64_t connection_failures[TC_METRICS_ERRORS];
    uint64_t bytes_in, bytes_out; /* of HTTP, without what protects it */
    uint64_t begun;               /* exchanges */
    uint64_t exchanges[TC_METRICS_VERSIONS][TC_METRICS_METHODS][TC_METRICS_STATUSES]; /* over */
    uint64_t exchange_failures[TC_METRICS_ERRORS];
    tc_metrics_times first[TC_METRICS_VERSIONS]; /* until the answer's head went out */
    tc_metrics_times whole[TC_METRICS_VERSIONS];
} tc_metrics;

/* A server's exchange is over, at that time. */
void tc_metrics_exchange(tc_metrics *m, const tc_exchange *x, int64_t now, tc_err why);
void tc_metrics_failed(uint64_t failures[TC_METRICS_ERRORS], tc_err why);
void tc_metrics_add(tc_metrics *to, const tc_metrics *more);
/* Another number where tc_metrics is another struct, or its members mean something else. */
uint64_t tc_metrics_layout(void);

/* One more number to tell, of a name of its own. */
typedef struct tc_metrics_fact {
    const char *name, *help; /* a name that ends in _total is a counter's, else a gauge's */
    double value;            /* below 0: there is nothing that it could be of, and it is left out */
} tc_metrics_fact;

bool tc_metrics_fact_counts(const tc_metrics_fact *fact); /* it is a counter's */

/* What there is to tell besides. */
typedef struct tc_metrics_facts {
    const tc_limits *limits;
    const tc_reached *reached;
    const tc_metrics *living; /* without what ended processes counted: what is open; NULL: all */
    const char *version;      /* of the program */
    const char *quic;         /* "yes" or "no": whether it can */
    const tc_metrics_fact *more;
    size_t more_count;
} tc_metrics_facts;

/* Adds the whole page. TC_ERR_FULL, TC_ERR_NO_MEMORY. */
tc_err tc_metrics_write(tc_buf *to, const tc_metrics *m, const tc_metrics_facts *facts) TC_MUST_USE;
