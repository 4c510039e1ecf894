/* jar_rules.c - which cookies are taken from whom, and which go where: see jar.h. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "client/jar.h"

enum { DAY_S = 24 * 60 * 60 };

/* --- what rules ask ------------------------------------------------------------------------ */

static bool is_https(const tc_url *url)
{
    return tc_span_eq(url->scheme, TC_SPAN("https"));
}

/* RFC 6265bis, 5.1.3. */
static bool domain_matches(tc_span host, tc_span domain)
{
    if (tc_span_eq(host, domain)) return true;
    return host.len > domain.len + 1 && domain.len && tc_span_ends(host, domain) &&
           host.at[host.len - domain.len - 1] == '.' && !tc_host_is_address(host);
}

/* RFC 6265bis, 5.1.4. */
static bool path_matches(tc_span path, tc_span of_cookie)
{
    if (!tc_span_starts(path, of_cookie)) return false;
    return path.len == of_cookie.len || tc_span_ends(of_cookie, TC_SPAN("/")) ||
           path.at[of_cookie.len] == '/';
}

static tc_span path_of(const tc_url *url)
{
    return tc_span_first(url->path, tc_span_find(url->path, '?'));
}

/* The folder that the URL is in (5.1.4). */
static tc_span default_path(const tc_url *url)
{
    tc_span path = path_of(url);
    while (path.len && path.at[path.len - 1] != '/')
        path.len--;
    return path.len > 1 ? tc_span_first(path, path.len - 1) : TC_SPAN("/");
}

/* --- taking -------------------------------------------------------------------------------- */

typedef struct offer {
    const tc_jar *jar;
    const tc_url *from;
    tc_set_cookie said;
    char domain_room[TC_HOST_BYTES];
    tc_span domain; /* lower case; empty: only the host; at NULL: it cannot be one */
    tc_span path;
} offer;

static bool takes_size(const offer *o)
{
    return o->said.name.len + o->said.value.len <= o->jar->limits->cookie_bytes &&
           o->path.len <= TC_COOKIE_ATTRIBUTE;
}

/* An address or a public suffix may be named by itself, and means no more than the host. */
static bool takes_domain(const offer *o)
{
    return o->domain.at && (!o->domain.len || domain_matches(o->from->host, o->domain));
}

static bool takes_secure(const offer *o)
{
    return !o->said.secure || is_https(o->from);
}

static bool takes_prefix(const offer *o)
{
    return tc_cookie_keeps_prefix(&o->said);
}

/* What https:// set cannot be hidden behind one that clear text sets (5.7, 16). */
static bool takes_overlay(const offer *o)
{
    const tc_span domain = o->domain.len ? o->domain : o->from->host;
    if (is_https(o->from)) return true;
    for (const tc_cookie *c = o->jar->list; c; c = c->next) {
        const bool near = domain_matches(c->domain, domain) || domain_matches(domain, c->domain);
        if (!c->gone && c->secure && near && tc_span_eq(c->name, o->said.name) &&
            path_matches(o->path, c->path))
            return false;
    }
    return true;
}

/* Where an address or a public suffix says its own name, no other host is meant. */
static void read_domain(offer *o)
{
    const tc_span said = o->said.domain, host = o->from->host;
    o->domain = TC_SPAN("");
    if (!said.len || tc_span_ieq(said, host)) {
        const bool wide = said.len && tc_host_is_name(host) && !tc_host_is_address(host) &&
                          !tc_suffix_is_public(&o->jar->suffixes, host);
        if (wide) o->domain = host;
        return;
    }
    o->domain = (tc_span){0};
    if (!tc_host_is_name(said)) return;
    for (size_t i = 0; i < said.len; i++)
        o->domain_room[i] = tc_ascii_lower(said.at[i]);
    const tc_span domain = tc_span_of(o->domain_room, said.len);
    if (!tc_host_is_address(domain) && !tc_suffix_is_public(&o->jar->suffixes, domain))
        o->domain = domain;
}

