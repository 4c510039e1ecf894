/* route.h - which part of a site a request is for: the route with the longest prefix of its path,
 * whole segments counted. All of it is made once and then shared by all workers. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/map.h"
#include "gate/names.h"
#include "gate/preload.h"
#include "http/exchange.h"

enum { TC_ROUTE_DEEPEST = 32 }; /* segments of a prefix */

struct tc_site;

/* What is served at a prefix, and on which conditions. Pointers: NULL where nothing is said. */
typedef struct tc_route {
    const struct tc_site *site;
    tc_span prefix;                 /* "/api", without a slash at its end; empty: the whole site */
    bool no_files;                  /* no folder is served */
    uint32_t files;                 /* which of tc_sites.files, if there is one */
    tc_naming naming;               /* of its files */
    uint32_t added;                 /* 1 + which of tc_sites.added; 0: none */
    const struct tc_fixed *fixed;   /* what is answered instead of files */
    const struct tc_asking *asking; /* NULL: nobody is asked who he is */
    const struct tc_cors *cors;     /* NULL: pages of other origins are told nothing */
    bool trace;                     /* TRACE is answered */
    uint64_t body_bytes;            /* most content of a request */
} tc_route;

/* What is served for some hosts. */
typedef struct tc_site {
    const tc_route *whole; /* the route of the whole site */
    tc_map by_prefix;      /* of the others */
    uint64_t lengths;      /* of those prefixes: a bit for each, the last for all that are longer */
    uint8_t deepest;       /* most segments of a prefix of those */
    bool guards;           /* one of those asks who asks, other than the whole does */
    bool to_https;         /* http:// requests are sent on to https:// */
    const tc_preloads *preloads;
    tc_span echo;         /* the path of the echo; empty: none */
    uint64_t collections; /* of records: a bit for each */
} tc_site;

/* A route whose prefix, of so many segments, no other one of this site has. */
tc_err tc_site_add(tc_site *site, const tc_route *route, unsigned deep) TC_MUST_USE;
/* A path as it came ("*", too). What stands beside a file that a route of its own guards, and is
 * sent in its place (names.h), is that route's, too. last: what was found for the request before,
 * or NULL: most are for the same. TC_ERR_TARGET: the path makes no sense, so nothing must be
 * served; TC_ERR_NO_MEMORY. */
tc_err tc_site_route(const tc_site *site, tc_exchange *x, const tc_route *last,
                     const tc_route **ret_route) TC_MUST_USE;

/* Whether who asks for this normalised path passes the same gates as x: a file may have more than
 * one address, and whoever guards its name guards it. */
bool tc_route_same_gates(tc_exchange *x, tc_span path);
/* Whether who asks for the one passes the same gates as for the other. */
bool tc_route_equal_gates(tc_exchange *x, tc_span a, tc_span b);
/* Whether the path has a route, not the site's, with gates that x has not passed. */
bool tc_route_has_own_gates(tc_exchange *x, tc_span path);
/* Whether gates may be others for any path of its site. */
static inline bool tc_route_has_gates(const tc_exchange *x)
{
    const tc_route *here = x->place;
    return here && here->site->guards;
}
