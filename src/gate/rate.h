/* rate.h - so many requests of a client in a time; who asks for more is answered 429 (RFC 6585, 4)
 * with Retry-After. A client is an address of IPv4, or a network of IPv6 (limit client_bits). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/hash.h"
#include "base/limits.h"
#include "base/rate.h"
#include "http/exchange.h"

/* What all rules of a process share. */
typedef struct tc_rate_home {
    tc_rate_table *table;
    tc_hash_key key;
    unsigned client_bits;
    uint32_t rules; /* so far */
} tc_rate_home;

tc_err tc_rate_home_init(tc_rate_home *h, const tc_limits *limits) TC_MUST_USE;
void tc_rate_home_fini(tc_rate_home *h);
/* The table's key of a client, other for each rule. */
uint64_t tc_rate_key(const tc_rate_home *h, uint32_t rule, const tc_ip *client);

/* One "rate" of the configuration. */
typedef struct tc_rate_rule {
    tc_rate rate;
    tc_rate_home *home;
    uint32_t number; /* of the home's */
} tc_rate_rule;

/* TC_ERR_USAGE: the text is no rate; tc_rate_words says what is wanted. */
tc_err tc_rate_rule_make(tc_rate_home *h, tc_span text, tc_rate_rule *ret_rule) TC_MUST_USE;
extern const char tc_rate_words[];

/* True: too many came, and x has a handler that answers 429. */
bool tc_rate_gate(const tc_rate_rule *r, tc_exchange *x, tc_reached *reached);
/* The answer of x: a page with this status, to come again after ns. */
tc_err tc_rate_refuse(tc_exchange *x, unsigned status, int64_t ns, tc_span detail) TC_MUST_USE;
