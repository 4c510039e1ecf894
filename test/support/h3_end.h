/* h3_end.h - one end of HTTP/3 on a link with streams in memory: what the peer sent waits in flows
 * and is lent as the contract says (http/engine.h), what the engine sends stands in them; raw
 * frames for who plays a peer by hand. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h3/frame.h"
#include "h3/h3.h"
#include "support/check.h"
#include "support/conn.h"

enum { H3_FLOWS = 1200 };

/* Both halves of a stream, seen from one end. */
typedef struct h3_flow {
    uint64_t sid;
    bool used;
    tc_buf in;                 /* came, and was not taken */
    bool fin, fin_taken, deaf; /* deaf: STOP was ordered */
    tc_buf out;                /* not carried away yet */
    bool out_fin, blocked;
    bool was_reset, was_stopped; /* by our orders */
    uint64_t reset_code, stop_code;
    bool reset_told, stop_told; /* ... and the peer knows */
    uint64_t out_all, acked, may_send;
} h3_flow;

typedef struct h3_end {
    conn *c;
    h3_flow flows[H3_FLOWS];
    size_t count;
    uint64_t next_uni;
    uint64_t window;   /* bytes that a stream may send before any are acknowledged; 0: all */
    bool acks_by_hand; /* else what is written is acknowledged at once */
    bool no_uni;       /* the peer lets us open none */
    bool closed;
    uint64_t close_code;
} h3_end;

void h3_end_init(h3_end *e, conn *c, enum tc_role role);
void h3_end_fini(h3_end *e);
h3_flow *h3_flow_of(h3_end *e, uint64_t sid);
/* Bytes have come; they are lent with the next turn. */
void h3_came(h3_end *e, uint64_t sid, tc_span bytes, bool fin);
/* Lends all that there is, in pieces of step bytes (0: whole), and does what follows. */
void h3_turn(h3_end *e);
void h3_ack(h3_end *e, h3_flow *f, uint64_t n);
/* A part of one stream's bytes reaches the other end, and what was ordered for it. */
void h3_carry(h3_end *from, h3_flow *f, h3_end *to);
/* The same of any stream, and perhaps what follows from it. */
void h3_step(h3_end *from, h3_end *to);

/* --- a peer by hand --- */

typedef struct h3_raw {
    char at[1 << 16];
    size_t len;
} h3_raw;

void h3_raw_varint(h3_raw *r, uint64_t value);
void h3_raw_frame(h3_raw *r, uint64_t type, tc_span payload);
/* HEADERS of "name: value\n" lines, as literals. */
void h3_raw_fields(h3_raw *r, const char *lines);
/* Comes on sid, in pieces of step bytes, each its own turn (0: whole), and is forgotten. */
void h3_tell(h3_end *e, uint64_t sid, h3_raw *r, bool fin, size_t step);
/* The peer's control stream (its first), with empty SETTINGS. */
void h3_greet(h3_end *e);
bool h3_logged(const h3_end *e, const char *text);
/* The nth frame of that type that stands in what was sent on sid. */
bool h3_sent(h3_end *e, uint64_t sid, uint64_t type, unsigned nth, tc_span *ret_payload);

#define H3_GET ":method: GET\n:scheme: http\n:authority: a\n:path: /\n"
#define H3_POST ":method: POST\n:scheme: http\n:authority: a\n:path: /\n"
