/* access.c - see access.h. */
// SPDX-License-Identifier: MIT
#include "gate/access.h"

#include "page/error_page.h"
#include "session/session.h"

enum { HOPS_MOST = 1000 };

tc_err tc_access_add(tc_access *a, enum tc_access_list list, tc_span network,
                     char ret_why[TC_NETWORK_WHY])
{
    tc_networks *lists[] = {
        [TC_ACCESS_TRUST] = &a->trust, [TC_ACCESS_ALLOW] = &a->allow, [TC_ACCESS_DENY] = &a->deny};
    a->only_allowed |= list == TC_ACCESS_ALLOW;
    return tc_networks_add(lists[list], network, ret_why);
}

void tc_access_seal(tc_access *a, const tc_limits *limits)
{
    const uint64_t most = limits->forwarded_hops;
    a->hops_most = most < HOPS_MOST ? (uint32_t)most : HOPS_MOST;
    tc_networks_seal(&a->trust);
    tc_networks_seal(&a->allow);
    tc_networks_seal(&a->deny);
}

void tc_access_fini(tc_access *a)
{
    tc_networks_fini(&a->trust);
    tc_networks_fini(&a->allow);
    tc_networks_fini(&a->deny);
    *a = (tc_access){0};
}

static tc_err say_wrong(void *self, tc_exchange *x)
{
    (void)x;
    return *(const tc_err *)self;
}

static const tc_handler wrong = {.name = "forwarded", .on_head = say_wrong};

static tc_err forbid(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 403, TC_SPAN("Your address is not let in here."));
}

static const tc_handler forbidden = {.name = "forbidden", .on_head = forbid};

bool tc_access_see(const tc_access *a, tc_exchange *x, tc_reached *reached)
{
    static const tc_err errors[] = {TC_ERR_FORWARDED, TC_ERR_FORWARDED_HOPS, TC_ERR_NO_MEMORY};
    const tc_asker peer = tc_session_peer(x);
    tc_span scheme;
    if (!a->trust.count || x->pushed) return false;
    if (!tc_networks_have(&a->trust, &peer.ip)) {
        tc_forwarded_remove(&x->theirs.fields, false);
        return false;
    }
    tc_forwarded_remove(&x->theirs.fields, true);
    const tc_err err = tc_forwarded_find(&x->theirs.fields, &x->arena, &a->trust, a->hops_most,
                                         &x->asker, &scheme);
    if (!err) {
        if (scheme.len) x->theirs.scheme = scheme;
        return false;
    }
    size_t which = 0;
    while (errors[which] != err)
        which++;
    reached->forwarded_hops += err == TC_ERR_FORWARDED_HOPS;
    x->handler = &wrong;
    x->self = (void *)(uintptr_t)&errors[which];
    return true;
}

bool tc_access_is_secure(const tc_access *a, const tc_exchange *x)
{
    const tc_asker peer = tc_session_peer(x);
    return a->trust.count && tc_span_eq(x->theirs.scheme, TC_SPAN("https")) &&
           tc_networks_have(&a->trust, &peer.ip);
}

bool tc_access_gate(const tc_access *a, tc_exchange *x, tc_reached *reached)
{
    if (!a->deny.count && !a->only_allowed) return false;
    const tc_ip ip = tc_session_asker(x).ip;
    if (!tc_networks_have(&a->deny, &ip) && (!a->only_allowed || tc_networks_have(&a->allow, &ip)))
        return false;
    reached->refused.address++;
    x->handler = &forbidden;
    return true;
}
