/* server.c - see server.h. */
// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <sched.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/listen.h"
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
    const size_t fds = (size_t)count * TC_LISTENERS_MAX;
    server->fds = tc_alloc(fds * sizeof *server->fds);
    server->udp = tc_alloc(fds * sizeof *server->udp);
    const bool enough = server->workers && server->fds && server->udp;
    tc_err err = enough ? TC_OK : TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < fds && !err; i++)
        server->udp[i] = -1;
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
        tc_worker_fini(&server->workers[i]);
    for (size_t i = 0; i < server->addresses * server->count; i++)
        if (server->fds[i] >= 0) close(server->fds[i]);
    for (size_t i = 0; i < server->addresses * server->count; i++)
        if (server->udp[i] >= 0) close(server->udp[i]);
    tc_quic_once_free(server->once);
    tc_free(server->workers);
    tc_free(server->fds);
    tc_free(server->udp);
    tc_free(server);
}

/* UDP beside TCP, on the same ports. On failure of one none of either stays open. */
static tc_err listen_beside(tc_server *server, size_t opened, const char **ret_detail)
{
    int *fds = server->fds + server->addresses * server->count;
    int *udp = server->udp + server->addresses * server->count;
    tc_err err = TC_OK;
    size_t done = 0;
    for (; done < opened && !err; done += !err)
        err = tc_udp_listen_beside(fds[done * server->count], server->count,
                                   udp + done * server->count);
    if (!err) return TC_OK;
    for (size_t i = 0; i < opened * server->count; i++) {
        close(fds[i]);
        if (i < done * server->count) close(udp[i]);
        udp[i] = -1;
    }
    if (ret_detail) *ret_detail = "the port is free for TCP, and not for UDP (QUIC)";
    return err;
}

/* The words behind a URL. */
static tc_err read_words(const tc_server *server, tc_span words, bool *ret_proxied,
                         const char **ret_detail)
{
    const char *detail = NULL;
    if (words.len && !tc_span_eq(words, TC_SPAN("proxy-protocol")))
        detail = "behind a URL, only \"proxy-protocol\" may stand";
    else if (words.len && (!server->config.trust || !server->config.trust->count))
        detail = "proxy-protocol wants \"trust\": the networks of the proxies that may say whose a "
                 "connection is";
    if (detail && ret_detail) *ret_detail = detail;
    *ret_proxied = words.len > 0;
    return detail ? TC_ERR_USAGE : TC_OK;
}

tc_err tc_server_listen(tc_server *server, tc_span text, const char **ret_detail)
{
    enum { TRIES = 8 };
    const size_t blank = tc_span_find(text, ' ');
    const tc_span url = tc_span_first(text, blank);
    const bool any_port = tc_span_ends(url, TC_SPAN(":0")) || tc_span_ends(url, TC_SPAN(":0/"));
    size_t opened = 0;
    int *fds = server->fds + server->addresses * server->count;
    const size_t room = (size_t)server->count * (TC_LISTENERS_MAX - server->addresses);
    bool secure = false, proxied;
    const tc_span words = tc_span_trim(tc_span_from(text, blank));
    tc_err err = read_words(server, words, &proxied, ret_detail);
    if (err) return err;
    if (tc_span_starts(url, TC_SPAN("https:")) && !server->config.tls) {
        if (ret_detail) *ret_detail = "there is no certificate";
        return TC_ERR_OWN_CERT;
    }
    for (int i = 0; i < TRIES; i++) {
        err = tc_listen(url, server->count, fds, room, &opened, &server->port, &secure, ret_detail);
        if (err || !secure || proxied || !server->config.quic || !tc_quic_built) break;
        err = listen_beside(server, opened, ret_detail);
        if (!err && !server->quic_port) server->quic_port = server->port;
        if (err != TC_ERR_ADDRESS_IN_USE || !any_port) break;
    }
    for (size_t i = 0; i < opened && !err; i++) {
        server->proxied[server->addresses] = proxied;
        server->secure[server->addresses++] = secure;
    }
    return err;
}

bool tc_server_quic(const tc_server *server)
{
    return server->quic_port != 0;
}

tc_err tc_server_start(tc_server *server)
{
    tc_err err = TC_OK;
    for (unsigned i = 0; i < server->count && !err; i++)
        err = tc_worker_start(&server->workers[i]);
    if (err) tc_server_drain(server);
    return err;
}

void tc_server_drain(tc_server *server)
{
    for (unsigned i = 0; i < server->count; i++) {
        tc_worker *w = &server->workers[i];
        if (w->started && !atomic_exchange(&w->told_to_drain, true))
            tc_loop_post(w->loop, &w->drain);
    }
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
