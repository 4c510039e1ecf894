/* resolve.c - see resolve.h. */
// SPDX-License-Identifier: MIT
#include "net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "base/ascii.h"
#include "net/errand.h"

enum { NAME_MAX_BYTES = 255 };

struct tc_resolve_job {
    tc_errand errand; /* first */
    tc_resolve *resolve;
    tc_lookup *lookup;
    enum tc_family family;
    const char *sentence;
    tc_addresses addresses;
    char host[NAME_MAX_BYTES + 1];
};

static const int families[TC_FAMILIES] = {[TC_V6] = AF_INET6, [TC_V4] = AF_INET};

static void add_all(const struct addrinfo *list, tc_addresses *to)
{
    for (; list && to->count < TC_ADDRESSES; list = list->ai_next)
        if (list->ai_addrlen <= sizeof to->at[0])
            memcpy(&to->at[to->count++], list->ai_addr, list->ai_addrlen);
}

const char *tc_lookup_system(const char *host, enum tc_family family, tc_addresses *ret)
{
    const struct addrinfo hints = {.ai_family = families[family], .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int failed = getaddrinfo(host, NULL, &hints, &list);
    if (failed) return gai_strerror(failed);
    add_all(list, ret);
    freeaddrinfo(list);
    return ret->count ? NULL : "it has no address of this family";
}

static bool is_localhost(tc_span host)
{
    const tc_span local = TC_SPAN("localhost");
    if (tc_span_ends(host, TC_SPAN("."))) host.len--;
    if (host.len < local.len) return false;
    const size_t before = host.len - local.len;
    return tc_span_ieq(tc_span_from(host, before), local) &&
           (before == 0 || host.at[before - 1] == '.');
}

bool tc_resolve_literal(tc_span host, tc_addresses ret[TC_FAMILIES])
{
    char text[NAME_MAX_BYTES + 1];
    if (host.len == 0 || host.len >= sizeof text || tc_span_find(host, 0) < host.len) return false;
    memset(ret, 0, TC_FAMILIES * sizeof *ret);
    if (is_localhost(host)) {
        ret[TC_V6].at[0].v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        ret[TC_V4].at[0].v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        ret[TC_V6].count = ret[TC_V4].count = 1;
        return true;
    }
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(text, NULL, &hints, &list)) return false;
    add_all(list, &ret[list->ai_family == AF_INET6 ? TC_V6 : TC_V4]);
    freeaddrinfo(list);
    return true;
}

static void run(tc_errand *e)
{
    struct tc_resolve_job *job = (struct tc_resolve_job *)e;
    job->sentence = job->lookup(job->host, job->family, &job->addresses);
}

static void done(tc_errand *e)
{
    struct tc_resolve_job *job = (struct tc_resolve_job *)e;
    tc_resolve *r = job->resolve;
    r->jobs[job->family] = NULL;
    r->found(r, job->family, &job->addresses, job->sentence);
}

static tc_err begin_one(tc_resolve *r, tc_loop *loop, tc_span host, enum tc_family family)
{
    struct tc_resolve_job *job = tc_errand_new(sizeof *job);
    if (!job) return TC_ERR_NO_MEMORY;
    job->errand.run = run;
    job->errand.done = done;
    job->resolve = r;
    job->lookup = r->lookup ? r->lookup : tc_lookup_system;
    job->family = family;
    memcpy(job->host, host.at, host.len);
    const tc_err err = tc_errand_begin(&job->errand, loop);
    if (!err) r->jobs[family] = job;
    return err;
}

tc_err tc_resolve_begin(tc_resolve *r, tc_loop *loop, tc_span host)
{
    r->jobs[TC_V6] = r->jobs[TC_V4] = NULL;
    if (host.len == 0 || host.len > NAME_MAX_BYTES || tc_span_find(host, 0) < host.len)
        return TC_ERR_RESOLVE;
    tc_err err = begin_one(r, loop, host, TC_V6);
    if (!err) err = begin_one(r, loop, host, TC_V4);
    if (err) tc_resolve_cancel(r);
    return err;
}

void tc_resolve_cancel(tc_resolve *r)
{
    for (int family = 0; family < TC_FAMILIES; family++) {
        struct tc_resolve_job *job = r->jobs[family];
        r->jobs[family] = NULL;
        if (job) tc_errand_cancel(&job->errand);
    }
}
