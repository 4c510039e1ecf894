/* run_queue.h - what we send on a connection of one stream: runs in order, kept until acknowledged.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

enum { TC_RUN_QUEUE = 16 };

/* runs[done..cut) are written and not acknowledged, runs[cut..end) are still to be written; indices
 * count up and are taken modulo TC_RUN_QUEUE. */
typedef struct tc_run_queue {
    uint32_t done, cut, end;
    uint64_t done_off, cut_off;      /* bytes of runs[done], runs[cut] that are behind us */
    uint64_t queued, written, acked; /* bytes, ever */
    tc_run runs[TC_RUN_QUEUE];
} tc_run_queue;

void tc_run_queue_init(tc_run_queue *q);

static inline uint32_t tc_run_queue_room(const tc_run_queue *q)
{
    return TC_RUN_QUEUE - (q->end - q->done);
}

void tc_run_queue_add(tc_run_queue *q,
                      tc_run run); /* there must be room; an empty run is dropped */
size_t tc_run_queue_output(const tc_run_queue *q, tc_run *ret_runs, size_t max, size_t budget);
void tc_run_queue_wrote(tc_run_queue *q, size_t n);
void tc_run_queue_acked(tc_run_queue *q, size_t n);
void tc_run_queue_stop(tc_run_queue *q); /* forgets what is not written */
