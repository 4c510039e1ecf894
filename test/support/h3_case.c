/* h3_case.c - see h3_case.h. */
// SPDX-License-Identifier: MIT
#include "support/h3_case.h"

h3_raw h3_said;

conn h3_conn;

h3_end h3_side;

void h3_case_begin(void)
{
    h3_end_init(&h3_side, &h3_conn, TC_SERVER);
    h3_conn.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    h3_conn.script_count = 1;
    h3_said.len = 0;
}

void h3_case_end(void)
{
    h3_end_fini(&h3_side);
}

void h3_case_tell(uint64_t sid, bool fin, size_t step)
{
    h3_tell(&h3_side, sid, &h3_said, fin, step);
}

void h3_case_put(const char *bytes, size_t len)
{
    memcpy(h3_said.at + h3_said.len, bytes, len);
    h3_said.len += len;
}
