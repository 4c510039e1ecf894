/* write.h - heads as bytes, put together in two passes: sizes first, then one copy. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h1/state.h"

static inline char *tc_h1_put(char *at, tc_span s)
{
    return s.len > 0 ? (char *)memcpy(at, s.at, s.len) + s.len : at;
}

/* Field lines of the message's own fields, without those that an engine states itself (those of
 * one connection, Content-Length, and Host in a request). */
size_t tc_h1_fields_size(const tc_fields *f);
char *tc_h1_fields_put(char *at, const tc_fields *f);

/* The framing and connection fields of one head, and its empty line. */
typedef struct tc_h1_tail {
    char at[112];
    size_t len;
} tc_h1_tail;

void tc_h1_tail_add(tc_h1_tail *t, tc_span line);
void tc_h1_tail_length(tc_h1_tail *t, int64_t length); /* "Content-Length: n" */

/* Queues a head that was composed in x's arena. */
void tc_h1_send_head(tc_h1 *h, tc_exchange *x, tc_span head);
