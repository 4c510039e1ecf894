/* suffix.h - which names are open to everybody's registrations (public suffixes, by libpsl), and so
 * which hosts are of one site. Names are of lower case. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

enum { TC_HOST_BYTES = 253 };

typedef struct tc_suffixes {
    void *list; /* libpsl's; NULL: there is none, and every name is open to everybody */
} tc_suffixes;

void tc_suffixes_init(tc_suffixes *s); /* the newest list that this machine has */
void tc_suffixes_fini(tc_suffixes *s);

/* IPv4 in any form that a resolver takes, IPv6: it has no names above it. */
bool tc_host_is_address(tc_span host);
/* Labels with a dot between them, none empty, at most TC_HOST_BYTES, ASCII without controls. */
bool tc_host_is_name(tc_span host);
bool tc_suffix_is_public(const tc_suffixes *s, tc_span name);
/* The shortest name above host (or itself) that somebody has registered; host where there is none,
 * as for addresses and "localhost". Points into host. */
tc_span tc_suffix_site(const tc_suffixes *s, tc_span host);
