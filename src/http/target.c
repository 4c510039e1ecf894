/* target.c - see target.h. One table says which byte may stand where; everything here asks it.
 *
 * Beyond RFC 3986 a query may hold [ ] { } | ^ and the grave accent raw, because browsers send
 * them so (WHATWG URL, 1.3) and no meaning hangs on them. A path may not. */
// SPDX-License-Identifier: MIT
#include "http/target.h"

#include "base/ascii.h"
#include "base/text.h"

enum { HOST = 1, PATH = 2, QUERY = 4, SCHEME = 8, LOOSE = 16 };
enum { ANYWHERE = HOST | PATH | QUERY };

#define DIGITS(c) [c] = ANYWHERE | SCHEME
#define LETTERS(u, l) [u] = ANYWHERE | SCHEME, [l] = ANYWHERE | SCHEME
static const uint8_t classes[256] = {
    DIGITS('0'),
    DIGITS('1'),
    DIGITS('2'),
    DIGITS('3'),
    DIGITS('4'),
    DIGITS('5'),
    DIGITS('6'),
    DIGITS('7'),
    DIGITS('8'),
    DIGITS('9'),
    LETTERS('A', 'a'),
    LETTERS('B', 'b'),
    LETTERS('C', 'c'),
    LETTERS('D', 'd'),
    LETTERS('E', 'e'),
    LETTERS('F', 'f'),
    LETTERS('G', 'g'),
    LETTERS('H', 'h'),
    LETTERS('I', 'i'),
    LETTERS('J', 'j'),
    LETTERS('K', 'k'),
    LETTERS('L', 'l'),
    LETTERS('M', 'm'),
    LETTERS('N', 'n'),
    LETTERS('O', 'o'),
    LETTERS('P', 'p'),
    LETTERS('Q', 'q'),
    LETTERS('R', 'r'),
    LETTERS('S', 's'),
    LETTERS('T', 't'),
    LETTERS('U', 'u'),
    LETTERS('V', 'v'),
    LETTERS('W', 'w'),
    LETTERS('X', 'x'),
    LETTERS('Y', 'y'),
    LETTERS('Z', 'z'),
    /* unreserved and sub-delims (RFC 3986, 2.2 and 2.3) */
    ['-'] = ANYWHERE | SCHEME,
    ['.'] = ANYWHERE | SCHEME,
    ['+'] = ANYWHERE | SCHEME,
    ['_'] = ANYWHERE,
    ['~'] = ANYWHERE,
    ['!'] = ANYWHERE,
    ['$'] = ANYWHERE,
    ['&'] = ANYWHERE,
    ['\''] = ANYWHERE,
    ['('] = ANYWHERE,
    [')'] = ANYWHERE,
    ['*'] = ANYWHERE,
    [','] = ANYWHERE,
    [';'] = ANYWHERE,
    ['='] = ANYWHERE,
    /* pchar, and what a query has beyond it (3.3, 3.4) */
    [':'] = PATH | QUERY,
    ['@'] = PATH | QUERY,
    ['/'] = PATH | QUERY,
    ['?'] = QUERY,
    /* as browsers send them */
    ['['] = LOOSE,
    [']'] = LOOSE,
    ['{'] = LOOSE,
    ['}'] = LOOSE,
    ['|'] = LOOSE,
    ['^'] = LOOSE,
    ['`'] = LOOSE,
};

static bool is(char c, unsigned mask)
{
    return classes[(uint8_t)c] & mask;
}

