/* tunnel.h - CONNECT: a connection to another host, and bytes both ways (RFC 9110, 9.3.6).
 *
 * The host's addresses are looked up once, each is judged by the rules, and connections are tried
 * to those that passed and to nothing else: a name that stands for another address the next time
 * it is asked for changes nothing. What one side does not take the other is not asked for. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "http/exchange.h"
#include "net/resolve.h"
#include "tunnel/tunnel_rules.h"

/* Of a route. */
typedef struct tc_tunnel_config {
    tc_tunnel_rules rules;
    tc_lookup *lookup; /* NULL: the system's */
} tc_tunnel_config;

/* A worker's own. */
typedef struct tc_tunnels {
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    uint64_t open; /* or about to be */
} tc_tunnels;

/* Gives x a handler if it is CONNECT. config NULL: tunnels are not made here (405). */
bool tc_tunnel_gate(const tc_tunnel_config *config, tc_tunnels *tunnels, tc_exchange *x);
