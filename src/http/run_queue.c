/* run_queue.c - see run_queue.h. */
// SPDX-License-Identifier: MIT
#include "http/run_queue.h"

#include <assert.h>

void tc_run_queue_init(tc_run_queue *q)
{
    memset(q, 0, offsetof(tc_run_queue, runs));
}

void tc_run_queue_add(tc_run_queue *q, tc_run run)
{
    if (run.len == 0) return;
    assert(tc_run_queue_room(q) > 0);
    q->runs[q->end++ % TC_RUN_QUEUE] = run;
    q->queued += run.len;
}

/* The run without its first n bytes. */
static tc_run run_from(tc_run run, size_t n)
{
    if (run.kind == TC_RUN_BYTES)
        run.at += n;
    else
        run.off += n;
    run.len -= n;
    return run;
}

size_t tc_run_queue_output(const tc_run_queue *q, tc_run *ret_runs, size_t max, size_t budget)
{
    size_t count = 0;
    for (uint32_t i = q->cut; i != q->end && count < max && budget > 0; i++) {
        tc_run run = q->runs[i % TC_RUN_QUEUE];
        if (i == q->cut) run = run_from(run, (size_t)q->cut_off);
        if (run.len > budget) run.len = budget;
        budget -= run.len;
        ret_runs[count++] = run;
    }
    return count;
}

/* Moves a place in the queue n bytes on. */
static void advance(const tc_run_queue *q, uint32_t *index, uint64_t *off, uint64_t n)
{
    *off += n;
    while (*index != q->end && *off >= q->runs[*index % TC_RUN_QUEUE].len)
        *off -= q->runs[(*index)++ % TC_RUN_QUEUE].len;
}

void tc_run_queue_wrote(tc_run_queue *q, size_t n)
{
    q->written += n;
    assert(q->written <= q->queued);
    advance(q, &q->cut, &q->cut_off, n);
}

void tc_run_queue_acked(tc_run_queue *q, size_t n)
{
    q->acked += n;
    assert(q->acked <= q->written);
    advance(q, &q->done, &q->done_off, n);
}

void tc_run_queue_stop(tc_run_queue *q)
{
    q->queued = q->written;
    if (q->cut_off > 0) {
        q->runs[q->cut % TC_RUN_QUEUE].len = (size_t)q->cut_off;
        q->cut++;
        q->cut_off = 0;
    }
    q->end = q->cut;
}