static const char *why_not_take(const offer *o)
{
    static const struct {
        bool (*holds)(const offer *o);
        const char *why;
    } rules[] = {
#define TC_COOKIE_TAKE(name, why) {takes_##name, why},
#define TC_COOKIE_SEND(name, why)
#define TC_COOKIE(kind, name, why) TC_COOKIE_##kind(name, why)
#include "cookie.def"
#undef TC_COOKIE
#undef TC_COOKIE_SEND
#undef TC_COOKIE_TAKE
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i].holds(o)) return rules[i].why;
    return NULL;
}

bool tc_jar_take(tc_jar *jar, const tc_url *from, tc_span set_cookie, int64_t now_s)
{
    offer o = {.jar = jar, .from = from};
    const char *why = "it is none, or has control bytes";
    tc_err err = TC_OK;
    if (tc_set_cookie_parse(set_cookie, now_s, &o.said)) {
        read_domain(&o);
        o.path = o.said.path.len ? o.said.path : default_path(from);
        why = why_not_take(&o);
    }
    if (!why) {
        const tc_cookie made = {.name = o.said.name,
                                .value = o.said.value,
                                .domain = o.domain.len ? o.domain : from->host,
                                .path = o.path,
                                .host_only = o.domain.len == 0,
                                .secure = o.said.secure,
                                .http_only = o.said.http_only,
                                .lasts = o.said.lasts,
                                .same_site = o.said.same_site,
                                .created_s = now_s,
                                .set_s = now_s,
                                .used_s = now_s,
                                .until_s = now_s + o.said.max_age_s,
                                .news = true};
        err = tc_jar_put(jar, &made, now_s);
        if (err) why = tc_err_sentence(err);
    }
    if (why && jar->refused) jar->refused(jar->self, o.said.name, why);
    return !why;
}

void tc_jar_hear(tc_jar *jar, const tc_url *from, const tc_fields *fields, int64_t now_s)
{
    uint32_t cursor = 0;
    tc_span line;
    while (tc_fields_next(fields, TC_FIELD_SET_COOKIE, &cursor, &line))
        (void)tc_jar_take(jar, from, line, now_s); /* who wants to know was told */
}

/* --- sending ------------------------------------------------------------------------------- */

typedef struct asked {
    const tc_jar_request *request;
    const tc_cookie *cookie;
    int64_t now_s;
} asked;

static bool sends_alive(const asked *q)
{
    return !q->cookie->gone && (!q->cookie->lasts || q->cookie->until_s > q->now_s);
}

static bool sends_host(const asked *q)
{
    const tc_span host = q->request->url->host;
    return q->cookie->host_only ? tc_span_eq(host, q->cookie->domain)
                                : domain_matches(host, q->cookie->domain);
}

static bool sends_path(const asked *q)
{
    return path_matches(path_of(q->request->url), q->cookie->path);
}

static bool sends_scheme(const asked *q)
{
    return !q->cookie->secure || is_https(q->request->url);
}

/* Every request is what a browser calls a navigation. Unsaid means Lax (5.8.3). */
static bool sends_request(const asked *q)
{
    if (!q->request->led_by_others || q->cookie->same_site == TC_SAME_SITE_NONE) return true;
    return q->request->safe && q->cookie->same_site != TC_SAME_SITE_STRICT;
}

static bool goes(const asked *q)
{
    static bool (*const rules[])(const asked *q) = {
#define TC_COOKIE_TAKE(name, why)
#define TC_COOKIE_SEND(name, why) sends_##name,
#define TC_COOKIE(kind, name, why) TC_COOKIE_##kind(name, why)
#include "cookie.def"
#undef TC_COOKIE
#undef TC_COOKIE_SEND
#undef TC_COOKIE_TAKE
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i](q)) return false;
    return true;
}

/* Longer paths first, then what is there for longer (5.8.3, 2). */
static int by_rank(const void *left, const void *right)
{
    const tc_cookie *a = *(tc_cookie *const *)left, *b = *(tc_cookie *const *)right;
    if (a->path.len != b->path.len) return a->path.len > b->path.len ? -1 : 1;
    if (a->created_s != b->created_s) return a->created_s < b->created_s ? -1 : 1;
    if (a->name.len != b->name.len) return a->name.len < b->name.len ? -1 : 1;
    return memcmp(a->name.at, b->name.at, a->name.len); /* so that it is always the same */
}

