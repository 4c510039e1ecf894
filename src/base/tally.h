/* tally.h - how many of each of many keys there are at a time: in a bounded table that all threads
 * share. A key is there while it has some; where the table has no room for one more key, what comes
 * is not counted. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

typedef struct tc_tally tc_tally;

tc_err tc_tally_new(uint64_t keys,
                    tc_tally **ret_tally) TC_MUST_USE; /* about so many, at least 1 */
void tc_tally_free(tc_tally *t);

/* One more of key: *ret_place is for tc_tally_drop, or 0: it is not counted. TC_ERR_FULL: it has
 * most of them. From any thread. */
tc_err tc_tally_take(tc_tally *t, uint64_t key, uint32_t most, uint32_t *ret_place) TC_MUST_USE;
void tc_tally_drop(tc_tally *t, uint32_t place); /* one less; of place 0 nothing */
