/* parts.h - several ranges of one representation as one answer: multipart/byteranges (RFC 9110,
 * 14.6). What stands between the ranges is in the exchange's arena; they are sent from where the
 * representation is, a few runs at a time. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"
#include "http/range.h"

/* Answers x with 206 and becomes its handler. whole: all of the representation, which lives as long
 * as x; type: its media type; set: two ranges or more, whose memory is x's. Content-Type is set,
 * other fields are the caller's. */
tc_err tc_parts_reply(tc_exchange *x, tc_run whole, tc_span type,
                      const tc_range_set *set) TC_MUST_USE;
