/* metrics_text.c - the counts as Prometheus reads them: a family is its HELP, its TYPE and its
 * samples, together. Series of which nothing was counted are left out where there may be many. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/hash.h"
#include "observe/metrics_inside.h"

typedef struct page {
    tc_buf *to;
    tc_err err;
} page;

__attribute__((format(printf, 2, 3))) static void put(page *p, const char *format, ...)
{
    char room[512];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(room, sizeof room, format, args);
    va_end(args);
    if (!p->err && (n < 0 || (size_t)n >= sizeof room)) p->err = TC_ERR_FULL;
    if (!p->err) p->err = tc_buf_add(p->to, tc_span_of(room, (size_t)n));
}

static void family(page *p, const char *name, const char *type, const char *help)
{
    put(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(page *p, const char *name, const char *labels, uint64_t value)
{
    put(p, "%s%s %llu\n", name, labels, (unsigned long long)value);
}

static const char *const ways[TC_WAYS] = {"tcp", "tls", "quic"};
static const char *const versions[TC_METRICS_VERSIONS] = {"none", "0.9", "1.0", "1.1", "2", "3"};
static const char *const methods[TC_METRICS_METHODS] = {
    "other", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

static const unsigned statuses[TC_METRICS_STATUSES] = {
    0,
#define TC_STATUS(code, reason) code,
#include "status.def"
#undef TC_STATUS
};

static const char *const errors[TC_METRICS_ERRORS] = {
    "other",
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) #name,
#include "err.def"
#undef TC_ERR
};

/* --- connections --------------------------------------------------------------------------- */

static void write_failures(page *p, const char *name, const char *help,
                           const uint64_t failures[TC_METRICS_ERRORS])
{
    family(p, name, "counter", help);
    for (size_t i = 0; i < TC_METRICS_ERRORS; i++)
        if (failures[i])
            put(p, "%s{reason=\"%s\"} %llu\n", name, errors[i], (unsigned long long)failures[i]);
}

static void write_connections(page *p, const tc_metrics *m, const tc_metrics *living)
{
    family(p, "tercet_connections_total", "counter", "Connections taken.");
    for (size_t i = 0; i < TC_WAYS; i++)
        put(p, "tercet_connections_total{transport=\"%s\"} %llu\n", ways[i],
            (unsigned long long)m->connections[i]);
    family(p, "tercet_connections_open", "gauge", "Connections that are open now.");
    for (size_t i = 0; i < TC_WAYS; i++)
        put(p, "tercet_connections_open{transport=\"%s\"} %llu\n", ways[i],
            (unsigned long long)(living->connections[i] - living->closed[i]));
    family(p, "tercet_connections_version_total", "counter",
           "Connections by the version that was chosen; 1.1 stands for 1.0, too.");
    for (size_t i = 0; i < TC_METRICS_VERSIONS; i++)
        if (m->spoken[i])
            put(p, "tercet_connections_version_total{version=\"%s\"} %llu\n", versions[i],
                (unsigned long long)m->spoken[i]);
    write_failures(p, "tercet_connection_failures_total",
                   "Connections that did not end well, by the reason.", m->connection_failures);
    family(p, "tercet_handshakes_total", "counter", "TLS and QUIC handshakes that succeeded.");
    number(p, "tercet_handshakes_total", "{resumed=\"no\"}", m->handshakes - m->resumed);
    number(p, "tercet_handshakes_total", "{resumed=\"yes\"}", m->resumed);
    write_failures(p, "tercet_handshake_failures_total",
                   "Handshakes that did not succeed, by the reason.", m->handshake_failures);
    family(p, "tercet_received_bytes_total", "counter", "Bytes read, without TLS and QUIC.");
    number(p, "tercet_received_bytes_total", "", m->bytes_in);
    family(p, "tercet_sent_bytes_total", "counter", "Bytes written, without TLS and QUIC.");
    number(p, "tercet_sent_bytes_total", "", m->bytes_out);
}

/* --- exchanges ----------------------------------------------------------------------------- */

static void write_statuses(page *p, size_t version, size_t method, const uint64_t *counts)
{
    for (size_t s = 0; s < TC_METRICS_STATUSES; s++) {
        if (!counts[s]) continue;
        put(p, "tercet_exchanges_total{version=\"%s\",method=\"%s\",", versions[version],
            methods[method]);
        if (statuses[s])
            put(p, "status=\"%u\",class=\"%uxx\"", statuses[s], statuses[s] / 100);
        else
            put(p, "status=\"none\",class=\"none\"");
        number(p, "}", "", counts[s]);
    }
}

static uint64_t count_open(const tc_metrics *m)
{
    uint64_t open = m->begun;
    for (size_t v = 0; v < TC_METRICS_VERSIONS; v++)
        for (size_t i = 0; i < TC_METRICS_METHODS; i++)
            for (size_t s = 0; s < TC_METRICS_STATUSES; s++)
                open -= m->exchanges[v][i][s];
    return open;
}

