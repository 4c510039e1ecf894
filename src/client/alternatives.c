/* alternatives.c - see alternatives.h. */
// SPDX-License-Identifier: MIT
#include "client/alternatives.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/alt_svc.h"

enum { LONGEST_S = 366 * 24 * 60 * 60 };

tc_err tc_alternatives_init(tc_alternatives *a, uint64_t most, uint64_t *reached)
{
    *a = (tc_alternatives){.most = most, .reached = reached};
    a->list = tc_alloc_zero((size_t)(most + 1) * sizeof *a->list);
    return a->list ? TC_OK : TC_ERR_NO_MEMORY;
}

void tc_alternatives_fini(tc_alternatives *a)
{
    tc_free(a->list);
    *a = (tc_alternatives){0};
}

static tc_alternative *find(const tc_alternatives *a, tc_span host, uint16_t port)
{
    for (uint64_t i = 0; i < a->count; i++)
        if (a->list[i].port == port && tc_span_eq(tc_span_str(a->list[i].host), host))
            return &a->list[i];
    return NULL;
}

static void drop(tc_alternatives *a, tc_alternative *one)
{
    const size_t behind = (size_t)(a->list + a->count - (one + 1));
    memmove(one, one + 1, behind * sizeof *one);
    a->count--;
    a->changed = true;
}

/* A name that can stand in a line. */
static bool keep(char into[TC_ALTERNATIVE_HOST], tc_span name)
{
    if (!name.len || name.len >= TC_ALTERNATIVE_HOST) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] == 0x7f) return false;
    memcpy(into, name.at, name.len);
    into[name.len] = 0;
    return true;
}

static void add(tc_alternatives *a, const tc_alternative *one)
{
    a->list[a->count++] = *one;
    a->changed = true;
    if (a->count <= a->most) return;
    ++*a->reached;
    drop(a, a->list);
}

/* "[::1]" stands in URLs and fields, not where names are looked up. */
static tc_span bare(tc_span host)
{
    const bool brackets = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    return brackets ? tc_span_of(host.at + 1, host.len - 2) : host;
}

static void forget(tc_alternatives *a, tc_alternative *one)
{
    if (!one || !one->until_s) return;
    one->until_s = 0;
    one->news = a->changed = true;
}

void tc_alternatives_hear(tc_alternatives *a, tc_span host, uint16_t port, const tc_fields *fields,
                          int64_t now_s)
{
    tc_alt_svc s;
    tc_alternative *before = find(a, host, port);
    const enum tc_alt_svc_news news = tc_alt_svc_read(fields, &s);
    if (news == TC_ALT_SVC_SILENT) return;
    if (news == TC_ALT_SVC_NONE) {
        forget(a, before);
        return;
    }
    const int64_t fresh = s.fresh_s < LONGEST_S ? (int64_t)s.fresh_s : LONGEST_S;
    tc_alternative made = {.port = port, .at_port = s.port, .until_s = now_s + fresh, .news = true};
    if (!keep(made.host, host) || !keep(made.at, s.host.len ? bare(s.host) : host)) return;
    if (before) {
        const bool same = before->at_port == made.at_port &&
                          tc_span_eq(tc_span_str(before->at), tc_span_str(made.at));
        if (same && made.until_s >= before->until_s && made.until_s - before->until_s < fresh / 8)
            return; /* not worth writing it down */
        if (same) made.broken_s = before->broken_s;
        drop(a, before);
    }
    add(a, &made);
}

void tc_alternatives_hear_record(tc_alternatives *a, tc_span host, uint16_t port,
                                 const tc_service *service, int64_t now_s)
{
    tc_alternative made = {.port = port, .at_port = service->port, .record = true};
    if (!service->h3 || tc_alternatives_know(a, host, port, now_s)) return;
    if (!keep(made.host, host) || !keep(made.at, tc_span_str(service->target))) return;
    made.until_s = now_s + service->fresh_s + 1; /* even what may not be kept is for this time */
    tc_alternative *before = find(a, host, port);
    if (before) drop(a, before);
    add(a, &made);
}

