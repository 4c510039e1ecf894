/* clients.h - what one client may have of all workers together: connections at a time, and
 * handshakes in a second. A client is an address of IPv4, or a network of IPv6 (client_bits).
 * Trusted proxies are no clients: many come by them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/hash.h"
#include "base/network.h"
#include "base/rate.h"
#include "base/tally.h"
#include "server/server.h"

typedef struct tc_clients {
    tc_tally *tally; /* NULL: they may have any number of connections */
    uint32_t most;
    tc_rate_table *shakes; /* NULL: there are no handshakes */
    tc_rate rate;
    tc_hash_key key;
    unsigned bits;
    tc_networks loopback; /* whose handshakes are not counted */
    const tc_networks *trust;
} tc_clients;

/* All may be called by any worker, once init is over. */
tc_err tc_clients_init(tc_clients *c, const tc_server_config *config) TC_MUST_USE;
void tc_clients_fini(tc_clients *c);

/* One connection more of a client; *ret_place is for tc_clients_leave. proven: it is known that it
 * comes from there; else others may have half of what it may, and no more, in its name. False: it
 * has enough. */
bool tc_clients_enter(tc_clients *c, const tc_ip *ip, bool proven, tc_reached *reached,
                      uint32_t *ret_place);
void tc_clients_leave(tc_clients *c, uint32_t place);

/* Whether a client may begin a handshake now. proven: it is one of its; else it is only asked. */
bool tc_clients_shake(tc_clients *c, const tc_ip *ip, bool proven, int64_t now,
                      tc_reached *reached);
