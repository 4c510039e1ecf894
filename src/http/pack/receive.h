/* receive.h - a block of decoded fields becomes a message, or is refused (RFC 9113, 8.2 and 8.3;
 * RFC 9114, 4.2 and 4.3). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

enum tc_part { TC_PART_REQUEST, TC_PART_RESPONSE, TC_PART_TRAILERS };

/* What was seen of a block. */
typedef struct tc_receipt {
    const tc_engine_env *env;
    enum tc_part part;
    tc_arena *a;
    tc_message *m;
    tc_fields *into;
    tc_err wrong; /* with the message: the first thing that is */
    unsigned pseudo;
    bool ordinary, other_expectation;
    uint64_t bytes;
    uint32_t crumbs;
    size_t crumb_bytes;
    int64_t length;
    tc_span host;
} tc_receipt;

/* Names and values live as long as a. */
void tc_receive_begin(tc_receipt *t, const tc_engine_env *env, enum tc_part part, tc_arena *a,
                      tc_message *m);
void tc_receive_field(tc_receipt *t, const tc_field *f);
/* The block is over; end: so is the message. What is wrong with it: TC_ERR_STREAM_RULES: it is
 * malformed. Limits, expectations, and wrong bytes in the path or the authority, have errors of
 * their own, which can be answered (RFC 9113, 8.1.1). */
tc_err tc_receive_end(tc_receipt *t, bool end) TC_MUST_USE;
