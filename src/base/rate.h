/* rate.h - so many in a time, and a few at once: for each of many keys, in a bounded table that all
 * threads share without a lock.
 *
 * The generic cell rate algorithm (ITU-T I.371): of a key only the time is kept by which all it
 * took would have come at its rate. Who comes when the table is full takes the place of the key
 * that is nearest to having its whole burst again. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

typedef struct tc_rate {
    int64_t each_ns;  /* one in this time, */
    int64_t ahead_ns; /* and so far ahead of it */
} tc_rate;

/* "10/s", "100/m burst 20", "5/h"; burst, how many at once, is the number if not given. */
bool tc_rate_parse(tc_span text, tc_rate *ret_rate);
tc_rate tc_rate_of(uint64_t number, int64_t ns, uint64_t burst); /* none of them 0 */

typedef struct tc_rate_table tc_rate_table;

tc_err tc_rate_table_new(uint64_t keys, tc_rate_table **ret_table) TC_MUST_USE; /* about so many */
void tc_rate_table_free(tc_rate_table *t);

/* Takes one of key's: 0, or in how many ns it may come again. now: of a monotonic clock; one that
 * goes back holds nobody up for longer than a burst takes. *pushed is counted up where another key
 * had to go. From any thread. */
int64_t tc_rate_take(tc_rate_table *t, const tc_rate *rate, uint64_t key, int64_t now,
                     uint64_t *pushed);
/* The same without taking one. */
int64_t tc_rate_look(tc_rate_table *t, const tc_rate *rate, uint64_t key, int64_t now);
