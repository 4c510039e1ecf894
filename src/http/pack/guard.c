/* guard.c - see guard.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/guard.h"

#include "base/clock.h"

#define SPAN_NS (10 * TC_S)

bool tc_guard_reset(tc_guard *g, int64_t now, uint64_t most)
{
    if (now - g->resets_since >= SPAN_NS) {
        g->resets_since = now;
        g->resets = 0;
    }
    return ++g->resets <= most;
}

bool tc_guard_frame(tc_guard *g, int64_t now, uint64_t full)
{
    const int64_t past = now - g->tokens_at;
    if (past >= SPAN_NS) {
        g->tokens = full;
        g->tokens_at = now;
    } else if (past >= TC_S / 10) {
        const uint64_t ms = (uint64_t)(past / TC_MS);
        tc_guard_credit(g, full, full < UINT32_MAX ? full * ms / 10000 : full);
        g->tokens_at = now;
    }
    if (g->tokens == 0) return false;
    g->tokens--;
    return true;
}

void tc_guard_credit(tc_guard *g, uint64_t full, uint64_t frames)
{
    g->tokens = full - g->tokens < frames ? full : g->tokens + frames;
}
