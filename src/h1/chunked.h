/* chunked.h - the chunked coding taken off a body (RFC 9112, 7.1), in pieces of any size. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"

/* A zeroed one is ready for use. */
typedef struct tc_chunked {
    uint64_t left;       /* bytes of this chunk that were not taken yet */
    uint32_t line;       /* bytes of this chunk-size line so far */
    uint32_t extensions; /* bytes of all extensions so far */
    uint8_t digits;      /* of this chunk size */
    uint8_t state;
} tc_chunked;

/* Moves past the framing at the front of *in. *ret_data: how many bytes of content then stand
 * there; say with tc_chunked_took how many were taken. *ret_done: the last chunk is over and the
 * trailers begin at *in. Neither: come back with more input. An error is final. */
tc_err tc_chunked_next(tc_chunked *c, const tc_limits *limits, tc_reached *reached, tc_span *in,
                       size_t *ret_data, bool *ret_done) TC_MUST_USE;
void tc_chunked_took(tc_chunked *c, size_t n);
