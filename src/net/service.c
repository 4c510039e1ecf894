/* service.c - see service.h. The C library asks and takes messages apart; parameters are read here.
 */
// SPDX-License-Identifier: MIT
#include "net/service.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>

#include "base/ascii.h"

enum {
    HTTPS_TYPE = 65,
    HTTPS_PORT = 443,
    ANSWER_BYTES = 16 * 1024,
    LONGEST_S = 24 * 60 * 60, /* of what is remembered */
    KEY_MANDATORY = 0,        /* RFC 9460, 14.3.2 */
    KEY_ALPN = 1,
    KEY_NO_DEFAULT_ALPN = 2,
    KEY_PORT = 3,
    KEY_IPV4HINT = 4,
    KEY_ECH = 5,
    KEY_IPV6HINT = 6
};

struct tc_service_job {
    tc_errand errand; /* first */
    tc_service_ask *ask;
    tc_service_lookup *lookup;
    tc_service service;
    uint16_t port;
    bool any;
    char host[TC_SERVICE_NAME];
};

/* --- one record ---------------------------------------------------------------------------- */

static bool take16(tc_span *from, uint16_t *ret)
{
    if (from->len < 2) return false;
    *ret = (uint16_t)((uint8_t)from->at[0] << 8 | (uint8_t)from->at[1]);
    (void)tc_span_take(from, 2);
    return true;
}

/* Names in these records are not compressed (2.2): labels with their lengths before them. */
static bool take_name(tc_span *from, char ret[TC_SERVICE_NAME])
{
    size_t at = 0;
    while (from->len) {
        const size_t label = (uint8_t)tc_span_take(from, 1).at[0];
        if (label == 0) {
            ret[at ? at - 1 : 0] = 0;
            return true;
        }
        if (label > 63 || label > from->len || at + label + 1 >= TC_SERVICE_NAME) return false;
        const tc_span text = tc_span_take(from, label);
        for (size_t i = 0; i < label; i++) {
            const char c = text.at[i];
            if (c <= ' ' || c >= 0x7f || c == '.') return false; /* no name of a host */
            ret[at++] = c;
        }
        ret[at++] = '.';
    }
    return false;
}

static bool read_alpn(tc_span value, bool *ret_h3)
{
    if (!value.len) return false;
    while (value.len) {
        const size_t len = (uint8_t)tc_span_take(&value, 1).at[0];
        if (len == 0 || len > value.len) return false;
        *ret_h3 |= tc_span_eq(tc_span_take(&value, len), TC_SPAN("h3"));
    }
    return true;
}

/* Whether all that must be understood is. Keys rise, each once, and "mandatory" is none (8). */
static bool read_mandatory(tc_span value, unsigned *ret_keys)
{
    uint16_t key;
    int last = KEY_MANDATORY;
    if (!value.len) return false;
    while (value.len) {
        if (!take16(&value, &key) || key <= last) return false;
        if (key != KEY_ALPN && key != KEY_NO_DEFAULT_ALPN && key != KEY_PORT &&
            key != KEY_IPV4HINT && key != KEY_IPV6HINT)
            return false;
        last = key;
        *ret_keys |= 1u << key;
    }
    return true;
}

static bool read_parameter(uint16_t key, tc_span value, tc_service *s, unsigned *mandatory)
{
    switch (key) {
    case KEY_MANDATORY: return read_mandatory(value, mandatory);
    case KEY_ALPN: return read_alpn(value, &s->h3);
    case KEY_PORT: return take16(&value, &s->port) && !value.len && s->port;
    default: return true; /* addresses come from the target's own records */
    }
}

/* false: malformed, or not for us. */
static bool read_record(tc_span data, uint16_t *ret_priority, tc_service *s)
{
    uint16_t key, len;
    unsigned mandatory = 0, there = 0;
    int last = -1;
    if (!take16(&data, ret_priority) || !take_name(&data, s->target)) return false;
    if (*ret_priority == 0) return true; /* an alias has no parameters that count (2.4.2) */
    while (data.len) {
        if (!take16(&data, &key) || key <= last || !take16(&data, &len) || len > data.len ||
            !read_parameter(key, tc_span_take(&data, len), s, &mandatory))
            return false;
        last = key;
        if (key <= KEY_IPV6HINT) there |= 1u << key;
    }
    return (mandatory & ~there) == 0;
}

/* --- a message ----------------------------------------------------------------------------- */

