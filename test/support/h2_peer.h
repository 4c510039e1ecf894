/* h2_peer.h - bytes of HTTP/2 as a peer would send them, right or wrong, and what came back. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h2/frame.h"
#include "h2/h2.h"
#include "support/check.h"
#include "support/conn.h"

typedef struct h2_peer {
    tc_buf say; /* what it will say next */
} h2_peer;

void h2_peer_init(h2_peer *p);
void h2_peer_fini(h2_peer *p);
void h2_peer_frame(h2_peer *p, unsigned type, unsigned flags, uint32_t stream, tc_span payload);
/* "name: value\n" lines as literals: names and values as they are, right or wrong. */
void h2_peer_fields(h2_peer *p, unsigned flags, uint32_t stream, const char *lines);
void h2_peer_preface(
    h2_peer *p); /* of a client, with empty SETTINGS and an acknowledgement of ours */
/* The same in a PUSH_PROMISE. */
void h2_peer_promise(h2_peer *p, unsigned flags, uint32_t stream, uint32_t promised,
                     const char *lines);
void h2_peer_u32(h2_peer *p, unsigned type, uint32_t stream, uint32_t value);
void h2_peer_setting(h2_peer *p, unsigned number, uint32_t value);
/* Feeds what was said, in pieces of step bytes (0: whole), and forgets it. */
void h2_peer_tell(h2_peer *p, conn *c, size_t step);

/* The nth frame of that type in c->out (after a client's preface); length UINT32_MAX: none. */
tc_h2_head h2_peer_find(const conn *c, unsigned type, unsigned nth, tc_span *ret_payload);
uint32_t h2_peer_goaway(const conn *c); /* its code; UINT32_MAX: none came */
uint32_t h2_peer_reset(const conn *c);  /* code of the first RST_STREAM; UINT32_MAX: none */
bool h2_peer_logged(const conn *c, const char *text);

#define H2_GET ":method: GET\n:scheme: http\n:authority: a\n:path: /\n"
#define H2_POST ":method: POST\n:scheme: http\n:authority: a\n:path: /\n"
