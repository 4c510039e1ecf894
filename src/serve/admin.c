/* admin.c - see admin.h. */
// SPDX-License-Identifier: MIT
#include "serve/admin.h"

#include <stdio.h>

#include "base/network.h"
#include "http/target.h"
#include "quic/quic.h"
#include "serve/serve_run.h"

bool tc_admin_is_loopback(tc_span url)
{
    tc_span host;
    uint16_t port;
    tc_ip ip, one;
    if (!tc_span_starts(url, TC_SPAN("http://"))) return false;
    tc_span authority = tc_span_from(url, sizeof "http://" - 1);
    authority = tc_span_first(authority, tc_span_find(authority, '/'));
    if (tc_authority_split(authority, 80, &host, &port) != TC_OK) return false;
    if (tc_span_starts(host, TC_SPAN("[")))
        host = tc_span_of(host.at + 1, host.len - 2); /* "[::1]" */
    if (!tc_ip_parse(host, &ip)) return tc_span_eq(host, TC_SPAN("localhost"));
    (void)tc_ip_parse(TC_SPAN("::1"), &one);
    return tc_ip_eq(&ip, &one) || (tc_ip_is_v4(&ip) && ip.at[12] == 127);
}

static size_t more(void *self, tc_metrics_fact *room, size_t most)
{
    const tc_admin_place *p = self;
    size_t n = 0;
    (void)most; /* TC_ADMIN_FACTS are more than these */
    room[n++] = (tc_metrics_fact){"tercet_log_lines_dropped_total",
                                  "Lines of the access log that nobody took in time.",
                                  (double)p->log->dropped};
    const tc_store_counts c = p->store ? tc_store_count(p->store) : (tc_store_counts){0};
    const tc_metrics_fact store[] = {
        {"tercet_store_reads_total", "Questions to the store of records.", (double)c.reads},
        {"tercet_store_writes_total", "Changes of records.", (double)c.writes},
        {"tercet_store_syncs_total", "Transactions in which they were made.", (double)c.syncs},
        {"tercet_store_held_bytes", "Held by requests and answers about records.", (double)c.held}};
    for (size_t i = 0; i < sizeof store / sizeof *store; i++) {
        room[n] = store[i];
        if (!p->store) room[n].value = -1;
        n++;
    }
    return n;
}

int tc_admin_open(tc_admin_place *p, const char *url, tc_server *server, const tc_limits *limits,
                  unsigned generation)
{
    const char *detail = "";
    if (!url) return 0;
    p->limits = *limits;
    p->admin = (tc_admin){.server = server,
                          .facts = {.limits = &p->limits,
                                    .version = TERCET_VERSION,
                                    .quic = tc_quic_built ? "yes" : "no"},
                          .begun = tc_clock_now(),
                          .generation = generation,
                          .more = more,
                          .more_self = p,
                          .ledger = p->ledger,
                          .slot = p->slot};
    const tc_server_config config = {
        .workers = 1, .stays = true, .limits = tc_limits_default, .app = tc_admin_app(&p->admin)};
    tc_err err = tc_server_new(&config, &p->server);
    if (!err) /* what was handed in, and the server has no use for */
        tc_listeners_move_unused(tc_server_listeners(server), tc_server_listeners(p->server));
    if (!err) err = tc_server_listen(p->server, tc_span_str(url), &detail);
    if (err) return tc_serve_fail(err, url, detail);
    tc_span shown = tc_span_str(url);
    if (tc_span_ends(shown, TC_SPAN("/"))) shown.len--;
    if (tc_span_ends(shown, TC_SPAN(":0")))
        (void)snprintf(p->url, sizeof p->url, "%.*s%u", (int)shown.len - 1, shown.at,
                       (unsigned)tc_server_port(p->server));
    else
        (void)snprintf(p->url, sizeof p->url, "%.*s", TC_FMT(shown));
    if (!tc_admin_is_loopback(tc_span_str(url)))
        fprintf(stderr,
                "tercet: admin %s is no loopback address: whoever reaches it can read the "
                "metrics\n",
                p->url);
    return 0;
}

tc_err tc_admin_start(tc_admin_place *p)
{
    return p->server ? tc_server_start(p->server) : TC_OK;
}

void tc_admin_draining(tc_admin_place *p)
{
    atomic_store(&p->admin.draining, true);
}

void tc_admin_end(tc_admin_place *p)
{
    if (!p->server) return;
    tc_server_drain(p->server);
    tc_server_wait(p->server);
    tc_admin_last(&p->admin);
}

void tc_admin_close(tc_admin_place *p)
{
    tc_server_free(p->server);
    p->server = NULL;
}
