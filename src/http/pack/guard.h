/* guard.h - counts what a peer does without use: streams that are broken off as soon as they begin,
 * frames that ask for nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct tc_guard {
    int64_t resets_since, tokens_at;
    uint64_t resets, tokens; /* .tokens begins with all that there are */
} tc_guard;

/* One more stream broken off: false where there were more than most in ten seconds. */
bool tc_guard_reset(tc_guard *g, int64_t now, uint64_t most);
/* One more frame, from a bucket of tokens that is full at first and filled again in ten seconds:
 * false where it is empty. */
bool tc_guard_frame(tc_guard *g, int64_t now, uint64_t full);
/* What was done for the peer pays for so many. */
void tc_guard_credit(tc_guard *g, uint64_t full, uint64_t frames);
