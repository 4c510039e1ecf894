/* link_tcp.h - TCP as a link. Small runs are gathered in the loop's write room and leave in one
 * send; large ones go beside them without a copy; files go by sendfile(2). */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/link.h"
#include "net/loop.h"

struct sockaddr;

typedef struct tc_link_tcp {
    tc_link link; /* first */
    tc_io io;
    tc_loop *loop;
    char *spill; /* gathered bytes that the kernel did not take; NULL: none */
    uint32_t spill_len, spill_at;
    uint32_t gathered;    /* bytes of ours in the loop's write room */
    uint32_t gather_most; /* a larger run is not copied there */
    uint16_t port;        /* the peer's */
    bool full;            /* the kernel took less than it was given */
    tc_ip peer;
    struct tc_cover *cover; /* it stands on this in place of a socket: see link_over.h; else NULL */
    tc_err failed;          /* a write said so behind what it had taken: the next one returns it */
} tc_link_tcp;

/* Takes over a connected, non-blocking descriptor. peer may be NULL. on_ready is called once the
 * link is added to the loop by tc_link_tcp_watch: with TC_LINK_ bits. */
void tc_link_tcp_init(tc_link_tcp *l, tc_loop *loop, int fd, const struct sockaddr *peer,
                      void (*on_ready)(tc_link *l, unsigned what));
tc_err tc_link_tcp_watch(tc_link_tcp *l) TC_MUST_USE;

extern const tc_link_type tc_link_tcp_type;
