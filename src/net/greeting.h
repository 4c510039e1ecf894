/* greeting.h - a connection whose first bytes are for us and not for the link: the header of the
 * PROXY protocol. They are looked at where they are, in the socket, and taken once all are there,
 * so that nothing of what follows is read here. */
// SPDX-License-Identifier: MIT
#pragma once
#include <netinet/in.h>

#include "base/limits.h"
#include "net/loop.h"
#include "net/proxy_protocol.h"

typedef struct tc_greeting tc_greeting;
struct tc_greeting {
    tc_io io;
    tc_alarm alarm;
    tc_loop *loop;
    const tc_limits *limits; /* proxy_header, proxy_ms */
    tc_reached *reached;
    struct sockaddr_storage peer;
    /* It is over: the descriptor is the caller's again, and g may be freed. TC_OK: the header was
     * taken, and peer is the client if it names one. */
    void (*done)(tc_greeting *g, tc_err err);
};

/* All but alarm is filled in, which is zero. done may be called from inside. */
void tc_greeting_begin(tc_greeting *g);
void tc_greeting_stop(tc_greeting *g); /* done is not called; the descriptor is the caller's */
