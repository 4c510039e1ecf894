/* route.c - see route.h. */
// SPDX-License-Identifier: MIT
#include "gate/route.h"

#include "base/word.h"
#include "gate/names.h"
#include "http/target.h"

/* How a path falls into segments. */
typedef struct segments {
    uint32_t end[TC_ROUTE_DEEPEST + 1]; /* of the first ones */
    unsigned count;
    uint32_t len; /* of the path, without a query */
    bool plain;   /* nothing in it is encoded, empty or a dot segment: it is what it seems to be */
} segments;

static bool is_odd(tc_span path, size_t slash)
{
    return slash + 1 < path.len && (path.at[slash + 1] == '/' || path.at[slash + 1] == '.');
}

/* Where in these bytes '/', '?', '%' and '\\' are: high bits, also of some bytes behind such a one.
 * The first two differ in one bit. */
static uint64_t those_that_matter(uint64_t word)
{
    return (tc_word_are(word | TC_WORD_EACH('?' - '/'), '?') | tc_word_are(word, '%') |
            tc_word_are(word, '\\')) &
           TC_WORD_EACH(0x80);
}

/* As it came, up to a query, or as it is meant: then nothing in it means more than itself. */
static void take_apart(tc_span path, unsigned deepest, bool as_it_came, segments *ret)
{
    unsigned count = 0;
    bool plain = !is_odd(path, 0);
    size_t len = path.len;
    for (size_t i = 1; i < len; i += TC_WORD) {
        uint64_t there = those_that_matter(tc_word_of(path.at, path.len, i));
        for (; there; there &= there - 1) {
            const size_t at = i + tc_word_first(there);
            const char c = path.at[at];
            if (c == '/') {
                if (count < deepest) ret->end[count++] = (uint32_t)at;
                if (is_odd(path, at)) plain = false;
            } else if (as_it_came && c == '?') {
                len = at;
                break;
            } else if (as_it_came && (c == '%' || c == '\\')) {
                plain = false;
            }
        }
    }
    if (count < deepest) ret->end[count++] = (uint32_t)len;
    ret->len = (uint32_t)len;
    ret->count = count;
    ret->plain = plain;
}

static uint64_t length_bit(size_t len)
{
    return UINT64_C(1) << (len < 63 ? len : 63);
}

tc_err tc_site_add(tc_site *site, const tc_route *route, unsigned deep)
{
    site->lengths |= length_bit(route->prefix.len);
    site->guards |= route->asking && (!site->whole || route->asking != site->whole->asking);
    if (deep > site->deepest) site->deepest = (uint8_t)deep;
    return tc_map_put(&site->by_prefix, route->prefix, (void *)(uintptr_t)route);
}

/* The route that was found last is most often the one, and not looked up. */
static const tc_route *at_prefix(const tc_site *site, tc_span prefix, const tc_route *last)
{
    if (last && last->site == site && tc_span_eq(last->prefix, prefix)) return last;
    return site->lengths & length_bit(prefix.len) ? tc_map_get(&site->by_prefix, prefix) : NULL;
}

/* Most beginnings of most paths are as long as no prefix: these are not looked up. */
static const tc_route *longest(const tc_site *site, tc_span path, const segments *s,
                               const tc_route *last)
{
    for (unsigned n = s->count; n--;) {
        const tc_route *route = at_prefix(site, tc_span_first(path, s->end[n]), last);
        if (route) return route;
    }
    return site->whole;
}

/* Whoever guards a file by a route of its own guards what is sent in its place, unless there is a
 * route of that, too. */
static tc_err find(const tc_site *site, tc_arena *a, tc_span path, const segments *s,
                   const tc_route *last, const tc_route **ret_route)
{
    tc_name names[TC_NAMES_MAX];
    unsigned count;
    const tc_route *route = longest(site, path, s, last);
    *ret_route = route;
    if (!site->guards || s->end[s->count - 1] < s->len || route->prefix.len == s->len) return TC_OK;
    const tc_err err = tc_names_of(a, tc_span_first(path, s->len), names, &count);
    for (unsigned i = 0; i < count && !err; i++) {
        const tc_route *other = at_prefix(site, names[i].path, last);
        if (!other || !other->asking || other->no_files ||
            !tc_name_counts(&names[i], &other->naming))
            continue;
        *ret_route = other;
        break;
    }
    return err;
}

/* NULL without memory. */
static const tc_route *route_of(tc_exchange *x, const tc_route *here, tc_span path)
{
    const tc_route *there;
    segments s;
    take_apart(path, here->site->deepest, false, &s);
    return find(here->site, &x->arena, path, &s, here, &there) == TC_OK ? there : NULL;
}

bool tc_route_same_gates(tc_exchange *x, tc_span path)
{
    const tc_route *here = x->place;
    if (!here || !here->site->deepest) return true;
    const tc_route *there = route_of(x, here, path);
    return there && there->asking == here->asking;
}

bool tc_route_has_own_gates(tc_exchange *x, tc_span path)
{
    const tc_route *here = x->place;
    if (!here || !here->site->guards) return false;
    const tc_route *there = route_of(x, here, path);
    return !there || (there != here->site->whole && there->asking && there->asking != here->asking);
}

bool tc_route_equal_gates(tc_exchange *x, tc_span a, tc_span b)
{
    const tc_route *here = x->place;
    if (!here || !here->site->deepest) return true;
    const tc_route *of_a = route_of(x, here, a), *of_b = route_of(x, here, b);
    return of_a && of_b && of_a->asking == of_b->asking;
}

tc_err tc_site_route(const tc_site *site, tc_exchange *x, const tc_route *last,
                     const tc_route **ret_route)
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
    return find(site, &x->arena, path, &s, last, ret_route);
}
