/* cookie.c - see cookie.h. */
// SPDX-License-Identifier: MIT
#include "http/cookie.h"

#include "base/ascii.h"

/* --- Cookie -------------------------------------------------------------------------------- */

static tc_span take_piece(tc_span *rest)
{
    const tc_span piece = tc_span_take(rest, tc_span_find(*rest, ';'));
    if (rest->len) (void)tc_span_take(rest, 1);
    return tc_span_trim(piece);
}

static void split(tc_span piece, tc_span *ret_name, tc_span *ret_value)
{
    const size_t equals = tc_span_find(piece, '=');
    *ret_name = equals < piece.len ? tc_span_trim(tc_span_first(piece, equals)) : (tc_span){0};
    *ret_value = equals < piece.len ? tc_span_trim(tc_span_from(piece, equals + 1)) : piece;
}

bool tc_cookie_next(tc_span *rest, tc_span *ret_name, tc_span *ret_value)
{
    while (rest->len) {
        const tc_span piece = take_piece(rest);
        if (!piece.len) continue;
        split(piece, ret_name, ret_value);
        return true;
    }
    return false;
}

unsigned tc_cookie_find(const tc_fields *fields, tc_span name, tc_span *ret_value)
{
    unsigned times = 0;
    uint32_t cursor = 0;
    tc_span line, found, value;
    while (tc_fields_next(fields, TC_FIELD_COOKIE, &cursor, &line))
        while (tc_cookie_next(&line, &found, &value))
            if (tc_span_eq(found, name) && times++ == 0) *ret_value = value;
    return times;
}

/* --- Set-Cookie, reading ------------------------------------------------------------------- */

static bool has_control(tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f) return true;
    return false;
}

/* No more than nothing lasts longer than, and no less than a second ago. */
static int64_t bounded(int64_t seconds)
{
    return seconds < -1 ? -1 : seconds > TC_COOKIE_LIFE_S ? TC_COOKIE_LIFE_S : seconds;
}

static bool read_seconds(tc_span text, int64_t *ret_seconds)
{
    const bool minus = tc_span_starts(text, TC_SPAN("-"));
    const tc_span digits = tc_span_from(text, minus);
    int64_t seconds = 0;
    if (!text.len) return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!tc_ascii_digit(digits.at[i])) return false;
        seconds = bounded(seconds * 10 + (digits.at[i] - '0'));
    }
    *ret_seconds = minus ? -1 : seconds;
    return true;
}

static enum tc_same_site same_site_of(tc_span value)
{
    if (tc_span_ieq(value, TC_SPAN("strict"))) return TC_SAME_SITE_STRICT;
    if (tc_span_ieq(value, TC_SPAN("lax"))) return TC_SAME_SITE_LAX;
    if (tc_span_ieq(value, TC_SPAN("none"))) return TC_SAME_SITE_NONE;
    return TC_SAME_SITE_UNSAID;
}

/* Of two of a kind the later one counts; Max-Age counts before Expires. */
static void take_attribute(tc_set_cookie *c, tc_span name, tc_span value, int64_t now_unix,
                           bool *aged)
{
    int64_t seconds;
    if (value.len > TC_COOKIE_ATTRIBUTE) return;
    if (tc_span_ieq(name, TC_SPAN("expires"))) {
        if (*aged || !tc_cookie_date(value, &seconds)) return;
        c->lasts = true;
        c->max_age_s = bounded(seconds - now_unix);
    } else if (tc_span_ieq(name, TC_SPAN("max-age"))) {
        if (!read_seconds(value, &seconds)) return;
        c->lasts = *aged = true;
        c->max_age_s = seconds;
    } else if (tc_span_ieq(name, TC_SPAN("domain"))) {
        c->domain = tc_span_from(value, tc_span_starts(value, TC_SPAN(".")));
    } else if (tc_span_ieq(name, TC_SPAN("path"))) {
        c->path = tc_span_starts(value, TC_SPAN("/")) ? value : (tc_span){0};
    } else if (tc_span_ieq(name, TC_SPAN("secure"))) {
        c->secure = true;
    } else if (tc_span_ieq(name, TC_SPAN("httponly"))) {
        c->http_only = true;
    } else if (tc_span_ieq(name, TC_SPAN("samesite"))) {
        c->same_site = same_site_of(value);
    }
}