/* The byte that the three characters at s.at[i] stand for, or -1. */
static int percent(tc_span s, size_t i)
{
    if (s.len - i < 3 || s.at[i] != '%') return -1;
    const int high = tc_ascii_hex(s.at[i + 1]), low = tc_ascii_hex(s.at[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* From i on, past bytes of a class and percent-encoded ones: the first that is neither. */
static size_t skip(tc_span s, size_t i, unsigned mask)
{
    for (;;) {
        while (i < s.len && is(s.at[i], mask))
            i++;
        if (i == s.len || percent(s, i) <= 0) return i;
        i += 3;
    }
}

static bool is_path_and_query(tc_span s)
{
    size_t i = skip(s, 0, PATH);
    if (i < s.len && s.at[i] == '?') i = skip(s, i, QUERY | LOOSE);
    return i == s.len;
}

/* --- authorities --- */

/* 1*4HEXDIG groups with at most one "::", perhaps an IPv4 address as the last two (RFC 3986,
 * 3.2.2). */
static bool is_ipv4(tc_span s)
{
    int parts = 0;
    for (bool last = false; !last; parts++) {
        const size_t dot = tc_span_find(s, '.');
        uint64_t value;
        if (dot == 0 || dot > 3 || (dot > 1 && s.at[0] == '0') ||
            !tc_span_number(tc_span_first(s, dot), &value) || value > 255)
            return false;
        last = dot == s.len;
        s = tc_span_from(s, dot + 1);
    }
    return parts == 4;
}

static bool is_ipv6(tc_span s)
{
    int groups = 0;
    bool gap = false;
    while (s.len > 0) {
        if (tc_span_starts(s, TC_SPAN("::"))) {
            if (gap) return false;
            gap = true;
            s = tc_span_from(s, 2);
            if (s.len == 0) break;
        } else if (groups > 0) {
            if (s.at[0] != ':') return false;
            s = tc_span_from(s, 1);
        }
        size_t digits = 0;
        while (digits < s.len && tc_ascii_hex(s.at[digits]) >= 0)
            digits++;
        if (digits < s.len && s.at[digits] == '.') {
            groups += 2;
            return is_ipv4(s) && (gap ? groups < 8 : groups == 8);
        }
        if (digits == 0 || digits > 4) return false;
        groups++;
        s = tc_span_from(s, digits);
    }
    return gap ? groups < 8 : groups == 8;
}

/* Where the host ends: at ":" or the end. s.len + 1 where it is malformed. */
static size_t host_end(tc_span s)
{
    if (s.len > 0 && s.at[0] == '[') {
        const size_t end = tc_span_find(s, ']');
        if (end == s.len || !is_ipv6(tc_span_of(s.at + 1, end - 1))) return s.len + 1;
        return end + 1;
    }
    return skip(s, 0, HOST);
}

static bool port_of(tc_span s, uint16_t default_port, uint16_t *ret_port)
{
    uint64_t port = default_port;
    if (s.len > 5 || (s.len > 0 && (!tc_span_number(s, &port) || port > UINT16_MAX))) return false;
    *ret_port = (uint16_t)port;
    return true;
}

tc_err tc_authority_split(tc_span authority, uint16_t default_port, tc_span *ret_host,
                          uint16_t *ret_port)
{
    const size_t end = host_end(authority);
    if (end == 0 || end > authority.len) return TC_ERR_HOST;
    if (end < authority.len && authority.at[end] != ':') return TC_ERR_HOST;
    uint16_t port;
    if (!port_of(tc_span_from(authority, end + 1), default_port, &port)) return TC_ERR_HOST;
    *ret_port = port;
    *ret_host = authority.at[0] == '[' ? tc_span_of(authority.at + 1, end - 2)
                                       : tc_span_first(authority, end);
    return TC_OK;
}

tc_err tc_authority_check(tc_span authority)
{
    tc_span host;
    uint16_t port;
    return tc_authority_split(authority, 0, &host, &port);
}

/* --- request targets --- */

static size_t scheme_len(tc_span s)
{
    size_t i = 0;
    while (i < s.len && is(s.at[i], SCHEME))
        i++;
    return i > 0 && tc_ascii_alpha(s.at[0]) ? i : 0;
}

static tc_err absolute_form(tc_span text, tc_target *ret_target)
{
    tc_target t = {.form = TC_ABSOLUTE_FORM};
    const size_t scheme = scheme_len(text);
    if (scheme == 0 || !tc_span_starts(tc_span_from(text, scheme), TC_SPAN("://")))
        return TC_ERR_TARGET;
    t.scheme = tc_span_first(text, scheme);
    const tc_span rest = tc_span_from(text, scheme + 3);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    t.authority = tc_span_first(rest, end);
    t.path = end < rest.len ? tc_span_from(rest, end) : TC_SPAN("/");
    if (tc_authority_check(t.authority) || !is_path_and_query(t.path)) return TC_ERR_TARGET;
    *ret_target = t;
    return TC_OK;
}

tc_err tc_target_parse(enum tc_method method, tc_span text, tc_target *ret_target)
{
    if (method == TC_METHOD_CONNECT) {
        tc_span host;
        uint16_t port;
        if (tc_authority_split(text, 0, &host, &port) || port == 0) return TC_ERR_TARGET;
        *ret_target = (tc_target){.form = TC_AUTHORITY_FORM, .authority = text};
        return TC_OK;
    }
    if (text.len > 0 && text.at[0] == '/') {
        if (!is_path_and_query(text)) return TC_ERR_TARGET;
        *ret_target = (tc_target){.form = TC_ORIGIN_FORM, .path = text};
        return TC_OK;
    }
    if (method == TC_METHOD_OPTIONS && tc_span_eq(text, TC_SPAN("*"))) {
        *ret_target = (tc_target){.form = TC_ASTERISK_FORM, .path = text};
        return TC_OK;
    }
    return absolute_form(text, ret_target);
}

/* --- plain paths --- */

static bool forbidden(char c)
{
    return (uint8_t)c < 0x20 || c == 0x7f || c == '\\';
}

/* Nothing to decode, to merge or to climb. */
static bool is_plain(tc_span path)
{
    char before = 0;
    for (size_t i = 0; i < path.len; i++) {
        const char c = path.at[i];
        if (c == '%' || forbidden(c) || (before == '/' && (c == '/' || c == '.'))) return false;
        before = c;
    }
    return path.len > 0 && path.at[0] == '/';
}

/* Decodes into out; the length, or SIZE_MAX when there is a byte that no path may hold. */
static size_t decode(tc_span path, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len;) {
        int c = (uint8_t)path.at[i];
        if (c == '%') {
            c = percent(path, i);
            if (c < 0 || c == '/') return SIZE_MAX;
            i += 3;
        } else {
            i++;
        }
        if (forbidden((char)c)) return SIZE_MAX;
        out[n++] = (char)c;
    }
    return n;
}

/* Removes dot segments in place (RFC 3986, 5.2.4), and empty ones if merge. Climbing above the
 * root: stays there if merge is off (5.4.2), else SIZE_MAX. */
static size_t remove_dots(char *path, size_t len, bool merge)
{
    size_t out = 0;
    for (size_t i = 0; i < len;) { /* path[i] is the "/" before a segment */
        size_t end = i + 1;
        while (end < len && path[end] != '/')
            end++;
        const tc_span segment = tc_span_of(path + i + 1, end - i - 1);
        const bool last = end == len, up = tc_span_eq(segment, TC_SPAN(".."));
        if (up && out == 0 && merge) return SIZE_MAX;
        while (up && out > 0 && path[--out] != '/') {
        }
        if (up || tc_span_eq(segment, TC_SPAN(".")) || (merge && segment.len == 0)) {
            if (last) path[out++] = '/';
        } else {
            memmove(path + out, path + i, end - i);
            out += end - i;
        }
        i = end;
    }
    return out;
}

tc_err tc_target_normal_path(tc_arena *a, tc_span path, tc_span *ret_path, tc_span *ret_query)
{
    const size_t mark = tc_span_find(path, '?');
    const tc_span query = tc_span_from(path, mark + 1);
    const tc_span before = mark == 0 && path.len > 0 ? TC_SPAN("/") : tc_span_first(path, mark);
    if (!is_plain(before)) {
        if (before.len == 0 || before.at[0] != '/') return TC_ERR_TARGET;
        char *plain = tc_arena_bytes(a, before.len);
        if (!plain) return TC_ERR_NO_MEMORY;
        size_t len = decode(before, plain);
        if (len != SIZE_MAX) len = remove_dots(plain, len, true);
        if (len == SIZE_MAX) return TC_ERR_TARGET;
        *ret_path = tc_span_of(plain, len);
    } else {
        *ret_path = before;
    }
    *ret_query = query;
    return TC_OK;
}

/* --- URLs --- */

static bool is_https(tc_span scheme)
{
    return scheme.len == 5;
}

/* Path and query as they may be sent: encoded where they must be, without dot segments. */
static tc_err make_path(tc_arena *a, tc_span text, tc_span *ret_path)
{
    static const char hex[] = "0123456789ABCDEF";
    text = tc_span_first(text, tc_span_find(text, '#'));
    char *out = tc_arena_bytes(a, text.len * 3 + 1);
    if (!out) return TC_ERR_NO_MEMORY;
    size_t n = 0, path_len = SIZE_MAX;
    if (text.len == 0 || text.at[0] != '/') out[n++] = '/';
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c == '\0' || (c == '%' && percent(text, i) == 0)) return TC_ERR_URL_SYNTAX;
        if (c == '?' && path_len == SIZE_MAX) path_len = n;
        if (is(c, path_len == SIZE_MAX ? PATH : QUERY) || (c == '%' && percent(text, i) > 0)) {
            out[n++] = c;
        } else {
            out[n++] = '%';
            out[n++] = hex[(uint8_t)c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    if (path_len == SIZE_MAX) path_len = n;
    const size_t kept = remove_dots(out, path_len, false);
    memmove(out + kept, out + path_len, n - path_len);
    *ret_path = tc_span_of(out, kept + n - path_len);
    return TC_OK;
}

/* What goes into Host: the host in lower case, its port unless that is the scheme's own. */
static tc_err make_authority(tc_arena *a, tc_url *u)
{
    const tc_span host = tc_span_first(u->host, tc_span_find(u->host, '%')); /* zones are local */
    const bool six = tc_span_find(host, ':') < host.len;
    char *out = tc_arena_bytes(a, host.len + sizeof "[]:65535"), *at = out;
    if (!out) return TC_ERR_NO_MEMORY;
    if (six) *at++ = '[';
    memcpy(at, host.at, host.len);
    at += host.len;
    if (six) *at++ = ']';
    if (u->port != (is_https(u->scheme) ? 443 : 80)) {
        *at++ = ':';
        at += tc_text_number(at, u->port);
    }
    u->authority = tc_span_of(out, (size_t)(at - out));
    return TC_OK;
}

/* The host in front of a port, without brackets. false where it is malformed. */
static bool split_host(tc_span authority, tc_span *ret_host, tc_span *ret_port)
{
    size_t end;
    if (authority.len > 0 && authority.at[0] == '[') {
        end = tc_span_find(authority, ']');
        if (end == authority.len) return false;
        *ret_host = tc_span_of(authority.at + 1, end - 1);
        const size_t zone = tc_span_find(*ret_host, '%');
        const tc_span name = tc_span_from(*ret_host, zone + 1);
        if (!is_ipv6(tc_span_first(*ret_host, zone)) || (zone < ret_host->len && name.len == 0))
            return false;
        for (size_t i = 0; i < name.len; i++)
            if (!is(name.at[i], HOST)) return false;
        end++;
    } else {
        end = 0;
        while (end < authority.len && is(authority.at[end], HOST))
            end++;
        *ret_host = tc_span_first(authority, end);
    }
    *ret_port = tc_span_from(authority, end + 1);
    return end == authority.len || authority.at[end] == ':';
}

static tc_err make_host(tc_arena *a, tc_span authority, bool named, tc_url *u)
{
    tc_span host, port;
    const uint16_t own = is_https(u->scheme) ? 443 : 80;
    if (named && tc_span_find(authority, '@') < authority.len) return TC_ERR_URL_USER;
    if (!split_host(authority, &host, &port)) return TC_ERR_URL_SYNTAX;
    if (!port_of(port, own, &u->port) || u->port == 0)
        return tc_ascii_digit(port.at[0]) ? TC_ERR_URL_PORT : TC_ERR_URL_SYNTAX;
    if (host.len == 0) {
        if (named) return TC_ERR_URL_SYNTAX;
        host = TC_SPAN("localhost");
    }
    char *lower = tc_arena_bytes(a, host.len);
    if (!lower) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < host.len; i++)
        lower[i] = tc_ascii_lower(host.at[i]);
    u->host = tc_span_of(lower, host.len);
    return make_authority(a, u);
}

static bool known_scheme(tc_span s, tc_span *ret_scheme)
{
    static const tc_span known[] = {{"http", 4}, {"https", 5}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tc_span_ieq(s, known[i])) {
            *ret_scheme = known[i];
            return true;
        }
    return false;
}

tc_err tc_url_parse(tc_arena *a, tc_span text, tc_url *ret_url)
{
    tc_url u = {.scheme = TC_SPAN("http")};
    text = tc_span_trim(text);
    const size_t scheme = scheme_len(text);
    const bool named = scheme > 0 && tc_span_starts(tc_span_from(text, scheme), TC_SPAN("://"));
    if (named) {
        if (!known_scheme(tc_span_first(text, scheme), &u.scheme)) return TC_ERR_SCHEME;
        text = tc_span_from(text, scheme + 3);
    } else if (text.len == 0 || tc_span_starts(tc_span_from(text, scheme), TC_SPAN(":/"))) {
        return TC_ERR_URL_SYNTAX; /* "http:/host" lacks a slash */
    }
    size_t end = 0;
    while (end < text.len && text.at[end] != '/' && text.at[end] != '?' && text.at[end] != '#')
        end++;
    tc_err err = make_host(a, tc_span_first(text, end), named, &u);
    if (!err) err = make_path(a, tc_span_from(text, end), &u.path);
    if (!err) *ret_url = u;
    return err;
}

/* Two spans as one. at NULL: no memory. */
static tc_span join(tc_arena *a, tc_span first, tc_span second)
{
    char *both = tc_arena_bytes(a, first.len + second.len + 1);
    if (!both) return (tc_span){0};
    if (first.len > 0) memcpy(both, first.at, first.len);
    if (second.len > 0) memcpy(both + first.len, second.at, second.len);
    return tc_span_of(both, first.len + second.len);
}

tc_err tc_url_resolve(tc_arena *a, const tc_url *base, tc_span reference, tc_url *ret_url)
{
    tc_span ref = tc_span_trim(reference);
    ref = tc_span_first(ref, tc_span_find(ref, '#'));
    const size_t scheme = scheme_len(ref);
    if (scheme > 0 && scheme < ref.len && ref.at[scheme] == ':') {
        tc_span known;
        if (!known_scheme(tc_span_first(ref, scheme), &known)) return TC_ERR_SCHEME;
        if (!tc_span_starts(tc_span_from(ref, scheme), TC_SPAN("://"))) return TC_ERR_URL_SYNTAX;
        return tc_url_parse(a, ref, ret_url);
    }
    tc_span whole = ref;
    if (tc_span_starts(ref, TC_SPAN("//"))) {
        whole = join(a, is_https(base->scheme) ? TC_SPAN("https:") : TC_SPAN("http:"), ref);
        return whole.at ? tc_url_parse(a, whole, ret_url) : TC_ERR_NO_MEMORY;
    }
    const tc_span path = tc_span_first(base->path, tc_span_find(base->path, '?'));
    if (ref.len == 0) {
        whole = base->path;
    } else if (ref.at[0] == '?') {
        whole = join(a, path, ref);
    } else if (ref.at[0] != '/') {
        size_t last = path.len;
        while (last > 0 && path.at[last - 1] != '/')
            last--;
        whole = join(a, tc_span_first(path, last), ref);
    }
    if (!whole.at) return TC_ERR_NO_MEMORY;
    tc_url u = *base;
    const tc_err err = make_path(a, whole, &u.path);
    if (!err) *ret_url = u;
    return err;
}

bool tc_url_same_origin(const tc_url *a, const tc_url *b)
{
    return a->port == b->port && tc_span_eq(a->scheme, b->scheme) && tc_span_eq(a->host, b->host);
}

tc_span tc_url_text(tc_arena *a, const tc_url *url)
{
    tc_span start = is_https(url->scheme) ? TC_SPAN("https://") : TC_SPAN("http://");
    start = join(a, start, url->authority);
    return start.at ? join(a, start, url->path) : start;
}
