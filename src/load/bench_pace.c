/* bench_pace.c - when the units of `tercet bench` begin: each as soon as there is room for it (a
 * closed loop), or at a rate, whatever becomes of those before (an open loop). There a unit counts
 * from when it was due, so that a server which stands still does not hide the wait of those behind.
 */
// SPDX-License-Identifier: MIT
#include "load/bench_load.h"

enum { BEHIND_NS = TC_MS };

/* When the unit of that number, from 0 on, is due. */
static int64_t due_of(const tc_bench *b, uint64_t number)
{
    return b->began + (int64_t)(number / b->rate) * TC_S +
           (int64_t)(number % b->rate * TC_S / b->rate);
}

static bool all_begun(const tc_bench *b)
{
    return b->count && b->begun == b->count;
}

bool tc_bench_take(tc_bench_driver *d, int64_t *ret_due)
{
    tc_bench *b = d->b;
    int64_t due = 0;
    if (d->over) return false;
    if (d->again) {
        d->again--;
        *ret_due = d->again_due;
        return true;
    }
    if (all_begun(b)) return false;
    if (b->rate) {
        const int64_t now = tc_loop_now(d->loop);
        due = d->asking ? due_of(b, b->begun) : now;
        if (due > now) return false;
    }
    b->begun++;
    *ret_due = due;
    return true;
}

void tc_bench_take_back(tc_bench_driver *d, int64_t due)
{
    d->b->sent_again++;
    if (!d->again || due < d->again_due) d->again_due = due;
    d->again++;
}

void tc_bench_unit_over(tc_bench_driver *d, tc_err err)
{
    tc_bench *b = d->b;
    if (d->over) return;
    if (err) {
        b->failed++;
        if (-(int)err < TC_BENCH_ERRORS) b->errors[-(int)err]++;
    } else {
        b->done++;
    }
    if (b->count && b->done + b->failed == b->count) tc_bench_finish(d);
}

uint64_t tc_bench_not_begun(const tc_bench *b)
{
    if (!b->rate || b->ended <= b->began) return 0;
    const uint64_t took = (uint64_t)(b->ended - b->began);
    uint64_t due = took / TC_S * b->rate + took % TC_S * b->rate / TC_S;
    if (b->count && due > b->count) due = b->count;
    return due > b->begun ? due - b->begun : 0;
}

static bool is_due(const tc_bench_driver *d)
{
    if (d->over || (all_begun(d->b) && !d->again)) return false;
    return d->again || due_of(d->b, d->b->begun) <= tc_loop_now(d->loop);
}

/* Slots take turns. Those that are busy look for more by themselves when they have room. */
static void due_rings(tc_alarm *alarm)
{
    tc_bench_driver *d = TC_OWNER(tc_bench_driver, due, alarm);
    const tc_bench *b = d->b;
    for (uint64_t i = 0; i < b->connections && is_due(d); i++) {
        tc_bench_slot *s = &d->slots[d->turn];
        d->turn = (d->turn + 1) % b->connections;
        tc_bench_slot_step(s, 1);
    }
    if (d->over || (all_begun(b) && !d->again)) return;
    const int64_t now = tc_loop_now(d->loop), due = due_of(b, b->begun);
    if (tc_loop_set(d->loop, alarm, due > now ? due : now + BEHIND_NS) != TC_OK) tc_bench_finish(d);
}

void tc_bench_pace(tc_bench_driver *d)
{
    d->due.ring = due_rings;
    if (d->b->rate && tc_loop_set(d->loop, &d->due, d->b->began) != TC_OK) tc_bench_finish(d);
}
