/* metrics.c - see metrics.h. */
// SPDX-License-Identifier: MIT
#include "observe/metrics.h"

#include "base/clock.h"
#include "observe/metrics_inside.h"

const int64_t tc_metrics_bounds[TC_METRICS_BUCKETS] = {
    TC_MS / 10, TC_MS / 4,    TC_MS / 2,  TC_MS,       5 * TC_MS / 2, 5 * TC_MS,
    10 * TC_MS, 25 * TC_MS,   50 * TC_MS, 100 * TC_MS, 250 * TC_MS,   500 * TC_MS,
    TC_S,       5 * TC_S / 2, 5 * TC_S,   10 * TC_S,   30 * TC_S,     60 * TC_S};

/* Which row of the table a code has, from 1. */
enum status_row {
    STATUS_OTHER,
#define TC_STATUS(code, reason) STATUS_##code,
#include "status.def"
#undef TC_STATUS
};

enum { STATUS_MOST = 600, ERROR_MOST = 512 };

static const uint8_t status_rows[STATUS_MOST] = {
#define TC_STATUS(code, reason) [code] = STATUS_##code,
#include "status.def"
#undef TC_STATUS
};

enum error_row {
    ERROR_NONE,
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) ERROR_##name,
#include "err.def"
#undef TC_ERR
};

static const uint8_t error_rows[ERROR_MOST] = {
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) [number] = ERROR_##name,
#include "err.def"
#undef TC_ERR
};

static unsigned method_row(enum tc_method method)
{
    switch ((int)method) {
    case TC_METHOD_GET: return 1;
    case TC_METHOD_HEAD: return 2;
    case TC_METHOD_POST: return 3;
    case TC_METHOD_PUT: return 4;
    case TC_METHOD_DELETE: return 5;
    case TC_METHOD_CONNECT: return 6;
    case TC_METHOD_OPTIONS: return 7;
    case TC_METHOD_TRACE: return 8;
    case TC_METHOD_PATCH: return 9;
    default: return 0;
    }
}

static void count_time(tc_metrics_times *t, int64_t ns)
{
    size_t i = 0;
    while (i < TC_METRICS_BUCKETS && ns > tc_metrics_bounds[i])
        i++;
    t->buckets[i]++;
    t->ns += ns > 0 ? (uint64_t)ns : 0;
}

void tc_metrics_exchange(tc_metrics *m, const tc_exchange *x, int64_t now, tc_err why)
{
    const unsigned v = (unsigned)x->theirs.version % TC_METRICS_VERSIONS;
    const unsigned status = x->times.ours_head ? x->ours.status : 0;
    m->exchanges[v][method_row(x->theirs.method)][status_rows[status % STATUS_MOST]]++;
    if (x->times.ours_head) count_time(&m->first[v], x->times.ours_head - x->times.begun);
    count_time(&m->whole[v], now - x->times.begun);
    if (why) tc_metrics_failed(m->exchange_failures, why);
}

void tc_metrics_failed(uint64_t failures[TC_METRICS_ERRORS], tc_err why)
{
    failures[error_rows[(unsigned)-(int)why % ERROR_MOST]]++;
}

void tc_metrics_add(tc_metrics *to, const tc_metrics *more)
{
    uint64_t *sum = (uint64_t *)(void *)to;
    const uint64_t *n = (const uint64_t *)(const void *)more;
    for (size_t i = 0; i < sizeof *to / sizeof *sum; i++)
        sum[i] += n[i];
}
