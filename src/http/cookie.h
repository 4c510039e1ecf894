/* cookie.h - Cookie and Set-Cookie fields (RFC 6265bis, 4 and 5.6), both ends of them.
 *
 * Reading takes whatever user agents must take; writing makes only what servers should send. What
 * a cookie means for whom is client/jar.h. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/field.h"

/* Takes the next cookie off *rest, a value of a Cookie field: as it stands there, without blanks
 * around name and value, quotes left in. What has no "=" is a value without a name; empty pieces
 * are skipped. False at the end. */
bool tc_cookie_next(tc_span *rest, tc_span *ret_name, tc_span *ret_value);
/* How many cookies of exactly that name all Cookie fields have, and the first one's value
 * (untouched where there is none). More than one: somebody else may have set one of them. */
unsigned tc_cookie_find(const tc_fields *fields, tc_span name, tc_span *ret_value);

enum tc_same_site { TC_SAME_SITE_UNSAID, TC_SAME_SITE_NONE, TC_SAME_SITE_LAX, TC_SAME_SITE_STRICT };
enum {
    TC_COOKIE_ATTRIBUTE = 1024,           /* longer ones are ignored */
    TC_COOKIE_LIFE_S = 400 * 24 * 60 * 60 /* nothing lasts longer */
};

typedef struct tc_set_cookie {
    tc_span name, value;
    tc_span domain;    /* a dot before it left out; empty: only the host that says it */
    tc_span path;      /* begins with "/"; empty: none was said */
    bool lasts;        /* longer than the session, as told by ... */
    int64_t max_age_s; /* ... this, from now; 0 and less: it is to be removed */
    bool secure, http_only;
    enum tc_same_site same_site;
} tc_set_cookie;

/* The value of one Set-Cookie field, borrowed. Expires counts from now_unix, where there is no
 * Max-Age. Neither domain, length nor prefix are judged. False: it says nothing (control bytes,
 * neither name nor value). */
bool tc_set_cookie_parse(tc_span text, int64_t now_unix, tc_set_cookie *ret_cookie);
/* Adds it as the value of a field. TC_ERR_FIELD_INVALID, and nothing added: the name is no token,
 * the value has bytes that a cookie cannot (blanks, quotes, commas, semicolons, backslashes,
 * controls, none of ASCII), domain or path could be taken for more, or the name's prefix promises
 * what is not so. */
tc_err tc_set_cookie_write(const tc_set_cookie *cookie, tc_buf *out) TC_MUST_USE;

enum tc_cookie_prefix { TC_COOKIE_PLAIN, TC_COOKIE_SECURE, TC_COOKIE_HOST };
/* "__Secure-", "__Host-", whatever the case of their letters (4.1.3). */
enum tc_cookie_prefix tc_cookie_prefix(tc_span name);
/* What a name's prefix asks for holds: Secure; for __Host- no domain and the path "/", too. */
bool tc_cookie_keeps_prefix(const tc_set_cookie *cookie);

/* A date as cookies have it (5.1.1): any order, nearly any form. False: it is none. */
bool tc_cookie_date(tc_span text, int64_t *ret_unix);
