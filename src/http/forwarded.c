/* forwarded.c - see forwarded.h. Lists are read from the front, since a quoted string can be found
 * only so, but of each only the last members are kept. */
// SPDX-License-Identifier: MIT
#include "http/forwarded.h"

#include "http/list.h"

static const tc_span proto_name = {"x-forwarded-proto", 17};

/* What a proxy said of whom it heard. */
typedef struct hop {
    tc_span node, proto; /* empty: nothing */
} hop;

/* The last ones of a list; a ring. */
typedef struct hops {
    hop *at;
    uint32_t size;
    uint64_t count; /* of all */
} hops;

/* What one kind of fields says. */
typedef struct said {
    bool any;
    tc_asker client;
    tc_span scheme;
} said;

static void keep(hops *h, hop one)
{
    h->at[h->count++ % h->size] = one;
}

/* --- one member ----------------------------------------------------------------------------- */

static bool all_of(tc_span s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is(s.at[i])) return false;
    return s.len > 0;
}

static bool is_obscure(char c) /* RFC 7239, 6.3 */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool read_port(tc_span s, uint16_t *ret_port)
{
    uint64_t port;
    if (s.len > 1 && s.at[0] == '_') return all_of(s, is_obscure);
    if (s.len > 5 || !tc_span_number(s, &port) || port > UINT16_MAX) return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* node [":" port], RFC 7239, 6. strict: an address of IPv6 has brackets. */
static bool read_node(tc_span s, bool strict, tc_asker *ret)
{
    tc_asker c = {.kind = TC_ASKER_KNOWN};
    tc_span host = s, port = {0};
    bool has_port = false;
    if (!strict && tc_ip_parse(s, &c.ip)) {
        *ret = c;
        return true;
    }
    if (s.len && s.at[0] == '[') {
        const size_t close = tc_span_find(s, ']');
        host = tc_span_first(tc_span_from(s, 1), close ? close - 1 : 0);
        const tc_span rest = tc_span_from(s, close + 1);
        if (close == s.len || (rest.len && rest.at[0] != ':')) return false;
        if (!tc_ip_parse(host, &c.ip) || tc_span_find(host, ':') == host.len) return false;
        has_port = rest.len > 0;
        port = tc_span_from(rest, 1);
    } else {
        const size_t colon = tc_span_find(s, ':');
        host = tc_span_first(s, colon);
        has_port = colon < s.len;
        port = tc_span_from(s, colon + 1);
        if (tc_span_ieq(host, TC_SPAN("unknown")) ||
            (host.len > 1 && host.at[0] == '_' && all_of(host, is_obscure)))
            c.kind = TC_ASKER_HIDDEN;
        else if (!tc_ip_parse(host, &c.ip))
            return false;
    }
    if (has_port && !read_port(port, &c.port)) return false;
    if (c.kind == TC_ASKER_HIDDEN) c.port = 0;
    *ret = c;
    return true;
}

/* "http" or "https", a constant; empty: something else. */
static tc_span scheme_of(tc_span s)
{
    static const tc_span known[] = {{"https", 5}, {"http", 4}};
    for (size_t i = 0; i < 2; i++)
        if (tc_span_ieq(s, known[i])) return known[i];
    return (tc_span){0};
}

/* --- Forwarded ------------------------------------------------------------------------------ */

/* A quoted value without the backslashes that mean the byte behind. */
static tc_err unescape(tc_arena *a, tc_span *value)
{
    if (tc_span_find(*value, '\\') == value->len) return TC_OK;
    char *at = tc_arena_bytes(a, value->len);
    size_t len = 0;
    if (!at) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < value->len; i++) {
        if (value->at[i] == '\\' && ++i == value->len) return TC_ERR_FORWARDED;
        at[len++] = value->at[i];
    }
    *value = (tc_span){at, len};
    return TC_OK;
}

/* Parameters, of which each may be there once (RFC 7239, 4); by and host are not ours to believe.
 */
static tc_err read_element(tc_span rest, tc_arena *a, hop *ret)
{
    static const tc_span names[] = {{"for", 3}, {"proto", 5}, {"by", 2}, {"host", 4}};
    unsigned seen = 0;
    hop h = {0};
    tc_span name, value;
    while (tc_parameter_next(&rest, &name, &value)) {
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
            if (!tc_span_ieq(name, names[i])) continue;
            if (seen >> i & 1) return TC_ERR_FORWARDED;
            seen |= 1u << i;
            if (i > 1) continue;
            const tc_err err = unescape(a, &value);
            if (err) return err;
            *(i ? &h.proto : &h.node) = value;
        }
    }
    *ret = h;
    return rest.len ? TC_ERR_FORWARDED : TC_OK;
}

static tc_err read_forwarded(const tc_fields *f, tc_arena *a, hops *h)
{
    uint32_t cursor = 0;
    tc_span line, member;
    while (tc_fields_next(f, TC_FIELD_FORWARDED, &cursor, &line))
        while (tc_list_next(&line, &member)) {
            hop one;
            const tc_err err = read_element(member, a, &one);
            if (err) return err;
            keep(h, one);
        }
    return TC_OK;
}

/* --- X-Forwarded-For and -Proto --------------------------------------------------------------- */

