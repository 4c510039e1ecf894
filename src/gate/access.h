/* access.h - who may ask: which proxies are believed, who is let in, who is kept out.
 *
 * "deny" is asked first and beats all; then, where something is allowed, only that is. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "http/exchange.h"

typedef struct tc_access {
    tc_networks trust, allow, deny;
    uint32_t hops_most; /* proxies before a client */
    bool only_allowed;
} tc_access;

enum tc_access_list { TC_ACCESS_TRUST, TC_ACCESS_ALLOW, TC_ACCESS_DENY };

/* Adds a network to a list of one that began as {0}. TC_ERR_USAGE: ret_why says what is wrong. */
tc_err tc_access_add(tc_access *a, enum tc_access_list list, tc_span network,
                     char ret_why[TC_NETWORK_WHY]) TC_MUST_USE;
void tc_access_seal(tc_access *a, const tc_limits *limits); /* after the last one */
void tc_access_fini(tc_access *a);

/* Finds out who asks: x->asker and, by what they spoke to the first proxy, x->theirs.scheme.
 * Fields that proxies did not write are gone from the request afterwards. True: what they say is
 * wrong, and x has a handler that answers. reached counts. */
bool tc_access_see(const tc_access *a, tc_exchange *x, tc_reached *reached);
/* Whether it was asked over https for x, as a proxy that is trusted says: what answers is not
 * encrypted by us. After tc_access_see. */
bool tc_access_is_secure(const tc_access *a, const tc_exchange *x);
/* True: who asks is not let in, and x has a handler that answers 403. */
bool tc_access_gate(const tc_access *a, tc_exchange *x, tc_reached *reached);
