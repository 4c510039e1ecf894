/* origin.c - see origin.h. */
// SPDX-License-Identifier: MIT
#include "client/origin.h"

/* A new member changes the size: then it must be compared below, and in the test. */
_Static_assert(sizeof(tc_origin) == 2 * sizeof(tc_span) + sizeof(void *) + 8,
               "every member is compared");

tc_origin tc_origin_of(const tc_url *url, enum tc_version version, const void *tls)
{
    const bool secure = tc_span_eq(url->scheme, TC_SPAN("https"));
    return (tc_origin){.scheme = url->scheme,
                       .host = url->host,
                       .port = url->port,
                       .tls = secure ? tls : NULL,
                       .version = version};
}

bool tc_origin_eq(const tc_origin *a, const tc_origin *b)
{
    return a->port == b->port && a->version == b->version && a->tls == b->tls &&
           tc_span_eq(a->scheme, b->scheme) && tc_span_eq(a->host, b->host);
}
