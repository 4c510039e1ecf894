/* link.h - a way to a peer: TCP here, a pipe in memory in tests, TLS and QUIC to come. They look
 * alike from above, and an engine never learns what is underneath. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"

typedef struct tc_link tc_link;

enum { TC_PEER_TEXT = 56 }; /* an IPv6 address with a zone, and its NUL */
enum { TC_LINK_IN = 1, TC_LINK_OUT = 2, TC_LINK_GONE = 4 }; /* what on_ready may be told */

typedef struct tc_link_type {
    const char *name; /* "tcp" */
    /* Reads once, into memory of the loop that lives until the next read of any link. Nothing
     * there: TC_OK with an empty span. *ret_fin: no more will come. *ret_more: read again. */
    tc_err (*read)(tc_link *l, tc_span *ret_in, bool *ret_fin, bool *ret_more);
    /* Takes as much as it can; what it took need not be kept. More may be held back until flush,
     * so that several answers leave in one system call. Short: wait for TC_LINK_OUT. */
    tc_err (*write)(tc_link *l, const tc_run *runs, size_t count, size_t *ret_taken);
    tc_err (*flush)(tc_link *l);
    bool (*stuck)(const tc_link *l); /* bytes wait that the peer does not take */
    uint64_t (*untaken)(
        const tc_link *l); /* bytes on our side that the peer has not acknowledged */
    void (*peer)(const tc_link *l, char ret_text[TC_PEER_TEXT], uint16_t *ret_port);
    /* Not yet established: it reads and takes nothing so far. NULL: it always is. */
    bool (*opening)(const tc_link *l);
    /* How what goes over it is protected; false: it is not. NULL: it never is. */
    bool (*protection)(const tc_link *l, tc_protection *ret_protection);
    /* Why it was refused, in words; empty: no more than the error says. NULL: never more. */
    tc_span (*why)(const tc_link *l);
    /* Whether it was made for requests to that authority, too (RFC 9110, 7.4). NULL: for any. */
    bool (*stands_for)(const tc_link *l, tc_span authority);
    /* Who the peer has proved to be; empty: nobody. Lives as long as the link. NULL: never. */
    tc_span (*proven)(const tc_link *l);
    /* What was written breaks off: the peer must not read a proper end. NULL: it cannot be told. */
    void (*spoil)(tc_link *l);
    void (*end_writing)(tc_link *l);       /* after flush: the peer reads an end */
    void (*close)(tc_link *l, bool reset); /* at once; reset: what the peer has not taken is thrown
                                              away. The link's memory is the caller's */
} tc_link_type;

struct tc_link {
    const tc_link_type *type;
    void (*on_ready)(tc_link *l, unsigned what);
};
