/* target.h - request targets and URLs (RFC 9112, 3.2; RFC 3986; RFC 9110, 4.2). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "http/method.h"

/* A target taken apart. Spans point into the text; missing parts are empty. */
typedef struct tc_target {
    enum tc_target_form {
        TC_ORIGIN_FORM,
        TC_ABSOLUTE_FORM,
        TC_AUTHORITY_FORM,
        TC_ASTERISK_FORM
    } form;
    tc_span scheme;    /* absolute form */
    tc_span authority; /* absolute and authority form; without user information */
    tc_span path;      /* path and query: origin and absolute form ("/" where it is empty); "*" */
} tc_target;

/* The target of a request line, for that method: CONNECT takes the authority form and nothing
 * else, the asterisk is for OPTIONS. The authority form has a port other than 0 (RFC 9110, 9.3.6).
 * Strict characters; a fragment, user information in an http authority, "%" without two hex digits
 * and "%00" are TC_ERR_TARGET. */
tc_err tc_target_parse(enum tc_method method, tc_span text, tc_target *ret_target) TC_MUST_USE;

/* host[:port], as in Host: reg-name, IPv4 or [IPv6]; the host may not be empty. TC_ERR_HOST. */
tc_err tc_authority_check(tc_span authority) TC_MUST_USE;
/* Splits a checked authority; *ret_port is default_port where none (or an empty one) is given.
 * An IPv6 host comes without its brackets. */
tc_err tc_authority_split(tc_span authority, uint16_t default_port, tc_span *ret_host,
                          uint16_t *ret_port) TC_MUST_USE;

/* The path of a target, decoded and made plain (RFC 3986, 5.2.4 and 6.2.2): percent-decoding, dot
 * segments, empty segments merged. Always begins with "/". A path that climbs above the root, or
 * decodes to NUL, a control byte, a backslash or an encoded slash (%2F), is TC_ERR_TARGET.
 * *ret_query: after the first "?", as sent. A plain path is returned without copying. */
tc_err tc_target_normal_path(tc_arena *a, tc_span path, tc_span *ret_path,
                             tc_span *ret_query) TC_MUST_USE;

/* A URL as a person gives it, taken apart: "http://host:port/path?q", "host/path" (http),
 * ":8080/x" and "/x" (localhost), "[::1]:80". Characters that may not stand in a URL are
 * percent-encoded, the fragment is dropped, scheme and host are lowered. User information is
 * TC_ERR_URL_USER (it belongs in a field), a port that is none TC_ERR_URL_PORT, a scheme other than
 * http or https TC_ERR_SCHEME, anything else TC_ERR_URL_SYNTAX. */
typedef struct tc_url {
    tc_span scheme;    /* "http", "https" */
    tc_span host;      /* lower case; IPv6 without brackets; zone kept */
    uint16_t port;     /* default filled in */
    tc_span authority; /* for Host: the port only where it is not the scheme's default */
    tc_span path;      /* path and query, never empty; dot segments removed */
} tc_url;

tc_err tc_url_parse(tc_arena *a, tc_span text, tc_url *ret_url) TC_MUST_USE;
/* A reference (a Location) against a base (RFC 3986, 5). */
tc_err tc_url_resolve(tc_arena *a, const tc_url *base, tc_span reference,
                      tc_url *ret_url) TC_MUST_USE;
/* http://h/x and http://h:80/y are of one origin, http://h:8080/x is not (RFC 9110, 4.3.1). */
bool tc_url_same_origin(const tc_url *a, const tc_url *b);
tc_span tc_url_text(tc_arena *a, const tc_url *url); /* the whole, normalised */
