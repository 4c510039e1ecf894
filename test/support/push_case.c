/* push_case.c - see push_case.h. */
// SPDX-License-Identifier: MIT
#include "support/push_case.h"

h2_peer push_peer;

conn push_conn;

const tc_span push_nothing = {0};

void push_case_end(void)
{
    if (push_conn.kept) push_conn.type->abort(push_conn.engine, push_conn.kept, TC_ERR_NO_ANSWER);
    conn_fini(&push_conn);
    h2_peer_fini(&push_peer);
}

char push_letters[BODY];
