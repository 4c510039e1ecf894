/* client.h - connections of a client by origin, kept while they can be used again, and what all its
 * requests share. One loop, one thread. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/origin.h"
#include "net/connect.h"
#include "net/link_tcp.h"
#include "session/session.h"

struct tc_client;

typedef struct tc_connection {
    tc_link_tcp link; /* first */
    tc_session session;
    struct tc_client *client;
    struct tc_connection *next;
    bool used; /* had an exchange before */
    tc_origin origin;
    char host[256], scheme[8]; /* what origin points at */
} tc_connection;

typedef struct tc_client {
    tc_session_env env; /* first; env.watch and env.engine.notes may be set at any time */
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    tc_lookup *lookup; /* NULL: the system's */
    tc_connection *connections;
} tc_client;

tc_err tc_client_init(tc_client *c, tc_loop *loop, const tc_limits *limits,
                      tc_reached *reached) TC_MUST_USE;
void tc_client_fini(tc_client *c); /* ends all connections; no fetch may be under way */

/* One that is idle and was made for the same origin; NULL: there is none. */
tc_connection *tc_client_idle(tc_client *c, const tc_origin *origin);
/* Makes a connection of a connected descriptor, which is the client's from here on, whatever the
 * result. */
tc_err tc_client_adopt(tc_client *c, int fd, const tc_address *peer, const tc_origin *origin,
                       tc_connection **ret_connection) TC_MUST_USE;
