/* asking.h - the gates that ask who it is, in their order: whom proxies name, who is let in, how
 * often he may ask, and his password. Made of the settings of a block. */
// SPDX-License-Identifier: MIT
#pragma once
#include "gate/access.h"
#include "gate/auth.h"

typedef struct tc_asking {
    tc_access access;
    bool has_rate;
    tc_rate_rule rate;
    tc_auth *auth; /* NULL: nobody is asked */
} tc_asking;

/* Before redirections, which want to know the scheme: all but the password, for which a redirection
 * to https:// comes first. True: x has a handler that answers. */
bool tc_asking_before(const tc_asking *a, tc_exchange *x, tc_reached *reached);
/* False: x may go on. True: x has a handler, which answers, or finds out who it is and then goes on
 * by next. */
bool tc_asking_gate(const tc_asking *a, tc_auth_worker *w, tc_exchange *x, tc_auth_next next);
