/* serve_run.c - see serve_run.h. */
// SPDX-License-Identifier: MIT
#include "serve/serve_run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/target.h"
#include "net/listen.h"
#include "tunnel/tunnel.h"

const char tc_serve_secure_url[] = "https://localhost:8443";

tc_span tc_serve_url(const char *listen)
{
    const tc_span text = tc_span_str(listen);
    return tc_span_first(text, tc_span_find(text, ' '));
}

int tc_serve_fail(tc_err err, const char *what, const char *detail)
{
    fprintf(stderr, "tercet: %s: %s%s%s\n", what, tc_err_sentence(err),
            detail && *detail ? ": " : "", detail && *detail ? detail : "");
    return tc_err_exit(err);
}

/* "http://localhost:0" with the port that was found. Kept until the program ends. */
static const char *with_port(const char *text, uint16_t port)
{
    static char texts[TC_LISTENERS_MAX][128];
    static size_t count;
    const tc_span url = tc_serve_url(text);
    const size_t len = url.len - tc_span_ends(url, TC_SPAN("/"));
    if (len < 2 || memcmp(text + len - 2, ":0", 2) != 0 || count == TC_LISTENERS_MAX) return text;
    (void)snprintf(texts[count], sizeof texts[count], "%.*s%u%s", (int)len - 1, text,
                   (unsigned)port, text + url.len);
    return texts[count++];
}

/* What nobody asked for is no reason not to serve. */
void tc_serve_without(tc_words *urls, tc_err err, const char *why)
{
    if (urls->count && urls->at[urls->count - 1] == tc_serve_secure_url) urls->count--;
    fprintf(stderr, "tercet: %s: %s%s%s\n        it goes on with http only\n", tc_serve_secure_url,
            tc_err_sentence(err), why && *why ? ": " : "", why ? why : "");
}

int tc_serve_listen(tc_server *server, tc_serving *s)
{
    tc_words *urls = s->listen;
    if (s->kin) tc_kin_hand_in(s->kin, server);
    for (size_t i = 0; i < urls->count; i++) {
        const char *detail = "";
        const tc_err err = tc_server_listen(server, tc_span_str(urls->at[i]), &detail);
        if (err && s->unasked && urls->at[i] == tc_serve_secure_url) {
            tc_serve_without(urls, err, detail);
            break; /* it is the last one */
        }
        if (err == TC_ERR_ADDRESS_IN_USE) {
            fprintf(stderr,
                    "tercet: %s: %s%s%s\n        choose another port with --listen; port 0 is any "
                    "free one\n",
                    urls->at[i], tc_err_sentence(err), *detail ? ": " : "", detail);
            return tc_err_exit(err);
        }
        if (err == TC_ERR_NO_PERMISSION) {
            fprintf(stderr,
                    "tercet: %s: %s\n        ports below 1024 are for root, or for a "
                    "program with CAP_NET_BIND_SERVICE\n",
                    urls->at[i], tc_err_sentence(err));
            return tc_err_exit(err);
        }
        if (err) return tc_serve_fail(err, urls->at[i], detail);
        urls->at[i] = with_port(urls->at[i], tc_server_port(server));
        if (!s->secure_port && tc_config_is_secure(urls->at[i]))
            s->secure_port = tc_server_port(server);
    }
    return 0;
}

void tc_serve_own_ports(tc_config *c)
{
    const tc_settings *s = &c->top.settings;
    tc_arena *a = &c->arena;
    uint16_t *ports = c->tunnels ? tc_arena_alloc(a, (s->listen.count + 1) * sizeof *ports) : NULL;
    if (!ports) return; /* without memory the server ends soon */
    size_t count = 0;
    for (size_t i = 0; i <= s->listen.count; i++) {
        const char *text = i < s->listen.count ? s->listen.at[i] : s->admin;
        tc_url url;
        if (text && tc_url_parse(a, tc_serve_url(text), &url) == TC_OK) ports[count++] = url.port;
    }
    c->tunnels->rules.own_ports = ports;
    c->tunnels->rules.own_count = count;
}

static bool tell_store(const tc_serving *s)
{
    int fds[TC_STORE_SHARED];
    if (!s->records->store) return true;
    tc_store_shared(s->records->store, fds);
    return tc_kin_tell_kept(s->kin, fds, TC_STORE_SHARED);
}

/* What is told once is told by this one. */
static bool is_first(const tc_serving *s)
{
    return !s->kin || tc_kin_number(s->kin) == 1;
}

/* Root no longer, if so it is to be. */
static int drop_privileges(const tc_serving *s)
{
    if (!s->user->user && !geteuid() && is_first(s))
        fprintf(stderr, "tercet: it serves as root; with --user NAME it would not\n");
    return tc_privileges_drop(s->user) ? 0 : tc_err_exit(TC_ERR_USAGE);
}

int tc_serve_settle(tc_server *server, const tc_serving *s)
{
    if (s->kin && (!tc_kin_tell(s->kin, server) ||
                   (s->admin->server && !tc_kin_tell(s->kin, s->admin->server)) || !tell_store(s) ||
                   !tc_kin_tell_log(s->kin, s->log)))
        return tc_serve_fail(TC_ERR_PEER_CLOSED, "the master", NULL);
    if (s->pid >= 0 && (ftruncate(s->pid, 0) || dprintf(s->pid, "%ld\n", (long)getpid()) < 0))
        return tc_serve_fail(TC_ERR_WRITE_FILE, "pid-file", strerror(errno));
    return drop_privileges(s);
}

/* Until it is told to end, which is where the next signal ends it at once. */
static void wait_for_end(const tc_serving *s, const sigset_t *signals, const sigset_t *before)
{
    int which = 0;
    while (sigwait(signals, &which) == 0 && which == SIGUSR1)
        tc_log_reopen(s->log);
    struct sigaction at_once = {.sa_handler = SIG_DFL};
    sigaction(SIGINT, &at_once, NULL);
    sigaction(SIGTERM, &at_once, NULL);
    pthread_sigmask(SIG_SETMASK, before, NULL);
    fprintf(stderr, "\ntercet: finishing what is under way; once more ends at once\n");
}

/* Not zero: the program's exit code, and the reason was said. */
static int start(tc_server *server, const tc_serving *s)
{
    tc_err err = tc_server_start(server);
    if (!err) err = tc_admin_start(s->admin);
    if (!err && is_first(s)) tc_serve_announce(s, server);
    if (!err && s->kin && !tc_kin_ready(s->kin, s->config->top.limits)) err = TC_ERR_PEER_CLOSED;
    if (!err) return 0;
    tc_server_drain(server);
    tc_server_wait(server);
    tc_admin_end(s->admin); /* it may have begun */
    return tc_serve_fail(err, "could not start", NULL);
}

int tc_serve_run(tc_server *server, const tc_serving *s)
{
    sigset_t signals;
    sigemptyset(&signals);
    if (!s->kin) sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &signals, &before); /* workers inherit this: only we wait for them */
    const int code = start(server, s);
    if (code) return code;
    if (s->kin) {
        tc_kin_serve(s->kin, s->log, s->admin);
    } else {
        wait_for_end(s, &signals, &before);
        tc_admin_draining(s->admin);
        tc_server_drain(server);
        tc_server_wait(server);
    }
    tc_admin_end(s->admin);
    tc_serve_report(server);
    tc_records_report(s->records);
    return 0;
}
