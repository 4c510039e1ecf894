/* proxy.c - see proxy.h. What is said of a proxy that is wrong never quotes it: it may have a
 * password in it. */
// SPDX-License-Identifier: MIT
#include "client/proxy.h"

#include "base/network.h"
#include "base/text.h"
#include "http/percent.h"

enum { ARENA_BYTES = 65536, USER_BYTES = 4096 };

/* --- a proxy's URL ------------------------------------------------------------------------- */

static bool has_control(tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.at[i] < 0x20 || s.at[i] == 0x7f) return true;
    return false;
}

/* "user:password", decoded, as "Basic ..." (RFC 7617, 2). NULL: it is good. */
static const char *basic(tc_arena *a, tc_span text, tc_span *ret_credentials, tc_err *ret_err)
{
    const size_t colon = tc_span_find(text, ':');
    if (text.len > USER_BYTES) return "its credentials are too long";
    const tc_span user = tc_percent_decode(a, tc_span_first(text, colon), false);
    const tc_span password = tc_percent_decode(a, tc_span_from(text, colon + 1), false);
    if (!user.at || !password.at)
        return "a % in its credentials is not followed by two hex digits: write %25";
    if (has_control(user) || has_control(password))
        return "its credentials have a control character";
    if (tc_span_find(user, ':') < user.len) return "its user name has a colon in it";
    tc_buf coded;
    tc_buf_init(&coded, 2 * USER_BYTES);
    const tc_span plain = tc_arena_printf(a, "%.*s:%.*s", TC_FMT(user), TC_FMT(password));
    tc_err err = plain.at ? tc_buf_add(&coded, TC_SPAN("Basic ")) : TC_ERR_NO_MEMORY;
    if (!err) err = tc_text_base64(&coded, plain);
    if (!err) *ret_credentials = tc_arena_copy(a, tc_buf_span(&coded));
    if (!err && !ret_credentials->at) err = TC_ERR_NO_MEMORY;
    *ret_err = err;
    tc_buf_fini(&coded);
    return NULL;
}

static const char *wrong_of(tc_err err)
{
    switch ((int)err) {
    case TC_ERR_URL_PORT: return "its port is not 1 to 65535";
    default: return "it is no URL: http://host:port is wanted";
    }
}

/* The host and the port, behind the credentials. */
static const char *place(tc_arena *a, tc_span text, tc_proxy *p, tc_err *ret_err)
{
    tc_url url;
    const tc_span rest = tc_span_from(text, tc_span_find(text, '/'));
    const tc_span authority = tc_span_first(text, text.len - rest.len);
    if (rest.len > 1) return "it has a path: http://host:port is wanted";
    if (!authority.len || authority.at[0] == ':') return "it names no host";
    const tc_span whole =
        tc_arena_printf(a, "%s://%.*s/", p->secure ? "https" : "http", TC_FMT(authority));
    if (!whole.at) {
        *ret_err = TC_ERR_NO_MEMORY;
        return NULL;
    }
    const tc_err err = tc_url_parse(a, whole, &url);
    if (err == TC_ERR_NO_MEMORY) *ret_err = err;
    if (err) return err == TC_ERR_NO_MEMORY ? NULL : wrong_of(err);
    const bool six = tc_span_find(url.host, ':') < url.host.len;
    p->host = url.host;
    p->port = url.port;
    p->name = tc_arena_printf(a, six ? "[%.*s]:%u" : "%.*s:%u", TC_FMT(url.host), url.port);
    if (!p->name.at) *ret_err = TC_ERR_NO_MEMORY;
    return NULL;
}

static const char *parse(tc_arena *a, tc_span text, tc_proxy *p, tc_err *ret_err)
{
    const char *wrong = NULL;
    size_t scheme = 0;
    while (scheme + 3 <= text.len && !tc_span_starts(tc_span_from(text, scheme), TC_SPAN("://")))
        scheme++;
    if (scheme + 3 <= text.len) {
        const tc_span name = tc_span_take(&text, scheme);
        text = tc_span_from(text, 3);
        p->secure = tc_span_ieq(name, TC_SPAN("https"));
        if (!p->secure && !tc_span_ieq(name, TC_SPAN("http")))
            return "only http:// and https:// proxies are spoken to, no SOCKS and no others";
    }
    const tc_span before = tc_span_first(text, tc_span_find(text, '/'));
    size_t at = before.len; /* the last one: a password may have others */
    while (at > 0 && before.at[at - 1] != '@')
        at--;
    if (at > 1) wrong = basic(a, tc_span_first(text, at - 1), &p->credentials, ret_err);
    if (!wrong && !*ret_err) wrong = place(a, tc_span_from(text, at), p, ret_err);
    return wrong;
}

tc_err tc_proxy_parse(tc_arena *a, tc_span text, tc_proxy *ret_proxy)
{
    tc_proxy p = {0};
    tc_err err = TC_OK;
    p.wrong = parse(a, tc_span_trim(text), &p, &err);
    if (p.wrong) p.host = p.name = TC_SPAN("?");
    if (!p.wrong && !err) {
        p.identity = tc_arena_printf(a, "%s%.*s %.*s", p.secure ? "https://" : "", TC_FMT(p.name),
                                     TC_FMT(p.credentials));
        if (!p.identity.at) err = TC_ERR_NO_MEMORY;
    }
    if (!err) *ret_proxy = p;
    return err;
}

/* --- who is excepted ----------------------------------------------------------------------- */