bool tc_set_cookie_parse(tc_span text, int64_t now_unix, tc_set_cookie *ret_cookie)
{
    tc_set_cookie c = {0};
    bool aged = false;
    if (has_control(text)) return false;
    split(take_piece(&text), &c.name, &c.value);
    if (!c.name.len && !c.value.len) return false;
    while (text.len) {
        const tc_span piece = take_piece(&text);
        const size_t equals = tc_span_find(piece, '=');
        take_attribute(&c, tc_span_trim(tc_span_first(piece, equals)),
                       tc_span_trim(tc_span_from(piece, equals + 1)), now_unix, &aged);
    }
    *ret_cookie = c;
    return true;
}

/* --- Set-Cookie, writing ------------------------------------------------------------------- */

static bool is_value(tc_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char b = s.at[i];
        if (b <= ' ' || b >= 0x7f || b == '"' || b == ',' || b == ';' || b == '\\') return false;
    }
    return true;
}

static bool is_attribute(tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < ' ' || s.at[i] >= 0x7f || s.at[i] == ';') return false;
    return s.len <= TC_COOKIE_ATTRIBUTE && tc_span_trim(s).len == s.len;
}

static bool is_proper(const tc_set_cookie *c)
{
    return tc_is_token(c->name) && is_value(c->value) && is_attribute(c->domain) &&
           is_attribute(c->path) && !tc_span_starts(c->domain, TC_SPAN(".")) &&
           (!c->path.len || c->path.at[0] == '/') && tc_cookie_keeps_prefix(c) &&
           (c->secure || c->same_site != TC_SAME_SITE_NONE);
}

tc_err tc_set_cookie_write(const tc_set_cookie *c, tc_buf *out)
{
    static const char *const sites[] = {"", "; SameSite=None", "; SameSite=Lax",
                                        "; SameSite=Strict"};
    const size_t before = out->len;
    if (!is_proper(c)) return TC_ERR_FIELD_INVALID;
    tc_err err = tc_buf_printf(out, "%.*s=%.*s", TC_FMT(c->name), TC_FMT(c->value));
    if (!err && c->domain.len) err = tc_buf_printf(out, "; Domain=%.*s", TC_FMT(c->domain));
    if (!err && c->path.len) err = tc_buf_printf(out, "; Path=%.*s", TC_FMT(c->path));
    if (!err && c->lasts)
        err = tc_buf_printf(out, "; Max-Age=%lld",
                            c->max_age_s > 0 ? (long long)bounded(c->max_age_s) : 0LL);
    if (!err && c->secure) err = tc_buf_add(out, TC_SPAN("; Secure"));
    if (!err && c->http_only) err = tc_buf_add(out, TC_SPAN("; HttpOnly"));
    if (!err) err = tc_buf_add(out, tc_span_str(sites[c->same_site]));
    if (err) out->len = before;
    return err;
}

/* --- prefixes ------------------------------------------------------------------------------ */

enum tc_cookie_prefix tc_cookie_prefix(tc_span name)
{
    const tc_span secure = TC_SPAN("__Secure-"), host = TC_SPAN("__Host-");
    if (tc_span_ieq(tc_span_first(name, host.len), host)) return TC_COOKIE_HOST;
    if (tc_span_ieq(tc_span_first(name, secure.len), secure)) return TC_COOKIE_SECURE;
    return TC_COOKIE_PLAIN;
}

bool tc_cookie_keeps_prefix(const tc_set_cookie *c)
{
    /* Without a name, a server would read the value's beginning as one. */
    if (!c->name.len) return tc_cookie_prefix(c->value) == TC_COOKIE_PLAIN;
    switch (tc_cookie_prefix(c->name)) {
    case TC_COOKIE_PLAIN: return true;
    case TC_COOKIE_SECURE: return c->secure;
    case TC_COOKIE_HOST: return c->secure && !c->domain.len && tc_span_eq(c->path, TC_SPAN("/"));
    }
    return false;
}
