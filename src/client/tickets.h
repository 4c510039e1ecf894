/* tickets.h - what a client may come back with over QUIC, so that its first requests leave with its
 * hello (early data): a TLS session and what the server allowed then, each for the whole identity
 * that it was made for, and for one use (RFC 8446, C.4). As text it is a line a ticket, with
 * a sum: the library that unpacks it trusts it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "client/origin.h"

enum { TC_TICKET_S = 24 * 60 * 60, TC_TICKET_BYTES = 16384, TC_TICKET_LINE = 65536 };

typedef struct tc_ticket {
    struct tc_ticket *next;
    tc_span identity; /* as text */
    tc_span session, params;
    int64_t until_s; /* wall clock: it is forgotten then */
    bool ours;       /* of this run */
    bool spent;      /* remembered only so that it is not kept for others */
} tc_ticket;         /* the texts follow */

typedef struct tc_tickets {
    tc_ticket *list; /* the oldest one first */
    uint64_t count, most;
    uint64_t *reached; /* how often one had to go */
    tc_span folder;    /* where relative names of files are meant; the caller's */
    bool changed;
} tc_tickets;

void tc_tickets_init(tc_tickets *t, uint64_t most, uint64_t *reached, tc_span folder);
void tc_tickets_fini(tc_tickets *t);

/* Not where the identity has credentials, a proxy's too: these are written nowhere. Without memory
 * it is not kept.
 */
void tc_tickets_keep(tc_tickets *t, const tc_origin *origin, tc_span session, tc_span params,
                     int64_t now_s);
/* The newest one for that identity, which is spent from here on; valid until the next call. NULL:
 * there is none. */
const tc_ticket *tc_tickets_take(tc_tickets *t, const tc_origin *origin, int64_t now_s);
/* It was not used after all. */
void tc_tickets_put_back(tc_tickets *t, const tc_origin *origin);

/* What is malformed or over is skipped. */
void tc_tickets_read(tc_tickets *t, tc_span text, int64_t now_s);
/* What is to be kept of a text that others may have written since, and of ours. */
tc_err tc_tickets_write(const tc_tickets *t, tc_span text, int64_t now_s, tc_buf *out) TC_MUST_USE;
