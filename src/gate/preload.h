/* preload.h - what a page needs besides itself: listed by path, named in Link fields (RFC 8288) and
 * in 103 (RFC 8297), and pushed where that was asked for. Made once, then shared by all workers. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

typedef struct tc_preloads {
    bool pushes_links; /* whatever Link fields of an answer name is pushed */
    bool hints;        /* 103 before the answer of a page that is listed */
    struct tc_preload *first;
    tc_arena arena;
} tc_preloads;

void tc_preloads_init(tc_preloads *p);
void tc_preloads_fini(tc_preloads *p);
/* "/page=/asset,/other?x": paths as in a URL, the page's as it is asked for, without a query.
 * TC_ERR_USAGE: it is none of that. text outlives p. */
tc_err tc_preloads_add(tc_preloads *p, tc_span text, bool push) TC_MUST_USE;

static inline bool tc_preloads_any(const tc_preloads *p)
{
    return p->first || p->pushes_links;
}

/* A request has come: 103, if it is wanted. */
tc_err tc_preloads_begin(const tc_preloads *p, tc_exchange *x) TC_MUST_USE;
/* Its final head is about to leave: Link fields and pushes, with a page that is there (200). */
tc_err tc_preloads_answer(const tc_preloads *p, tc_exchange *x) TC_MUST_USE;

/* Takes the next link off *rest: its target, and whether it is to be preloaded, and may be pushed
 * ("rel=preload" without "nopush"). False at the end, and where the rest is no link. */
bool tc_link_next(tc_span *rest, tc_span *ret_target, bool *ret_push);
