/* link_pipe.h - two ends of a link in memory, for tests: what one writes the other reads.
 *
 * Bounded like a socket: an end takes at most room bytes that the other has not read. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "net/link.h"
#include "net/loop.h"

typedef struct link_pipe {
    tc_link link; /* first */
    tc_loop *loop;
    struct link_pipe *other; /* NULL once it is closed */
    tc_task tell;            /* our owner, of pending */
    unsigned pending;        /* TC_LINK_ bits */
    tc_buf inbox;            /* written by the other, not yet read by us */
    size_t room, step;       /* the inbox's bound; most bytes of one read */
    bool ended, full;        /* the other wrote its end; a write of ours fell short */
    bool reset;              /* the other was closed with a reset */
    uint64_t writes;         /* calls that moved bytes */
    tc_ip from;              /* whom the other end says it is; a test's */
} link_pipe;

void link_pipe_init(link_pipe *a, link_pipe *b, tc_loop *loop, size_t room, size_t step,
                    void (*on_ready_a)(tc_link *, unsigned),
                    void (*on_ready_b)(tc_link *, unsigned));
