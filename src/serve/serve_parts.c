/* serve_parts.c - see serve_parts.h. */
// SPDX-License-Identifier: MIT
#include "serve/serve_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/check.h"
#include "config/uploads.h"
#include "gate/asking.h"
#include "run/qlog.h"
#include "run/secure.h"
#include "run/term.h"
#include "serve/admin.h"
#include "serve/confine.h"
#include "serve/records.h"
#include "serve/serve_run.h"
#include "server/server.h"
#include "site/site.h"

typedef struct parts {
    tc_secure secure;
    tc_log log;
    bool log_open;
    int pid; /* -1: none */
    tc_qlog_folder qlog;
    tc_lookers lookers;
    tc_record_place records;
    tc_privileges user;
    tc_kin *kin;
} parts;

static void listen_by_default(tc_config *c)
{
    static const char *urls[] = {"http://localhost:8080", tc_serve_secure_url};
    if (c->top.settings.listen.count) return;
    urls[1] = tc_serve_secure_url;
    c->top.settings.listen = (tc_words){urls, 2};
}

/* The certificates of all blocks, each where it was given. */
static tc_tls_pair *pairs_of(tc_config *c, size_t *ret_count)
{
    size_t n = 0, i = 0;
    for (const tc_section *s = &c->top; s; s = tc_section_next(s))
        if (tc_section_has(s, "cert")) n += s->settings.cert.count;
    tc_tls_pair *pairs = tc_arena_alloc(&c->arena, (n + 1) * sizeof *pairs);
    for (const tc_section *s = &c->top; s && pairs; s = tc_section_next(s)) {
        const tc_words *certificates = &s->settings.cert, *keys = &s->settings.key;
        const bool own_keys = tc_section_has(s, "key");
        for (size_t j = 0; j < certificates->count && tc_section_has(s, "cert"); j++)
            pairs[i++] =
                (tc_tls_pair){certificates->at[j],
                              own_keys && j < keys->count ? keys->at[j] : certificates->at[j]};
    }
    *ret_count = n;
    return pairs;
}

/* Certificates, if anything listens on https://. Not zero: the program's exit code. */
static int set_up_secure(tc_config *c, const tc_kin *kin, tc_secure *secure)
{
    char why[TC_TLS_WHY];
    bool wanted = false;
    tc_settings *s = &c->top.settings;
    tc_secure_settings settings = {.secret = kin ? tc_kin_secret(kin) : NULL,
                                   .tickets = s->tickets,
                                   .client_ca = s->client_ca,
                                   .client_crl = s->client_crl,
                                   .client_may_be_unknown = s->client_cert > 0};
    for (size_t i = 0; i < s->listen.count; i++)
        wanted |= tc_config_is_secure(s->listen.at[i]);
    if (!wanted) return 0;
    settings.pairs = pairs_of(c, &settings.pair_count);
    if (!settings.pairs) return tc_serve_fail(TC_ERR_NO_MEMORY, "HTTPS", NULL);
    const tc_err err = tc_secure_init(secure, &settings, why);
    if (!err) return 0;
    if (s->listen.at[s->listen.count - 1] != tc_serve_secure_url || tc_config_secure_setting(c))
        return tc_serve_fail(err, "HTTPS", why);
    tc_serve_without(&s->listen, err, why);
    return 0;
}

static int open_log(parts *p, const tc_settings *s)
{
    tc_term term;
    tc_term_init(&term, STDOUT_FILENO, (enum tc_color_when)s->color);
    const bool to_terminal = tc_span_eq(tc_span_str(s->access_log), TC_SPAN("-")) && term.color;
    const tc_err err =
        tc_log_open(&p->log, s->access_log, (enum tc_log_format)s->log_format, to_terminal);
    p->log_open = !err;
    if (!err) return 0;
    return tc_serve_fail(TC_ERR_WRITE_FILE, *s->access_log ? s->access_log : "--access-log",
                         strerror(errno));
}

/* Its files are those of the user that this will be, who must be able to open them. */
static int open_records(tc_config *c, parts *p)
{
    if (!tc_privileges_lend(&p->user)) return tc_err_exit(TC_ERR_USAGE);
    const int code = tc_records_open(c->top.settings.store, c->top.limits, &p->records);
    return tc_privileges_return(&p->user) ? code : tc_err_exit(TC_ERR_USAGE);
}

/* It is written once it listens, when the sandbox would not let it be opened. */
static int open_pid(parts *p, const char *file)
{
    if (!file || p->kin) return 0;
    p->pid = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return p->pid < 0 ? tc_serve_fail(TC_ERR_WRITE_FILE, file, strerror(errno)) : 0;
}

