/* via.h - a proxy on the way: it is asked for a tunnel with CONNECT (RFC 9110, 9.3.6), in HTTP/1.1,
 * on a socket or a cover that is used for something else behind its answer. So not one byte more
 * than that is taken, however it comes. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "http/event.h"
#include "net/link_over.h"

enum { TC_VIA_WHY = 512 };

typedef struct tc_via {
    /* filled in by the caller; the texts live until the connection stands */
    tc_span name; /* the proxy, as people are told: "proxy.example:3128"; empty: there is none */
    tc_span authority;   /* host:port to be tunneled to; empty: no tunnel */
    tc_span credentials; /* value of Proxy-Authorization; empty: none */
    tc_tls *tls;         /* by which the proxy itself is spoken to; NULL: in clear text */
    tc_span host;        /* ... for which its certificate must be */
    bool quiet;          /* whoever is behind it waits for us to speak */
    const tc_limits *limits;
    tc_reached *reached;

    /* filled in by connect.c */
    tc_loop *loop;
    tc_watch *watch;
    const void *owner;
    /* Once; from inside tc_via_ask, too. The socket is still the caller's; why says more. */
    void (*done)(struct tc_via *v, tc_err err);
    char why[TC_VIA_WHY];

    /* its own */
    tc_io io;
    tc_cover *cover;  /* in place of a socket: the caller's, too; NULL: it is none */
    tc_buf in, out;   /* a head of theirs, what is left of ours */
    unsigned interim; /* 1xx so far */
    unsigned status;  /* of the answer; 0: there is none */
    bool asking;
} tc_via;

void tc_via_ask(tc_via *v, int fd);
void tc_via_ask_over(tc_via *v, tc_cover *cover);
/* done is not called any more. Fine at any time. */
void tc_via_cancel(tc_via *v);
