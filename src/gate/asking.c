/* asking.c - see asking.h. */
// SPDX-License-Identifier: MIT
#include "gate/asking.h"

bool tc_asking_before(const tc_asking *a, tc_exchange *x, tc_reached *reached)
{
    return tc_access_see(&a->access, x, reached) || tc_access_gate(&a->access, x, reached) ||
           (a->has_rate && tc_rate_gate(&a->rate, x, reached));
}

bool tc_asking_gate(const tc_asking *a, tc_auth_worker *w, tc_exchange *x, tc_auth_next next)
{
    return a->auth && tc_auth_gate(a->auth, w, x, next);
}
