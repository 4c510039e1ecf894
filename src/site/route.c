/* route.c - see route.h. */
// SPDX-License-Identifier: MIT
#include "site/route.h"

#include "http/target.h"

/* How a path falls into segments. */
typedef struct segments {
    uint32_t end[TC_ROUTE_DEEPEST + 1]; /* of the first ones */
    unsigned count;
    bool plain; /* nothing in it is encoded, empty or a dot segment: it is what it seems to be */
} segments;

/* False: take_apart may pass over these eight bytes. */
static bool matters(const char *at)
{
    static const char which[] = {'/', '?', '%', '\\'};
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word, found = 0;
    memcpy(&word, at, sizeof word);
    for (size_t i = 0; i < sizeof which; i++) {
        const uint64_t x = word ^ ones * (uint8_t)which[i];
        found |= (x - ones) & ~x;
    }
    return (found & ones * 0x80) != 0;
}

static bool is_odd(tc_span path, size_t slash)
{
    return slash + 1 < path.len && (path.at[slash + 1] == '/' || path.at[slash + 1] == '.');
}

/* As it came, up to a query, or as it is meant: then nothing in it means more than itself. */
static void take_apart(tc_span path, unsigned deepest, bool as_it_came, segments *ret)
{
    size_t i = 1;
    ret->count = 0;
    ret->plain = !is_odd(path, 0);
    for (; i < path.len; i++) {
        while (path.len - i >= 8 && !matters(path.at + i))
            i += 8;
        if (i == path.len) break;
        const char c = path.at[i];
        if (c == '/') {
            if (ret->count < deepest) ret->end[ret->count++] = (uint32_t)i;
            if (is_odd(path, i)) ret->plain = false;
        } else if (as_it_came) {
            if (c == '?') break;
            if (c == '%' || c == '\\') ret->plain = false;
        }
    }
    if (ret->count < deepest) ret->end[ret->count++] = (uint32_t)i;
}

static uint64_t length_bit(size_t len)
{
    return UINT64_C(1) << (len < 63 ? len : 63);
}

tc_err tc_site_add(tc_site *site, const tc_route *route, unsigned deep)
{
    site->lengths |= length_bit(route->prefix.len);
    if (deep > site->deepest) site->deepest = (uint8_t)deep;
    return tc_map_put(&site->by_prefix, route->prefix, (void *)(uintptr_t)route);
}

/* Most beginnings of most paths are as long as no prefix: these are not looked up. */
static const tc_route *find(const tc_site *site, tc_span path, const segments *s)
{
    for (unsigned n = s->count; n--;) {
        const size_t len = s->end[n];
        if (!(site->lengths & length_bit(len))) continue;
        const tc_route *route = tc_map_get(&site->by_prefix, tc_span_first(path, len));
        if (route) return route;
    }
    return site->whole;
}

bool tc_route_same_gates(const tc_exchange *x, tc_span path)
{
    const tc_route *here = x->place;
    segments s;
    if (!here || !here->site->deepest) return true;
    take_apart(path, here->site->deepest, false, &s);
    return find(here->site, path, &s)->asking == here->asking;
}

tc_err tc_site_route(const tc_site *site, tc_exchange *x, const tc_route **ret_route)
{
    tc_span path = x->theirs.path, query;
    segments s;
    *ret_route = site->whole;
    if (!site->deepest || !tc_span_starts(path, TC_SPAN("/"))) return TC_OK;
    take_apart(path, site->deepest, true, &s);
    if (!s.plain) {
        const tc_err err = tc_target_normal_path(&x->arena, x->theirs.path, &path, &query);
        if (err) return err;
        take_apart(path, site->deepest, false, &s);
    }
    *ret_route = find(site, path, &s);
    return TC_OK;
}
