/* link_tls.h - TLS over TCP, or over a link (link_over.h), as a link: it looks like link_tcp from
 * above. The handshake goes on inside read and flush; until it is over the link is opening and
 * takes nothing.
 *
 * Runs are gathered in the loop's plain room until they fill some records, so that several answers
 * leave in one; records are gathered in the write room, so that several leave in one send. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/link_tcp.h"
#include "net/tls_side.h"

typedef struct tc_link_tls {
    tc_link_tcp tcp;           /* first */
    const tc_link_type *below; /* what tcp is: itself, or a cover's */
    tc_tls_side side;
    char *rooms;    /* in place of the loop's plain ones, where something stands on it; else NULL */
    const char *in; /* bytes of the read under way, not yet pulled */
    uint32_t in_len, gathered, pending, record_most;
    uint32_t burst;  /* bytes sent since the link was last quiet */
    int64_t sent_at; /* when something was last sent */
    uint8_t first;   /* byte that was ever read */
    uint8_t warned;  /* so often, by alerts */
    bool opening, started, fin, ended, broken, bye;
    tc_err failed; /* what the next read tells */
    tc_err later;  /* a write said so behind what it had taken: the next one returns it */
} tc_link_tls;

/* Takes over a connected, non-blocking descriptor, whatever comes of it. Server: host is NULL.
 * Client: the name that the certificate must be for, NUL-terminated; copied. peer and why may be
 * NULL; why lives as long as l. On failure the descriptor is closed. */
tc_err tc_link_tls_init(tc_link_tls *l, tc_loop *loop, int fd, const struct sockaddr *peer,
                        tc_tls *tls, const char *host, char *why,
                        void (*on_ready)(tc_link *l, unsigned what)) TC_MUST_USE;

/* The same, over what l->tcp was made (see link_over.h) in place of a socket. On failure that is
 * closed. */
tc_err tc_link_tls_begin(tc_link_tls *l, const tc_link_type *below, tc_tls *tls, const char *host,
                         char *why) TC_MUST_USE;

/* Client: what a later link to the same server, with the same settings, may come back with; in
 * *ret_memory, for
 * tc_link_tls_memory_free. TC_ERR_NOTHING: the server gave no ticket so far. */
tc_err tc_link_tls_session(const tc_link_tls *l, void **ret_memory,
                           tc_span *ret_session) TC_MUST_USE;
/* Before the first read or flush. What is too old or strange is passed over. */
void tc_link_tls_come_back(tc_link_tls *l, tc_span session);
void tc_link_tls_memory_free(void *memory);

extern const tc_link_type tc_link_tls_type;
