/* server.c - see server.h. */
// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/inside.h"

static unsigned processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

tc_err tc_server_new(const tc_server_config *config, tc_server **ret_server)
{
    tc_server *server = tc_alloc_zero(sizeof *server);
    if (!server) return TC_ERR_NO_MEMORY;
    server->config = *config;
    const unsigned count = config->workers ? config->workers : processors();
    server->workers = tc_alloc_zero(count * sizeof *server->workers);
    tc_err err = server->workers ? TC_OK : TC_ERR_NO_MEMORY;
    if (!err) err = tc_clients_init(&server->clients, &server->config);
    if (config->quic && config->tls && tc_quic_built)
        tc_quic_secret_make(config->tls, &server->quic_secret);
    if (!err && config->early) err = tc_quic_once_new(config->limits.quic_early, &server->once);
    for (; server->workers && server->count < count && !err; server->count++)
        err = tc_worker_init(&server->workers[server->count], server, server->count);
    if (err) {
        tc_server_free(server);
        return err;
    }
    *ret_server = server;
    return TC_OK;
}

void tc_server_free(tc_server *server)
{
    if (!server) return;
    for (unsigned i = 0; i < server->count; i++)
        tc_worker_settle(&server->workers[i]);
    for (unsigned i = 0; i < server->count; i++)
        tc_worker_fini(&server->workers[i]);
    tc_listeners_fini(&server->listeners);
    for (size_t i = 0; i < TC_GENERATIONS; i++)
        if (server->kin[i]) close(server->kin[i]);
    tc_quic_once_free(server->once);
    tc_clients_fini(&server->clients);
    tc_free(server->workers);
    tc_free(server->endpoints);
    tc_free(server);
}

const char *tc_server_listen_words(tc_span text, bool any_trusted, tc_span *ret_url,
                                   bool *ret_proxied)
{
    const size_t blank = tc_span_find(text, ' ');
    const tc_span words = tc_span_trim(tc_span_from(text, blank));
    *ret_url = tc_span_first(text, blank);
    *ret_proxied = words.len > 0;
    if (words.len && !tc_span_eq(words, TC_SPAN("proxy-protocol")))
        return "behind a URL, only \"proxy-protocol\" may stand";
    if (words.len && !any_trusted)
        return "proxy-protocol wants \"trust\": the networks of the proxies that may say whose a "
               "connection is";
    return NULL;
}

tc_err tc_server_listen(tc_server *server, tc_span text, const char **ret_detail)
{
    const tc_networks *trust = server->config.trust;
    tc_span url;
    bool secure = false, proxied;
    const char *fault = tc_server_listen_words(text, trust && trust->count, &url, &proxied);
    if (fault) {
        if (ret_detail) *ret_detail = fault;
        return TC_ERR_USAGE;
    }
    const tc_listen_ask ask = {.url = url,
                               .workers = server->count,
                               .quic = server->config.quic && tc_quic_built && !proxied,
                               .proxied = proxied};
    if (tc_span_starts(url, TC_SPAN("https:")) && !server->config.tls) {
        if (ret_detail) *ret_detail = "there is no certificate";
        return TC_ERR_OWN_CERT;
    }
    const tc_err err =
        tc_listeners_open(&server->listeners, &ask, &server->port, &secure, ret_detail);
    if (!err && secure && ask.quic && !server->quic_port) server->quic_port = server->port;
    return err;
}

tc_listeners *tc_server_listeners(tc_server *server)
{
    return &server->listeners;
}

bool tc_server_quic(const tc_server *server)
{
    return server->quic_port != 0;
}

static tc_err make_endpoints(tc_server *server)
{
    const tc_listeners *l = &server->listeners;
    for (size_t i = 0; i < l->count; i++)
        server->first[i + 1] = server->first[i] + l->at[i].udp_count;
    if (!server->first[l->count]) return TC_OK;
    server->endpoints = tc_alloc_zero(server->first[l->count] * sizeof *server->endpoints);
    return server->endpoints ? TC_OK : TC_ERR_NO_MEMORY;
}

tc_err tc_server_start(tc_server *server)
{
    tc_listeners_drop_unused(&server->listeners);
    tc_err err = make_endpoints(server);
    for (unsigned i = 0; i < server->count && !err; i++)
        err = tc_worker_open(&server->workers[i]);
    for (unsigned i = 0; i < server->count && !err; i++)
        err = tc_worker_start(&server->workers[i]);
    if (err) tc_server_drain(server);
    return err;
}

/* Where it does so already: it looks again whether it may end. */
static void drain_workers(tc_server *server)
{
    for (unsigned i = 0; i < server->count; i++) {
        tc_worker *w = &server->workers[i];
        if (!w->started) continue;
        if (!atomic_exchange(&w->told_to_drain, true))
            tc_loop_post(w->loop, &w->drain);
        else if (server->config.stays && !atomic_exchange(&w->told_over, true))
            tc_loop_post(w->loop, &w->another_over);
    }
}

void tc_server_drain(tc_server *server)
{
    atomic_store(&server->ends, true);
    drain_workers(server);
}

const tc_server_taken *tc_server_taken_of(const tc_server *server, const tc_address *at)
{
    for (size_t i = 0; i < server->taken_count; i++)
        if (tc_address_equal(&server->taken[i].at, at)) return &server->taken[i];
    return NULL;
}

void tc_server_hand_over(tc_server *server, const tc_server_taken taken[], size_t count)
{
    server->hands_over = true;
    for (; server->taken_count < count && server->taken_count < TC_LISTENERS_MAX;
         server->taken_count++)
        server->taken[server->taken_count] = taken[server->taken_count];
    if (!server->config.stays) atomic_store(&server->ends, true);
    drain_workers(server);
}

void tc_server_take_back(tc_server *server)
{
    for (unsigned i = 0; i < server->count; i++) {
        tc_worker *w = &server->workers[i];
        if (w->started && !atomic_exchange(&w->told_to_listen, true))
            tc_loop_post(w->loop, &w->listen);
    }
}

void tc_server_pass_to(tc_server *server, uint8_t generation, int fd)
{
    const int before = server->kin[generation];
    if (!before) {
        server->kin[generation] = fd;
        return;
    }
    (void)dup3(fd, before,
               O_CLOEXEC); /* workers may be sending there: cannot fail, both are open */
    close(fd);
}

bool tc_server_pulse(tc_server *server)
{
    bool all = true;
    for (unsigned i = 0; i < server->count; i++) {
        tc_worker *w = &server->workers[i];
        if (!w->started || atomic_load(&w->over)) continue;
        if (atomic_exchange(&w->asked_pulse, true))
            all = false;
        else
            tc_loop_post(w->loop, &w->pulse);
    }
    return all;
}

void tc_server_wait(tc_server *server)
{
    for (unsigned i = 0; i < server->count; i++) {
        tc_worker *w = &server->workers[i];
        if (w->started && !w->joined)
            (void)pthread_join(w->thread, NULL); /* it is ours and joinable: cannot fail */
        w->joined = true;
    }
}

uint16_t tc_server_port(const tc_server *server)
{
    return server->port;
}

unsigned tc_server_workers(const tc_server *server)
{
    return server->count;
}

void tc_server_reached(const tc_server *server, tc_reached *ret_reached)
{
    *ret_reached = (tc_reached){0};
    for (unsigned i = 0; i < server->count; i++)
        tc_reached_add(ret_reached, &server->workers[i].reached);
}

uint64_t tc_server_starved(const tc_server *server)
{
    uint64_t times = 0;
    for (unsigned i = 0; i < server->count; i++)
        times += server->workers[i].starved;
    return times;
}
