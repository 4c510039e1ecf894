/* jar.h - cookies that servers set, and which of them go with a request (RFC 6265bis, 5.7 and 5.8).
 * What decides are the rows of tables/cookie.def, which one loop for each kind walks.
 *
 * A session's cookies stay until they are removed: a tool has no window whose closing would end a
 * session. Hosts are compared as they are written: "h." is another host than "h". */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/limits.h"
#include "client/suffix.h"
#include "http/cookie.h"
#include "http/target.h"

typedef struct tc_cookie {
    struct tc_cookie *next;
    tc_span name, value, domain, path; /* behind this struct */
    tc_span site;                      /* the end of domain that its site is known by */
    bool host_only;                    /* for exactly that domain */
    bool secure, http_only, lasts;
    enum tc_same_site same_site;
    int64_t created_s, set_s, used_s; /* wall clock; used_s by the day */
    int64_t until_s;                  /* if it lasts */
    bool news;                        /* it is not as it was read */
    bool gone;                        /* removed, which others must be told */
    bool was_read;                    /* others may have it */
} tc_cookie;

typedef struct tc_jar {
    tc_cookie *list;
    uint64_t count; /* without those that are gone */
    const tc_limits *limits;
    tc_reached *reached;
    tc_suffixes suffixes;
    bool changed;
    /* What is not kept, and why; may be NULL. */
    void (*refused)(void *self, tc_span name, const char *why);
    void *self;
} tc_jar;

void tc_jar_init(tc_jar *jar, const tc_limits *limits, tc_reached *reached);
void tc_jar_fini(tc_jar *jar);

/* --- with servers --- */

/* What one value of Set-Cookie from that URL does. False: it is not kept, and refused was told. */
bool tc_jar_take(tc_jar *jar, const tc_url *from, tc_span set_cookie, int64_t now_s);
/* All Set-Cookie fields of a response. */
void tc_jar_hear(tc_jar *jar, const tc_url *from, const tc_fields *fields, int64_t now_s);

typedef struct tc_jar_request {
    const tc_url *url;
    bool led_by_others; /* a redirect of another site led here */
    bool safe;          /* its method */
} tc_jar_request;

/* The value of the Cookie field for a request, in a; empty: none. What does not fit into
 * limits->cookies_sent stays behind, the least specific first. TC_ERR_NO_MEMORY. */
tc_err tc_jar_choose(tc_jar *jar, tc_arena *a, const tc_jar_request *request, int64_t now_s,
                     tc_span *ret_value) TC_MUST_USE;
/* Whether a redirect from one to the other stays within a site (scheme and registered name). */
bool tc_jar_same_site(const tc_jar *jar, const tc_url *a, const tc_url *b);

/* --- with people --- */

/* Walks those that are kept: start with NULL; NULL at the end. */
const tc_cookie *tc_jar_next(const tc_jar *jar, const tc_cookie *after, int64_t now_s);
/* Removes those of a domain and name (empty: all); sessions: only those that do not last. How many
 * there were. */
uint64_t tc_jar_remove(tc_jar *jar, tc_span domain, tc_span name, bool sessions, int64_t now_s);

/* --- as text --- */

extern const char tc_jar_head[]; /* its first line: what begins with another one is no jar */
/* jar_text.c: our own form, a line each. TC_ERR_JAR_FILE: it is something else, or damaged, in line
 * *ret_line. Nothing is no damage: an empty jar. */
tc_err tc_jar_read(tc_jar *jar, tc_span text, int64_t now_s, unsigned *ret_line) TC_MUST_USE;
tc_err tc_jar_write(const tc_jar *jar, int64_t now_s, tc_buf *out) TC_MUST_USE;
/* What is news in a jar is told to others, which were read meanwhile. */
tc_err tc_jar_merge(const tc_jar *jar, tc_jar *others, int64_t now_s) TC_MUST_USE;

/* jar_netscape.c: cookies.txt, as curl and browsers' add-ons have it. What is no cookie, or none
 * that could be kept, is left out; *ret_line is where the first of them stood, 0 if all went in.
 * How many did. */
uint64_t tc_jar_import(tc_jar *jar, tc_span text, int64_t now_s, unsigned *ret_line);
/* *ret_left: what that form cannot say (blanks of tables, no name). */
tc_err tc_jar_export(const tc_jar *jar, int64_t now_s, tc_buf *out, uint64_t *ret_left) TC_MUST_USE;

/* --- between these files --- */

/* Whether one that came as text may be kept: no control bytes, a domain that is one and not open to
 * all, a path, a prefix that holds. */
bool tc_jar_is_sound(const tc_jar *jar, const tc_cookie *cookie);

/* What a cookie is made of; it copies the texts. In the jar, in place of one with the same name,
 * domain and path, whose created_s it keeps. Others go where limits say so; site is found out.
 * TC_ERR_NO_MEMORY. */
tc_err tc_jar_put(tc_jar *jar, const tc_cookie *made, int64_t now_s) TC_MUST_USE;
