/* jar.c - see jar.h. What is in a jar, and what has to leave it. */
// SPDX-License-Identifier: MIT
#include "client/jar.h"

#include "base/alloc.h"

void tc_jar_init(tc_jar *jar, const tc_limits *limits, tc_reached *reached)
{
    *jar = (tc_jar){.limits = limits, .reached = reached};
    tc_suffixes_init(&jar->suffixes);
}

void tc_jar_fini(tc_jar *jar)
{
    while (jar->list) {
        tc_cookie *gone = jar->list;
        jar->list = gone->next;
        tc_free(gone);
    }
    jar->count = 0;
    tc_suffixes_fini(&jar->suffixes);
}

static bool is_over(const tc_cookie *c, int64_t now_s)
{
    return c->lasts && c->until_s <= now_s;
}

static bool is_same(const tc_cookie *a, const tc_cookie *b)
{
    return a->host_only == b->host_only && tc_span_eq(a->name, b->name) &&
           tc_span_eq(a->domain, b->domain) && tc_span_eq(a->path, b->path);
}

static tc_cookie **find(tc_jar *jar, const tc_cookie *like)
{
    tc_cookie **at = &jar->list;
    while (*at && !is_same(*at, like))
        at = &(*at)->next;
    return at;
}

static void drop(tc_jar *jar, tc_cookie **at)
{
    tc_cookie *gone = *at;
    *at = gone->next;
    if (!gone->gone) jar->count--;
    tc_free(gone);
}

/* It is no more; where others may have it, that is kept in mind. */
static void forget(tc_jar *jar, tc_cookie **at, int64_t now_s)
{
    tc_cookie *c = *at;
    jar->changed = true;
    if (!c->was_read) {
        drop(jar, at);
        return;
    }
    if (!c->gone) jar->count--;
    c->gone = c->news = true;
    c->set_s = now_s;
}

/* --- room ---------------------------------------------------------------------------------- */

/* Who has to leave first: those whose time is over, those that clear text may have set, those that
 * were not used for longest (RFC 6265bis, 5.7). */
static bool leaves_before(const tc_cookie *a, const tc_cookie *b, int64_t now_s)
{
    if (is_over(a, now_s) != is_over(b, now_s)) return is_over(a, now_s);
    if (a->secure != b->secure) return b->secure;
    if (a->used_s != b->used_s) return a->used_s < b->used_s;
    return a->set_s < b->set_s;
}

/* Of a site, or (NULL) of all; never the newest, which stands first. Of equals the older one goes.
 */
static void make_room(tc_jar *jar, const tc_span *site, uint64_t most, uint64_t *reached,
                      int64_t now_s)
{
    for (;;) {
        uint64_t count = 0;
        tc_cookie **worst = NULL;
        for (tc_cookie **at = &jar->list; *at; at = &(*at)->next) {
            if ((*at)->gone || (site && !tc_span_eq((*at)->site, *site))) continue;
            count++;
            if (at != &jar->list && (!worst || !leaves_before(*worst, *at, now_s))) worst = at;
        }
        if (count <= most || !worst) return;
        if (!is_over(*worst, now_s)) ++*reached;
        forget(jar, worst, now_s);
    }
}

/* --- in and out ---------------------------------------------------------------------------- */

static tc_span copy(char **at, tc_span from)
{
    const tc_span to = {*at, from.len};
    if (from.len) memcpy(*at, from.at, from.len);
    *at += from.len;
    return to;
}

static tc_cookie *copy_of(const tc_jar *jar, const tc_cookie *made)
{
    tc_cookie *c =
        tc_alloc(sizeof *c + made->name.len + made->value.len + made->domain.len + made->path.len);
    if (!c) return NULL;
    char *at = (char *)(c + 1);
    *c = *made;
    c->name = copy(&at, made->name);
    c->value = copy(&at, made->value);
    c->domain = copy(&at, made->domain);
    c->path = copy(&at, made->path);
    c->site = tc_suffix_site(&jar->suffixes, c->domain);
    return c;
}

tc_err tc_jar_put(tc_jar *jar, const tc_cookie *made, int64_t now_s)
{
    tc_cookie **old = find(jar, made);
    if (is_over(made, now_s)) { /* so a server removes it */
        if (*old && !(*old)->gone) forget(jar, old, now_s);
        return TC_OK;
    }
    tc_cookie *c = copy_of(jar, made);
    if (!c) return TC_ERR_NO_MEMORY;
    if (*old) {
        c->was_read |= (*old)->was_read;
        if (!(*old)->gone) c->created_s = (*old)->created_s;
        drop(jar, old);
    }
    c->next = jar->list;
    jar->list = c;
    jar->count++;
    jar->changed |= c->news;
    make_room(jar, &c->site, jar->limits->cookies_site, &jar->reached->cookies_site, now_s);
    if (jar->count > jar->limits->cookies)
        make_room(jar, NULL, jar->limits->cookies, &jar->reached->cookies, now_s);
    return TC_OK;
}

const tc_cookie *tc_jar_next(const tc_jar *jar, const tc_cookie *after, int64_t now_s)
{
    const tc_cookie *c = after ? after->next : jar->list;
    while (c && (c->gone || is_over(c, now_s)))
        c = c->next;
    return c;
}

uint64_t tc_jar_remove(tc_jar *jar, tc_span domain, tc_span name, bool sessions, int64_t now_s)
{
    uint64_t count = 0;
    for (tc_cookie **at = &jar->list; *at;) {
        tc_cookie *c = *at;
        const bool chosen = !c->gone && (!domain.len || tc_span_ieq(c->domain, domain)) &&
                            (!name.len || tc_span_eq(c->name, name)) && (!sessions || !c->lasts);
        if (chosen) forget(jar, at, now_s);
        count += chosen;
        if (*at == c) at = &c->next;
    }
    return count;
}

/* What was set later counts, whoever set it. */
tc_err tc_jar_merge(const tc_jar *jar, tc_jar *others, int64_t now_s)
{
    for (const tc_cookie *c = jar->list; c; c = c->next) {
        tc_cookie **theirs = find(others, c);
        tc_err err = TC_OK;
        if (*theirs && (*theirs)->used_s < c->used_s) (*theirs)->used_s = c->used_s;
        if (!c->news || (*theirs && (*theirs)->set_s > c->set_s)) continue;
        if (!c->gone)
            err = tc_jar_put(others, c, now_s);
        else if (*theirs)
            forget(others, theirs, now_s);
        if (err) return err;
    }
    return TC_OK;
}
