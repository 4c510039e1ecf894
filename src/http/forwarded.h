/* forwarded.h - who asks, where proxies stand between: X-Forwarded-For, X-Forwarded-Proto and
 * Forwarded (RFC 7239), of which only what trusted proxies said is believed.
 *
 * Anybody may write these fields, so they are read from the end: the last address was added by the
 * peer of the connection. If that is trusted, the address stands, and if it is one of a trusted
 * proxy in its turn, so does the one before. What an untrusted one said is never looked at. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/network.h"
#include "http/field.h"

/* One that asks, or a proxy on the way. */
typedef struct tc_asker {
    enum tc_asker_kind {
        TC_ASKER_PEER,   /* the peer of the connection */
        TC_ASKER_KNOWN,  /* that address */
        TC_ASKER_HIDDEN, /* a trusted proxy does not say: .ip is "::", which is nobody's */
    } kind;
    uint16_t port; /* 0: not known */
    tc_ip ip;
} tc_asker;

/* Who asks, as the fields of a request say that came from a trusted peer. most: how many proxies
 * may stand on the way. *ret_scheme: "http" or "https", as the client spoke to the first of them;
 * empty where nobody says. TC_ERR_FORWARDED: the fields are malformed, or Forwarded and
 * X-Forwarded- disagree (a proxy that sets one kind and passes the other on would let clients say
 * what they like); TC_ERR_FORWARDED_HOPS; TC_ERR_NO_MEMORY. */
tc_err tc_forwarded_find(const tc_fields *f, tc_arena *a, const tc_networks *trusted, uint32_t most,
                         tc_asker *ret_asker, tc_span *ret_scheme) TC_MUST_USE;

/* Removes all such fields (X-Forwarded-Host and X-Real-IP, which nobody reads here, too), and those
 * that only look like them, by "_" for "-". only_alike: only these. */
void tc_forwarded_remove(tc_fields *f, bool only_alike);
