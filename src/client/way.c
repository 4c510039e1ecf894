/* way.c - see way.h. */
// SPDX-License-Identifier: MIT
#include "client/way.h"

/* A zone is this machine's own. */
static tc_span place(tc_arena *a, const tc_url *url)
{
    const tc_span host = tc_span_first(url->host, tc_span_find(url->host, '%'));
    const bool six = tc_span_find(host, ':') < host.len;
    return tc_arena_printf(a, six ? "[%.*s]:%u" : "%.*s:%u", TC_FMT(host), url->port);
}

tc_err tc_way_via(tc_arena *a, const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                  tc_via *ret_via)
{
    tc_via v = {.name = proxy->name, .host = proxy->host};
    if (!tc_origin_is_forwarded(url, proxy, version)) {
        v.authority = place(a, url);
        v.credentials = proxy->credentials;
        v.quiet = tc_span_eq(url->scheme, TC_SPAN("https"));
        if (!v.authority.at) return TC_ERR_NO_MEMORY;
    }
    *ret_via = v;
    return TC_OK;
}

/* "*" is for the server itself: the URL ends behind its authority (RFC 9112, 3.2.4). */
static tc_span whole(tc_arena *a, const tc_url *url, tc_span path)
{
    if (tc_span_eq(path, TC_SPAN("*"))) path = TC_SPAN("");
    return tc_arena_printf(a, "%.*s://%.*s%.*s", TC_FMT(url->scheme), TC_FMT(url->authority),
                           TC_FMT(path));
}

tc_err tc_way_dress(const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                    tc_exchange *x)
{
    tc_message *m = &x->ours;
    if (!tc_origin_is_forwarded(url, proxy, version)) return TC_OK;
    m->target = whole(&x->arena, url, m->path);
    if (!m->target.at) return TC_ERR_NO_MEMORY;
    if (!proxy->credentials.len || tc_fields_has(&m->fields, TC_FIELD_PROXY_AUTHORIZATION))
        return TC_OK;
    return tc_fields_set(&m->fields, &x->arena, TC_FIELD_PROXY_AUTHORIZATION, proxy->credentials);
}
