/* read.h - what the readers of frames share. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h2/state.h"

/* data.c: DATA, its rules at its head, its content as it comes. */
enum tc_h2_step tc_h2_begin_data(tc_h2 *c, tc_h2_head head, tc_span pad_length);
enum tc_h2_step tc_h2_read_data(tc_h2 *c, tc_event *ev);
void tc_h2_keep_lent(tc_h2 *c); /* what was given of the input and not taken is kept */

/* stream.c */
void tc_h2_drop(tc_h2 *c, tc_h2_stream *s); /* one of which nobody above knows, with its exchange */
void tc_h2_refuse(tc_h2 *c, uint32_t id, enum tc_h2_code code); /* one that is not kept */
/* A block could not be decoded: the connection is over. */
enum tc_h2_step tc_h2_block_failed(tc_h2 *c, tc_err err);
void tc_h2_last_goaway(tc_h2 *c); /* of a drain: from here on nothing is begun */
