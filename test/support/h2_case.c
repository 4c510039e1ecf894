/* h2_case.c - see h2_case.h. */
// SPDX-License-Identifier: MIT
#include "support/h2_case.h"

h2_peer h2_client;

conn h2_conn;

void h2_case_begin(void)
{
    conn_init(&h2_conn, &tc_h2_type, TC_SERVER);
    h2_conn.any_close = true;
    h2_conn.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    h2_conn.script_count = 1;
    h2_peer_init(&h2_client);
    h2_peer_preface(&h2_client);
}

void h2_case_end(void)
{
    conn_fini(&h2_conn);
    h2_peer_fini(&h2_client);
}

const tc_span h2_nothing = {0};

void h2_case_windows(int i)
{
    (void)i, h2_peer_u32(&h2_client, TC_H2_WINDOW_UPDATE, 0, 1);
}