bool tc_alternatives_know(const tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s)
{
    const tc_alternative *one = find(a, host, port);
    return one && one->until_s > now_s;
}

const tc_alternative *tc_alternatives_find(const tc_alternatives *a, tc_span host, uint16_t port,
                                           int64_t now_s)
{
    const tc_alternative *one = find(a, host, port);
    return one && one->until_s > now_s && one->broken_s <= now_s ? one : NULL;
}

void tc_alternatives_break(tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s)
{
    tc_alternative *one = find(a, host, port);
    if (!one) return;
    one->broken_s = now_s + TC_ALTERNATIVE_BROKEN_S;
    one->news = a->changed = true;
}

void tc_alternatives_forget(tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s)
{
    tc_alternative *one = find(a, host, port);
    if (one && one->record)
        tc_alternatives_break(a, host, port, now_s);
    else
        forget(a, one);
}

void tc_alternatives_name(const tc_alternative *one, char ret[TC_ALTERNATIVE_USED])
{
    const bool v6 = memchr(one->at, ':', strlen(one->at)) != NULL;
    int n = snprintf(ret, TC_ALTERNATIVE_USED, v6 ? "[%s]" : "%s", one->at);
    if (one->at_port != 443 && n > 0 && n < TC_ALTERNATIVE_USED)
        (void)snprintf(ret + n, TC_ALTERNATIVE_USED - (size_t)n, ":%u", one->at_port);
}

void tc_alternatives_merge(const tc_alternatives *a, tc_alternatives *others)
{
    for (uint64_t i = 0; i < a->count; i++) {
        if (!a->list[i].news || a->list[i].record) continue;
        tc_alternative *before = find(others, tc_span_str(a->list[i].host), a->list[i].port);
        if (before) drop(others, before);
        if (a->list[i].until_s) add(others, &a->list[i]);
    }
}

/* --- as text ------------------------------------------------------------------------------- */

static tc_span word(tc_span *line)
{
    const tc_span w = tc_span_take(line, tc_span_find(*line, ' '));
    if (line->len) (void)tc_span_take(line, 1);
    return w;
}

static bool number(tc_span *line, uint64_t most, uint64_t *ret)
{
    return tc_span_number(word(line), ret) && *ret <= most;
}

void tc_alternatives_read(tc_alternatives *a, tc_span text, int64_t now_s)
{
    while (text.len) {
        tc_span line = tc_span_take(&text, tc_span_find(text, '\n'));
        if (text.len) (void)tc_span_take(&text, 1);
        tc_alternative one = {0};
        uint64_t port, at_port, until, broken;
        const bool good = keep(one.host, word(&line)) && number(&line, UINT16_MAX, &port) &&
                          keep(one.at, word(&line)) && number(&line, UINT16_MAX, &at_port) &&
                          number(&line, INT64_MAX, &until) && number(&line, INT64_MAX, &broken) &&
                          !line.len;
        if (!good || (int64_t)until <= now_s || (int64_t)until > now_s + LONGEST_S) continue;
        one.port = (uint16_t)port;
        one.at_port = (uint16_t)at_port;
        one.until_s = (int64_t)until;
        one.broken_s = (int64_t)broken > now_s + TC_ALTERNATIVE_BROKEN_S ? 0 : (int64_t)broken;
        if (!find(a, tc_span_str(one.host), one.port)) add(a, &one);
    }
    a->changed = false;
}

tc_err tc_alternatives_write(const tc_alternatives *a, tc_buf *out)
{
    tc_err err = TC_OK;
    for (uint64_t i = 0; i < a->count && !err; i++) {
        const tc_alternative *one = &a->list[i];
        if (one->record || !one->until_s) continue; /* the DNS is asked again */
        err = tc_buf_printf(out, "%s %u %s %u %lld %lld\n", one->host, one->port, one->at,
                            one->at_port, (long long)one->until_s, (long long)one->broken_s);
    }
    return err;
}