static void write_times(page *p, const char *name, const char *help,
                        const tc_metrics_times times[TC_METRICS_VERSIONS])
{
    family(p, name, "histogram", help);
    for (size_t v = 0; v < TC_METRICS_VERSIONS; v++) {
        const tc_metrics_times *t = &times[v];
        uint64_t all = 0, sum = 0;
        for (size_t i = 0; i <= TC_METRICS_BUCKETS; i++)
            all += t->buckets[i];
        if (!all) continue;
        for (size_t i = 0; i <= TC_METRICS_BUCKETS; i++) {
            sum += t->buckets[i];
            put(p, "%s_bucket{version=\"%s\",le=\"", name, versions[v]);
            if (i < TC_METRICS_BUCKETS)
                put(p, "%g", (double)tc_metrics_bounds[i] / 1e9);
            else
                put(p, "+Inf");
            number(p, "\"}", "", sum);
        }
        put(p, "%s_sum{version=\"%s\"} %.9f\n", name, versions[v], (double)t->ns / 1e9);
        put(p, "%s_count{version=\"%s\"} %llu\n", name, versions[v], (unsigned long long)all);
    }
}

static void write_exchanges(page *p, const tc_metrics *m, const tc_metrics *living)
{
    family(p, "tercet_exchanges_total", "counter",
           "Requests and their answers that are over; none: without an answer of a known status.");
    for (size_t v = 0; v < TC_METRICS_VERSIONS; v++)
        for (size_t i = 0; i < TC_METRICS_METHODS; i++)
            write_statuses(p, v, i, m->exchanges[v][i]);
    family(p, "tercet_exchanges_open", "gauge", "Requests that are being answered now.");
    number(p, "tercet_exchanges_open", "", count_open(living));
    write_failures(p, "tercet_exchange_failures_total",
                   "Exchanges that did not end well, by the reason.", m->exchange_failures);
    write_times(p, "tercet_first_byte_seconds",
                "From a request's first byte until the head of its answer was ready.", m->first);
    write_times(p, "tercet_exchange_seconds",
                "From a request's first byte until the last of its answer was handed over.",
                m->whole);
}

/* --- the rest ------------------------------------------------------------------------------ */

static void write_limits(page *p, const tc_metrics_facts *f)
{
    family(p, "tercet_limit_reached_total", "counter", "How often a limit was reached.");
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        put(p, "tercet_limit_reached_total{limit=\"%s\"} %llu\n", row->name,
            (unsigned long long)*(const uint64_t *)(const void *)((const char *)f->reached +
                                                                  row->offset));
    }
    family(p, "tercet_refused_total", "counter", "Who was turned away because of a setting.");
    for (size_t i = 0; i < tc_refusal_row_count; i++)
        put(p, "tercet_refused_total{reason=\"%s\"} %llu\n", tc_refusal_rows[i].name,
            (unsigned long long)*(const uint64_t *)(const void *)((const char *)f->reached +
                                                                  tc_refusal_rows[i].offset));
    family(p, "tercet_limit", "gauge", "What each limit is set to, in its unit.");
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        put(p, "tercet_limit{limit=\"%s\",unit=\"%s\"} %llu\n", row->name, row->unit,
            (unsigned long long)*(const uint64_t *)(const void *)((const char *)f->limits +
                                                                  row->offset));
    }
}

bool tc_metrics_fact_counts(const tc_metrics_fact *fact)
{
    return tc_span_ends(tc_span_str(fact->name), TC_SPAN("_total"));
}

tc_err tc_metrics_write(tc_buf *to, const tc_metrics *m, const tc_metrics_facts *facts)
{
    page p = {to, TC_OK};
    family(&p, "tercet_build_info", "gauge", "Which program this is; always 1.");
    put(&p, "tercet_build_info{version=\"%s\",quic=\"%s\"} 1\n", facts->version, facts->quic);
    for (size_t i = 0; i < facts->more_count; i++) {
        const tc_metrics_fact *more = &facts->more[i];
        if (more->value < 0) continue;
        family(&p, more->name, tc_metrics_fact_counts(more) ? "counter" : "gauge", more->help);
        put(&p, "%s %.15g\n", more->name, more->value);
    }
    const tc_metrics *living = facts->living ? facts->living : m;
    write_connections(&p, m, living);
    write_exchanges(&p, m, living);
    write_limits(&p, facts);
    return p.err;
}

/* --- layout -------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *bytes, size_t len)
{
    return tc_hash(&(tc_hash_key){h, len}, tc_span_of(bytes, len));
}

static uint64_t mix_names(uint64_t h, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        h = mix(h, names[i], strlen(names[i]));
    return h;
}

uint64_t tc_metrics_layout(void)
{
    const uint64_t places[] = {offsetof(tc_metrics, connections),
                               offsetof(tc_metrics, closed),
                               offsetof(tc_metrics, spoken),
                               offsetof(tc_metrics, handshakes),
                               offsetof(tc_metrics, resumed),
                               offsetof(tc_metrics, handshake_failures),
                               offsetof(tc_metrics, connection_failures),
                               offsetof(tc_metrics, bytes_in),
                               offsetof(tc_metrics, bytes_out),
                               offsetof(tc_metrics, begun),
                               offsetof(tc_metrics, exchanges),
                               offsetof(tc_metrics, exchange_failures),
                               offsetof(tc_metrics, first),
                               offsetof(tc_metrics, whole),
                               sizeof(tc_metrics)};
    uint64_t h = mix(0, places, sizeof places);
    h = mix(h, tc_metrics_bounds, sizeof tc_metrics_bounds);
    h = mix(h, statuses, sizeof statuses);
    h = mix_names(h, errors, TC_METRICS_ERRORS);
    h = mix_names(h, methods, TC_METRICS_METHODS);
    h = mix_names(h, versions, TC_METRICS_VERSIONS);
    return mix_names(h, ways, TC_WAYS);
}