/* No quoted strings here: every comma counts. */
static bool next_plain(tc_span *rest, tc_span *ret_member)
{
    while (rest->len) {
        const tc_span member = tc_span_trim(tc_span_take(rest, tc_span_find(*rest, ',')));
        *rest = tc_span_from(*rest, 1);
        if (!member.len) continue;
        *ret_member = member;
        return true;
    }
    return false;
}

static void read_addresses(const tc_fields *f, hops *h)
{
    uint32_t cursor = 0;
    tc_span line, member;
    while (tc_fields_next(f, TC_FIELD_X_FORWARDED_FOR, &cursor, &line))
        while (next_plain(&line, &member))
            keep(h, (hop){.node = member});
}

/* The member for the address that stands so many from the end, if there is one for each; else the
 * last, which the nearest proxy said. */
static tc_span read_scheme(const tc_fields *f, uint64_t addresses, uint64_t from_end)
{
    tc_span member, last = {0}, at = {0};
    uint64_t count = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        tc_span line = f->at[i].value;
        if (!tc_span_eq(f->at[i].name, proto_name)) continue;
        while (next_plain(&line, &member)) {
            if (addresses - count == from_end + 1) at = member;
            last = member;
            count++;
        }
    }
    return scheme_of(count == addresses && addresses ? at : last);
}

/* --- who it is -------------------------------------------------------------------------------- */

/* From the last one on, past those that are trusted. *ret_passed: how many. */
static tc_err walk(const hops *h, bool strict, const tc_networks *trusted, said *ret,
                   uint64_t *ret_passed)
{
    said s = {.any = true};
    uint64_t i = 0;
    for (; i < h->count; i++) {
        if (i == h->size) return TC_ERR_FORWARDED_HOPS;
        const hop *one = &h->at[(h->count - 1 - i) % h->size];
        s.scheme = scheme_of(one->proto);
        if (!one->node.len)
            s.client = (tc_asker){.kind = TC_ASKER_HIDDEN};
        else if (!read_node(one->node, strict, &s.client))
            return TC_ERR_FORWARDED;
        if (s.client.kind == TC_ASKER_HIDDEN || !tc_networks_have(trusted, &s.client.ip)) break;
    }
    *ret = s;
    *ret_passed = i < h->count ? i : h->count - 1;
    return TC_OK;
}

/* Whether both say the same; what only one says of the scheme is not believed. */
static bool agree(said *a, const said *b)
{
    if (b->client.kind != TC_ASKER_PEER &&
        !(a->client.kind == b->client.kind && tc_ip_eq(&a->client.ip, &b->client.ip)))
        return false;
    if (a->scheme.len && b->scheme.len && !tc_span_eq(a->scheme, b->scheme)) return false;
    if (!b->scheme.len) a->scheme = (tc_span){0};
    return true;
}

tc_err tc_forwarded_find(const tc_fields *f, tc_arena *a, const tc_networks *trusted, uint32_t most,
                         tc_asker *ret_asker, tc_span *ret_scheme)
{
    said ours = {0}, theirs = {0}; /* Forwarded, X-Forwarded- */
    uint64_t passed = 0;
    tc_err err = TC_OK;
    tc_span value;
    const bool has_proto = tc_fields_find(f, proto_name, &value);
    hop *room = tc_arena_alloc(a, most * sizeof *room);
    if (!room) return TC_ERR_NO_MEMORY;
    hops h = {room, most, 0};
    if (tc_fields_has(f, TC_FIELD_FORWARDED)) err = read_forwarded(f, a, &h);
    if (!err && h.count) err = walk(&h, true, trusted, &ours, &passed);
    h.count = 0;
    if (!err && tc_fields_has(f, TC_FIELD_X_FORWARDED_FOR)) read_addresses(f, &h);
    if (!err && h.count) err = walk(&h, false, trusted, &theirs, &passed);
    if (err) return err;
    if (has_proto) {
        theirs.any = true;
        theirs.scheme = read_scheme(f, h.count, h.count ? passed : 0);
    }
    if (ours.any && theirs.any && !agree(&ours, &theirs)) return TC_ERR_FORWARDED;
    *ret_asker = ours.any ? ours.client : theirs.client;
    *ret_scheme = ours.any ? ours.scheme : theirs.scheme;
    return TC_OK;
}

/* Equal, "_" in a being as good as "-". */
static bool is_alike(tc_span a, tc_span b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if ((a.at[i] == '_' ? '-' : a.at[i]) != b.at[i]) return false;
    return true;
}

void tc_forwarded_remove(tc_fields *f, bool only_alike)
{
    static const tc_span names[] = {{"forwarded", 9},          {"x-forwarded-for", 15},
                                    {"x-forwarded-proto", 17}, {"x-forwarded-host", 16},
                                    {"x-forwarded-port", 16},  {"x-real-ip", 9}};
    for (uint32_t i = 0; i < f->count;) {
        const tc_span name = f->at[i].name;
        bool remove = false;
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            remove |= is_alike(name, names[j]) && !(only_alike && tc_span_eq(name, names[j]));
        if (remove)
            tc_fields_remove(f, name);
        else
            i++;
    }
}