/* Of "network/bits". */
static bool network_has(tc_span entry, const tc_ip *ip)
{
    tc_ip network;
    uint64_t bits;
    const size_t slash = tc_span_find(entry, '/');
    if (!tc_ip_parse(tc_span_first(entry, slash), &network)) return false;
    if (slash == entry.len) return tc_ip_eq(&network, ip);
    const bool v4 = tc_ip_is_v4(&network);
    if (!tc_span_number(tc_span_from(entry, slash + 1), &bits) || bits > (v4 ? 32u : 128u) ||
        v4 != tc_ip_is_v4(ip))
        return false;
    const tc_ip first = tc_ip_network(&network, (unsigned)bits, (unsigned)bits);
    const tc_ip theirs = tc_ip_network(ip, (unsigned)bits, (unsigned)bits);
    return tc_ip_eq(&first, &theirs);
}

static bool name_has(tc_span name, tc_span host)
{
    if (tc_span_starts(name, TC_SPAN("*."))) name = tc_span_from(name, 1);
    if (name.len && name.at[0] == '.') name = tc_span_from(name, 1);
    if (tc_span_ends(name, TC_SPAN("."))) name.len--;
    if (!name.len || name.len > host.len) return false;
    const tc_span end = tc_span_from(host, host.len - name.len);
    return tc_span_ieq(name, end) && (end.at == host.at || host.at[host.len - name.len - 1] == '.');
}

/* Takes ":port" off the end of an entry, if there is one; "" where it is none. */
static bool take_port(tc_span *entry, tc_span *ret_port)
{
    const size_t colon = tc_span_find(*entry, ':');
    const bool bracket = entry->len && entry->at[0] == '[';
    *ret_port = (tc_span){0};
    if (bracket) {
        const size_t end = tc_span_find(*entry, ']');
        if (end == entry->len) return false;
        const tc_span behind = tc_span_from(*entry, end + 1);
        *entry = tc_span_of(entry->at + 1, end - 1);
        if (!behind.len) return true;
        *ret_port = tc_span_from(behind, 1);
        return behind.at[0] == ':' && ret_port->len;
    }
    const tc_span behind = tc_span_from(*entry, colon + 1);
    if (colon == entry->len || tc_span_find(behind, ':') < behind.len) return true; /* IPv6 */
    *ret_port = behind;
    *entry = tc_span_first(*entry, colon);
    return behind.len > 0;
}

static bool entry_has(tc_span entry, const tc_url *url)
{
    tc_span port;
    tc_ip ip;
    uint64_t number = url->port;
    if (!take_port(&entry, &port)) return false;
    if (port.len && (!tc_span_number(port, &number) || number != url->port)) return false;
    if (tc_span_eq(entry, TC_SPAN("*"))) return true;
    tc_span host = tc_span_first(url->host, tc_span_find(url->host, '%'));
    if (tc_ip_parse(host, &ip)) return network_has(entry, &ip);
    if (tc_span_ends(host, TC_SPAN("."))) host.len--;
    return name_has(entry, host);
}

bool tc_proxy_list_has(tc_span list, const tc_url *url)
{
    while (list.len) {
        size_t n = 0;
        while (n < list.len && list.at[n] != ',' && list.at[n] != ' ' && list.at[n] != '\t')
            n++;
        const tc_span entry = tc_span_first(list, n);
        if (entry.len && entry_has(entry, url)) return true;
        list = tc_span_from(list, n + 1);
    }
    return false;
}

/* --- all of them --------------------------------------------------------------------------- */

/* The first one that is set, and not to nothing. */
static const char *first_set(const char *(*get)(const char *), const char *const *names,
                             const char **ret_name)
{
    for (; get && *names; names++) {
        const char *value = get(*names);
        if (!value || !*value) continue;
        *ret_name = *names;
        return value;
    }
    return NULL;
}

static tc_err take(tc_arena *a, const char *option, const char *(*get)(const char *),
                   const char *const *names, tc_proxy *ret)
{
    const char *from = "--proxy";
    const char *text = option ? option : first_set(get, names, &from);
    if (!text || !*text) return TC_OK;
    const tc_err err = tc_proxy_parse(a, tc_span_str(text), ret);
    ret->from = from;
    return err;
}

tc_err tc_proxies_init(tc_proxies *p, const char *option, const char *except,
                       const char *(*get)(const char *name))
{
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    static const char *const no[] = {"no_proxy", "NO_PROXY", NULL};
    const char *name;
    *p = (tc_proxies){0};
    tc_arena_init(&p->arena, NULL, 0, ARENA_BYTES);
    if (!except) except = first_set(get, no, &name);
    p->except = tc_span_str(except);
    if (except) p->except = tc_arena_copy(&p->arena, p->except);
    if (except && !p->except.at) return TC_ERR_NO_MEMORY;
    const tc_err err = take(&p->arena, option, get, http, &p->http);
    return err ? err : take(&p->arena, option, get, https, &p->https);
}

void tc_proxies_fini(tc_proxies *p)
{
    tc_arena_fini(&p->arena);
    *p = (tc_proxies){0};
}

const tc_proxy *tc_proxies_find(const tc_proxies *p, const tc_url *url)
{
    const tc_proxy *proxy = tc_span_eq(url->scheme, TC_SPAN("https")) ? &p->https : &p->http;
    return proxy->host.len && !tc_proxy_list_has(p->except, url) ? proxy : NULL;
}
