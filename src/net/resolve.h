/* resolve.h - names to addresses without making the loop wait.
 *
 * getaddrinfo(3) blocks, so it runs in two threads (errand.h), one for each family: the answer for
 * IPv4 may be used while the one for IPv6 is late (RFC 8305, 3). */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/address.h"
#include "net/loop.h"

enum tc_family { TC_V6, TC_V4, TC_FAMILIES };
enum { TC_ADDRESSES = 8 }; /* most that are used of each family */

typedef struct tc_addresses {
    tc_address at[TC_ADDRESSES];
    unsigned count;
} tc_addresses;

/* What a thread calls; may block. A sentence about the failure, or NULL. Tests put theirs here. */
typedef const char *tc_lookup(const char *host, enum tc_family family, tc_addresses *ret);
const char *tc_lookup_system(const char *host, enum tc_family family, tc_addresses *ret);

struct tc_resolve_job;

typedef struct tc_resolve {
    tc_lookup *lookup; /* NULL: the system's */
    /* In the loop's thread, once for each family. sentence: why there is none, or NULL. May cancel
     * and may free r. */
    void (*found)(struct tc_resolve *r, enum tc_family family, const tc_addresses *addresses,
                  const char *sentence);
    struct tc_resolve_job *jobs[TC_FAMILIES];
} tc_resolve;

/* What needs no look-up: an IP literal, and localhost with all names below it, which are always
 * the loopback addresses (RFC 6761, 6.3). false: it is a name. Ports are 0. */
bool tc_resolve_literal(tc_span host, tc_addresses ret[TC_FAMILIES]);

/* lookup and found are filled in. TC_ERR_RESOLVE: it can be no name; TC_ERR_NO_MEMORY, or
 * TC_ERR_SYSTEM where no thread could be started. found is not called from inside. */
tc_err tc_resolve_begin(tc_resolve *r, tc_loop *loop, tc_span host) TC_MUST_USE;
/* found is not called any more; fine at any time. Turn the loop once before freeing it: an answer
 * may be on its way. */
void tc_resolve_cancel(tc_resolve *r);