enum tc_service_news tc_service_read(tc_span message, uint16_t port, tc_service *ret_service)
{
    ns_msg m;
    ns_rr rr;
    enum tc_service_news news = TC_SERVICE_NONE;
    uint16_t best = UINT16_MAX;
    if (message.len > ANSWER_BYTES ||
        ns_initparse((const unsigned char *)message.at, (int)message.len, &m))
        return TC_SERVICE_NONE;
    for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
        if (ns_parserr(&m, ns_s_an, i, &rr)) return TC_SERVICE_NONE; /* malformed as a whole */
        if (ns_rr_type(rr) != (ns_type)HTTPS_TYPE || ns_rr_class(rr) != ns_c_in) continue;
        uint16_t priority;
        tc_service s = {.port = port};
        if (!read_record(tc_span_of((const char *)ns_rr_rdata(rr), ns_rr_rdlen(rr)), &priority, &s))
            continue;
        if (news != TC_SERVICE_NONE && priority >= best) continue;
        if (priority == 0 && !s.target[0]) continue; /* there is no such service (2.5.1) */
        if (!s.target[0])                            /* "." means the record's own name (2.5.2) */
            (void)snprintf(s.target, sizeof s.target, "%.*s", TC_SERVICE_NAME - 1, ns_rr_name(rr));
        s.fresh_s = ns_rr_ttl(rr) < LONGEST_S ? ns_rr_ttl(rr) : LONGEST_S;
        best = priority;
        news = priority ? TC_SERVICE_FOUND : TC_SERVICE_ALIASED;
        *ret_service = s;
    }
    return news;
}

bool tc_service_question(tc_span host, uint16_t port, char ret_name[TC_SERVICE_NAME])
{
    const int n = port == HTTPS_PORT
                      ? snprintf(ret_name, TC_SERVICE_NAME, "%.*s", TC_FMT(host))
                      : snprintf(ret_name, TC_SERVICE_NAME, "_%u._https.%.*s", port, TC_FMT(host));
    return n > 0 && n < TC_SERVICE_NAME;
}

/* --- asking -------------------------------------------------------------------------------- */

bool tc_service_lookup_system(const char *host, uint16_t port, tc_service *ret_service)
{
    struct __res_state state = {0};
    unsigned char answer[ANSWER_BYTES];
    char name[TC_SERVICE_NAME];
    enum tc_service_news news = TC_SERVICE_ALIASED;
    *ret_service = (tc_service){0};
    (void)snprintf(ret_service->target, sizeof ret_service->target, "%s", host);
    if (res_ninit(&state)) return false;
    for (int i = 0; i < TC_SERVICE_ALIASES && news == TC_SERVICE_ALIASED; i++) {
        const tc_span target = tc_span_str(ret_service->target);
        news = TC_SERVICE_NONE;
        /* What an alias leads to is asked for by its plain name (9.1). */
        if (!tc_service_question(target, i ? HTTPS_PORT : port, name)) break;
        const int n = res_nquery(&state, name, ns_c_in, HTTPS_TYPE, answer, sizeof answer);
        if (n <= 0) break;
        const size_t len = (size_t)n < sizeof answer ? (size_t)n : sizeof answer;
        news = tc_service_read(tc_span_of((const char *)answer, len), port, ret_service);
    }
    res_nclose(&state);
    return news == TC_SERVICE_FOUND;
}

static void run(tc_errand *e)
{
    struct tc_service_job *job = (struct tc_service_job *)e;
    job->any = job->lookup(job->host, job->port, &job->service);
}

static void done(tc_errand *e)
{
    struct tc_service_job *job = (struct tc_service_job *)e;
    tc_service_ask *a = job->ask;
    a->job = NULL;
    a->found(a, job->any ? &job->service : NULL);
}

bool tc_service_begin(tc_service_ask *a, tc_loop *loop, tc_span host, uint16_t port)
{
    char name[TC_SERVICE_NAME];
    a->job = NULL;
    if (tc_span_find(host, '.') == host.len || tc_span_find(host, 0) < host.len ||
        !tc_service_question(host, port, name))
        return false;
    struct tc_service_job *job = tc_errand_new(sizeof *job);
    if (!job) return false;
    job->errand.run = run;
    job->errand.done = done;
    job->ask = a;
    job->lookup = a->lookup;
    job->port = port;
    memcpy(job->host, host.at, host.len);
    if (tc_errand_begin(&job->errand, loop)) return false;
    a->job = job;
    return true;
}

void tc_service_cancel(tc_service_ask *a)
{
    struct tc_service_job *job = a->job;
    a->job = NULL;
    if (job) tc_errand_cancel(&job->errand);
}
