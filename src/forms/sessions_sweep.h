/* sessions_sweep.h - takes away sessions that are over, from time to time, and counts the others:
 * one worker of a server walks over all of them, page by page. */
// SPDX-License-Identifier: MIT
#pragma once
#include "forms/sessions.h"

struct tc_sweep *tc_sweep_new(tc_sessions *s); /* NULL: no memory; ended ones stay for now */
void tc_sweep_free(struct tc_sweep *w);        /* in the loop's thread, or after it */

static inline void tc_session_count_down(tc_session_count *c)
{
    uint_fast64_t open = atomic_load(&c->open);
    while (open && !atomic_compare_exchange_weak(&c->open, &open, open - 1))
        ;
}
