/* link_tls_inside.h - what the two files of a TLS link share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/link_tls.h"

/* What was unwrapped, until the next read; what is to be wrapped, until it is sent. */
static inline char *tc_link_tls_read_room(const tc_link_tls *l, size_t *ret_size)
{
    char *room = tc_loop_plain_read_room(l->tcp.loop, ret_size);
    return l->rooms ? l->rooms : room;
}

static inline char *tc_link_tls_write_room(const tc_link_tls *l, size_t *ret_size)
{
    size_t read;
    if (!l->rooms) return tc_loop_plain_write_room(l->tcp.loop, ret_size);
    (void)tc_loop_plain_read_room(l->tcp.loop, &read);
    (void)tc_loop_plain_write_room(l->tcp.loop, ret_size);
    return l->rooms + read;
}

/* link_tls_write.c */
bool tc_link_tls_stuck(const tc_link *link);
tc_err tc_link_tls_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken);
/* What was gathered and what is pending, once the handshake is over. */
tc_err tc_link_tls_flush(tc_link_tls *l) TC_MUST_USE;
