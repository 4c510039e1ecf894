/* timer.c - a binary heap of (time to look, timer); the true deadline stands in the timer. */
// SPDX-License-Identifier: MIT
#include "base/timer.h"

#include <assert.h>

#include "base/alloc.h"

struct tc_timers_slot {
    int64_t at;
    tc_timer *timer;
};

void tc_timers_fini(tc_timers *t)
{
    tc_free(t->slots);
    *t = (tc_timers){0};
}

static void place(tc_timers *t, uint32_t i, struct tc_timers_slot slot)
{
    t->slots[i] = slot;
    slot.timer->place = i + 1;
}

static void sift_up(tc_timers *t, uint32_t i, struct tc_timers_slot slot)
{
    while (i > 0 && t->slots[(i - 1) / 2].at > slot.at) {
        place(t, i, t->slots[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(t, i, slot);
}

static void sift_down(tc_timers *t, uint32_t i, struct tc_timers_slot slot)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= t->count) break;
        if (child + 1 < t->count && t->slots[child + 1].at < t->slots[child].at) child++;
        if (t->slots[child].at >= slot.at) break;
        place(t, i, t->slots[child]);
        i = child;
    }
    place(t, i, slot);
}

static void remove_at(tc_timers *t, uint32_t i)
{
    t->slots[i].timer->place = 0;
    const struct tc_timers_slot last = t->slots[--t->count];
    if (i == t->count) return;
    if (i > 0 && t->slots[(i - 1) / 2].at > last.at)
        sift_up(t, i, last);
    else
        sift_down(t, i, last);
}

tc_err tc_timer_set(tc_timers *t, tc_timer *timer, int64_t deadline)
{
    timer->deadline = deadline;
    if (timer->place) {
        const uint32_t i = timer->place - 1;
        if (deadline < t->slots[i].at) sift_up(t, i, (struct tc_timers_slot){deadline, timer});
        return TC_OK;
    }
    if (deadline == TC_NEVER) return TC_OK;
    if (t->count == t->size) {
        const uint32_t size = t->size ? t->size * 2 : 64;
        struct tc_timers_slot *slots = tc_realloc(t->slots, size * sizeof *slots);
        if (!slots) return TC_ERR_NO_MEMORY;
        t->slots = slots;
        t->size = size;
    }
    sift_up(t, t->count++, (struct tc_timers_slot){deadline, timer});
    return TC_OK;
}

void tc_timer_clear(tc_timers *t, tc_timer *timer)
{
    timer->deadline = TC_NEVER;
    if (timer->place) remove_at(t, timer->place - 1);
}

int64_t tc_timers_next(const tc_timers *t)
{
    return t->count ? t->slots[0].at : TC_NEVER;
}

tc_timer *tc_timers_due(tc_timers *t, int64_t now)
{
    while (t->count && t->slots[0].at <= now) {
        tc_timer *timer = t->slots[0].timer;
        if (timer->deadline <= now) {
            tc_timer_clear(t, timer);
            return timer;
        }
        if (timer->deadline == TC_NEVER)
            remove_at(t, 0);
        else
            sift_down(t, 0, (struct tc_timers_slot){timer->deadline, timer});
    }
    return NULL;
}
