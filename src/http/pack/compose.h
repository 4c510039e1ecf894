/* compose.h - what heads of ours say in versions with pseudo-fields (RFC 9113, 8.3; RFC 9114, 4.3).
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

typedef struct tc_composed {
    tc_field pseudo[4];
    size_t pseudo_count;
    int64_t length;  /* Content-Length to be stated; TC_LENGTH_UNKNOWN: none, or a block does */
    bool no_content; /* what the handler sends as content is not sent */
    char digits[3];  /* of the status: .pseudo points here */
} tc_composed;

/* What is sent must be what a server of ours would read. Sets m->length where end implies it. */
tc_err tc_compose_request(const tc_engine_env *env, tc_message *m, bool end,
                          tc_composed *ret_composed) TC_MUST_USE;
/* The same for x->ours, informational or final. */
tc_err tc_compose_response(tc_exchange *x, bool end, tc_composed *ret_composed) TC_MUST_USE;

/* Fields of a message that are the engine's to say, or belong to one connection. of_block: the
 * Content-Length of a block of fields states it for its message. */
bool tc_compose_leaves_out(const tc_field *f, bool of_block);
