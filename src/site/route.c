/* route.c - see route.h. */
// SPDX-License-Identifier: MIT
#include "site/route.h"

#include "http/target.h"

/* Nothing in it is encoded, empty or a dot segment: it is what it seems to be. */
static bool is_plain(tc_span path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] == '%' || path.at[i] == '\\') return false;
        if (path.at[i] == '/' && i + 1 < path.len &&
            (path.at[i + 1] == '/' || path.at[i + 1] == '.'))
            return false;
    }
    return true;
}

static const tc_route *find(const tc_site *site, tc_span path)
{
    size_t ends[TC_ROUTE_DEEPEST];
    unsigned n = 0;
    for (size_t i = 1; i <= path.len && n < site->deepest; i++)
        if (i == path.len || path.at[i] == '/') ends[n++] = i;
    while (n--) {
        const tc_route *route = tc_map_get(&site->by_prefix, tc_span_first(path, ends[n]));
        if (route) return route;
    }
    return site->whole;
}

bool tc_route_same_gates(const tc_exchange *x, tc_span path)
{
    const tc_route *here = x->place;
    return !here || !here->site->deepest || find(here->site, path)->asking == here->asking;
}

tc_err tc_site_route(const tc_site *site, tc_exchange *x, const tc_route **ret_route)
{
    tc_span path = x->theirs.path, query;
    *ret_route = site->whole;
    if (!site->deepest || !tc_span_starts(path, TC_SPAN("/"))) return TC_OK;
    path = tc_span_first(path, tc_span_find(path, '?'));
    if (!is_plain(path)) {
        const tc_err err = tc_target_normal_path(&x->arena, x->theirs.path, &path, &query);
        if (err) return err;
    }
    *ret_route = find(site, path);
    return TC_OK;
}