/* Not zero: the program's exit code, and the reason was said. */
static int open_parts(tc_config *c, const tc_built *built, tc_kin *kin, parts *p)
{
    const tc_settings *s = &c->top.settings;
    *p = (parts){.kin = kin, .pid = -1, .records = {.collections = built->collections}};
    size_t kept = 0;
    const int *fds = kin ? tc_kin_kept(kin, &kept) : NULL;
    if (kept == TC_STORE_SHARED) tc_store_inherit(fds);
    if (!tc_privileges_find(s->user, s->group, &p->user)) return tc_err_exit(TC_ERR_USAGE);
    int code = set_up_secure(c, kin, &p->secure);
    if (!code) code = open_log(p, s);
    if (!code) code = open_pid(p, s->pid_file);
    if (!code) code = tc_qlog_folder_open(&p->qlog, s->qlog);
    if (!code) code = tc_confine_files(c); /* before there are threads, which the store has */
    if (!code) code = open_records(c, p);
    for (size_t i = 0; i < kept && !p->records.store; i++)
        close(fds[i]); /* who has no records does not hold on to them (SQLite's locks would go) */
    p->lookers = (tc_lookers){.log = &p->log, .qlog = &p->qlog};
    return code;
}

static void close_parts(parts *p)
{
    tc_store_close(p->records.store);
    tc_qlog_folder_close(&p->qlog);
    if (p->log_open) tc_log_close(&p->log);
    if (p->pid >= 0) close(p->pid);
    tc_secure_fini(&p->secure);
}

static int serve_parts(tc_config *c, const tc_built *built, parts *p)
{
    char hsts[TC_HSTS_BYTES] = "";
    tc_settings *s = &c->top.settings;
    const tc_collections *collections = &p->records.collections;
    const bool watched = p->log.fd >= 0 || p->qlog.name;
    tc_site_config site = {.sites = &built->sites,
                           .tunnels = c->tunnels,
                           .store = p->records.store,
                           .collections = collections->at,
                           .collection_count = collections->count,
                           .sessions = collections->forms ? &p->records.sessions : NULL,
                           .watch = watched ? tc_lookers_watch : NULL,
                           .unwatch = tc_lookers_unwatch,
                           .watch_self = &p->lookers};
    if (s->hsts) (void)tc_config_hsts(s->hsts, hsts); /* it was judged before */
    if (c->top.asking && c->top.asking->access.trust.count) site.hsts = tc_span_str(hsts);
    const tc_server_config config = {.workers = (unsigned)s->workers,
                                     .http09 = s->http09,
                                     .tls = p->secure.tls,
                                     .quic = s->quic,
                                     .early = s->early_data,
                                     .counts = s->admin != NULL,
                                     .hsts = tc_span_str(hsts),
                                     .client_connections = (uint32_t)s->client_connections,
                                     .trust = c->top.asking ? &c->top.asking->access.trust : NULL,
                                     .limits = *c->top.limits,
                                     .app = tc_site_app(&site),
                                     .generation = p->kin ? tc_kin_number(p->kin) : 0,
                                     .passed = p->kin ? tc_kin_passed(p->kin) : 0};
    tc_admin_place admin = {.log = &p->log, .store = p->records.store};
    if (p->kin) admin.ledger = tc_kin_ledger(p->kin, &admin.slot);
    if (admin.ledger) tc_config_share_uploads(c, admin.ledger, admin.slot);
    tc_server *server;
    const tc_err made = tc_server_new(&config, &server);
    if (made) return tc_serve_fail(made, "could not start", NULL);
    tc_serving serving = {.what = c->file   ? c->file
                                  : s->root ? s->root
                                            : ".",
                          .listen = &s->listen,
                          .unasked = !tc_config_secure_setting(c),
                          .redirect = s->redirect_https,
                          .http09 = s->http09,
                          .quic = s->quic,
                          .config = c,
                          .secure = &p->secure,
                          .admin = &admin,
                          .records = &p->records,
                          .log = &p->log,
                          .user = &p->user,
                          .pid = p->pid,
                          .kin = p->kin};
    int code = tc_serve_listen(server, &serving);
    if (!code) code = tc_admin_open(&admin, s->admin, server, c->top.limits, config.generation);
    if (!code) tc_serve_own_ports(c);
    if (!code) code = tc_serve_settle(server, &serving);
    if (!code) code = tc_confine_rest(c);
    site.secure_port = serving.secure_port; /* only now known, of port 0 */
    if (!code) code = tc_serve_run(server, &serving);
    tc_server_free(server);
    tc_admin_close(&admin);
    tc_serve_report_log(&p->log);
    return code;
}

int tc_serve_config(tc_config *c, const tc_built *built, tc_kin *kin)
{
    parts p;
    listen_by_default(c);
    int code = open_parts(c, built, kin, &p);
    if (!code) code = serve_parts(c, built, &p);
    close_parts(&p);
    return code;
}
