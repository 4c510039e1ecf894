/* link_quic.c - a QUIC connection as a link with streams (quic.h). */
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_why.h"
#include "quic/quic_inside.h"

static const tc_link_quic *of(const tc_link *l)
{
    return (const tc_link_quic *)(const void *)l;
}

static tc_err quic_flush(tc_link *link)
{
    tc_link_quic *l = tc_quic_of(link);
    if (!l->failed) tc_quic_flush(l);
    tc_quic_tls_settle(l);
    return TC_OK; /* what fails is news */
}

static bool quic_stuck(const tc_link *link)
{
    return of(link)->stuck;
}

static uint64_t quic_untaken(const tc_link *link)
{
    const tc_link_quic *l = of(link);
    ngtcp2_conn_info info;
    if (l->failed) return 0;
    if (l->unacked) return l->unacked;
    /* what is in flight then may be acknowledgements, for which nobody waits */
    ngtcp2_conn_get_conn_info(l->conn, &info);
    return info.bytes_in_flight ? tc_quic_streams_ending(l) : 0;
}

static tc_ip quic_address(const tc_link *link, uint16_t *ret_port)
{
    const tc_address *a = &of(link)->peer;
    *ret_port = ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
    return tc_address_ip(a);
}

static bool quic_opening(const tc_link *link)
{
    return of(link)->opening;
}

static bool quic_early(const tc_link *link)
{
    return of(link)->early;
}

static bool quic_protection(const tc_link *link, tc_protection *ret)
{
    const tc_link_quic *l = of(link);
    if (l->opening) return false;
    tc_quic_tls_describe(l, ret);
    return true;
}

static tc_span quic_why(const tc_link *link)
{
    const tc_link_quic *l = of(link);
    return l->failed && l->side.why ? tc_span_str(l->side.why) : (tc_span){0};
}

static bool quic_stands_for(const tc_link *link, tc_span authority)
{
    return tc_tls_side_stands_for(&of(link)->side, authority);
}

static tc_span quic_proven(const tc_link *link)
{
    return tc_tls_side_proven(&of(link)->side);
}

static void quic_end_writing(tc_link *link)
{
    (void)link; /* streams end, each by itself */
}

static void quic_close(tc_link *link, bool reset)
{
    (void)reset; /* nothing of ours outlives a connection that is closed */
    tc_quic_conn_close(tc_quic_of(link));
}

const tc_link_type tc_link_quic_type = {
    .name = "quic",
    .streams = &tc_quic_streams,
    .flush = quic_flush,
    .stuck = quic_stuck,
    .untaken = quic_untaken,
    .address = quic_address,
    .opening = quic_opening,
    .early = quic_early,
    .protection = quic_protection,
    .why = quic_why,
    .stands_for = quic_stands_for,
    .proven = quic_proven,
    .end_writing = quic_end_writing,
    .close = quic_close,
};