static tc_err add(tc_buf *out, const tc_cookie *c)
{
    const size_t before = out->len;
    tc_err err = before ? tc_buf_add(out, TC_SPAN("; ")) : TC_OK;
    if (!err) err = tc_buf_add(out, c->name);
    if (!err && c->name.len) err = tc_buf_add(out, TC_SPAN("="));
    if (!err) err = tc_buf_add(out, c->value);
    if (err) out->len = before;
    return err;
}

static tc_err put_together(tc_jar *jar, tc_cookie **chosen, size_t count, int64_t now_s,
                           tc_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const tc_err err = add(out, chosen[i]);
        if (err == TC_ERR_FULL) {
            jar->reached->cookies_sent++;
            return TC_OK;
        }
        if (err) return err;
        if (now_s - chosen[i]->used_s < DAY_S) continue;
        chosen[i]->used_s = now_s;
        jar->changed = true;
    }
    return TC_OK;
}

tc_err tc_jar_choose(tc_jar *jar, tc_arena *a, const tc_jar_request *request, int64_t now_s,
                     tc_span *ret_value)
{
    size_t count = 0;
    tc_buf out;
    *ret_value = (tc_span){0};
    if (!jar->count) return TC_OK;
    tc_cookie **chosen = tc_alloc(jar->count * sizeof(tc_cookie *));
    if (!chosen) return TC_ERR_NO_MEMORY;
    for (tc_cookie *c = jar->list; c; c = c->next)
        if (goes(&(asked){request, c, now_s})) chosen[count++] = c;
    qsort(chosen, count, sizeof(tc_cookie *), by_rank);
    tc_buf_init(&out, jar->limits->cookies_sent);
    tc_err err = put_together(jar, chosen, count, now_s, &out);
    if (!err && out.len) {
        *ret_value = tc_arena_copy(a, tc_buf_span(&out));
        if (!ret_value->at) err = TC_ERR_NO_MEMORY;
    }
    tc_buf_fini(&out);
    tc_free(chosen);
    return err;
}

bool tc_jar_same_site(const tc_jar *jar, const tc_url *a, const tc_url *b)
{
    return tc_span_eq(a->scheme, b->scheme) && tc_span_eq(tc_suffix_site(&jar->suffixes, a->host),
                                                          tc_suffix_site(&jar->suffixes, b->host));
}

/* --- as text ------------------------------------------------------------------------------- */

static bool is_clean(tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f) return false;
    return true;
}

bool tc_jar_is_sound(const tc_jar *jar, const tc_cookie *c)
{
    const tc_set_cookie said = {.name = c->name,
                                .value = c->value,
                                .domain = c->host_only ? (tc_span){0} : c->domain,
                                .path = c->path,
                                .secure = c->secure};
    const bool wide_is_fine = tc_host_is_name(c->domain) && !tc_host_is_address(c->domain) &&
                              !tc_suffix_is_public(&jar->suffixes, c->domain);
    for (size_t i = 0; i < c->domain.len; i++)
        if (c->domain.at[i] <= ' ' || tc_ascii_lower(c->domain.at[i]) != c->domain.at[i])
            return false;
    return c->domain.len && (c->host_only || wide_is_fine) && c->name.len + c->value.len &&
           c->name.len + c->value.len <= jar->limits->cookie_bytes &&
           c->path.len <= TC_COOKIE_ATTRIBUTE && is_clean(c->name) &&
           tc_span_find(c->name, ';') == c->name.len &&
           tc_span_find(c->value, ';') == c->value.len &&
           tc_span_find(c->name, '=') == c->name.len && is_clean(c->value) && is_clean(c->path) &&
           tc_span_starts(c->path, TC_SPAN("/")) && tc_cookie_keeps_prefix(&said);
}
