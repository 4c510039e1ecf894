/* added.h - fields that a route adds to its answers: a shared block a worker, made when it is first
 * needed, so that they cost an answer next to nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"

/* "Cache-Control: no-store" into fields, whose memory is a's. NULL: fine; else what is wrong: what
 * frames a message or belongs to a connection cannot be set. */
const char *tc_added_parse(tc_span text, tc_arena *a, tc_fields *fields);

typedef struct tc_added {
    const tc_fields *fields; /* count of them */
    uint32_t count;
    struct tc_added_block **blocks; /* NULL until one is needed */
} tc_added;

void tc_added_init(tc_added *a, const tc_fields *fields, uint32_t count);
void tc_added_fini(tc_added *a);
/* The i-th as a block; NULL without memory. */
tc_block *tc_added_use(tc_added *a, uint32_t i);
