/* check.c - see check.h. */
// SPDX-License-Identifier: MIT
#include "config/check.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "http/language.h"
#include "http/target.h"
#include "net/listen.h"
#include "net/tls.h"
#include "quic/quic.h"
#include "server/server.h"

static bool is_path(const char *text)
{
    tc_target target;
    return text[0] == '/' && !strchr(text, '?') &&
           tc_target_parse(TC_METHOD_GET, tc_span_str(text), &target) == TC_OK;
}

bool tc_config_hsts(const char *text, char ret_value[TC_HSTS_BYTES])
{
    tc_span rest = tc_span_str(text);
    uint64_t seconds;
    bool subdomains = false, preload = false;
    const size_t comma = tc_span_find(rest, ',');
    if (!tc_span_number(tc_span_first(rest, comma), &seconds)) return false;
    for (rest = tc_span_from(rest, comma); rest.len;) {
        const tc_span word = tc_span_first(rest, 1 + tc_span_find(tc_span_from(rest, 1), ','));
        rest = tc_span_from(rest, word.len);
        bool *which = tc_span_eq(word, TC_SPAN(",subdomains")) ? &subdomains
                      : tc_span_eq(word, TC_SPAN(",preload"))  ? &preload
                                                               : NULL;
        if (!which || *which) return false;
        *which = true;
    }
    (void)snprintf(ret_value, TC_HSTS_BYTES, "max-age=%llu%s%s", (unsigned long long)seconds,
                   subdomains ? "; includeSubDomains" : "", preload ? "; preload" : "");
    return true;
}

bool tc_config_is_secure(const char *url)
{
    return tc_span_starts(tc_span_str(url), TC_SPAN("https:"));
}

/* It is good for https that only trusted proxies speak, too. */
static bool proxies_may(const tc_config *c, const char *name)
{
    return c->top.settings.trust.count > 0 && strcmp(name, "hsts") == 0;
}

const char *tc_config_secure_setting(const tc_config *c)
{
    static const char *const names[] = {"cert", "tickets",   "redirect-https",
                                        "hsts", "client-ca", "early-data"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const tc_section *s = &c->top; s; s = tc_section_next(s))
            if (tc_section_has(s, names[i]) && !proxies_may(c, names[i])) return names[i];
    return NULL;
}

/* Certificates, tickets, clients' certificates, early data: of the whole server. */
static void check_secure(tc_config *c)
{
    char hsts[TC_HSTS_BYTES];
    const tc_settings *s = &c->top.settings;
    const char *client = s->client_crl ? "client-crl" : s->client_cert >= 0 ? "client-cert" : NULL;
    if (s->hsts && !tc_config_hsts(s->hsts, hsts))
        tc_config_fault(c, &c->top, "hsts", NULL, "SECONDS[,subdomains][,preload] is wanted");
    if (client && !s->client_ca)
        tc_config_fault(c, &c->top, client, NULL, "it needs client-ca FILE");
    if (!s->early_data) return;
    if (!s->quic || !tc_quic_built)
        tc_config_fault(c, &c->top, "early-data", NULL, "it is for QUIC, which %s",
                        tc_quic_built ? "is turned off" : "this program was built without");
    if (s->client_ca)
        tc_config_fault(c, &c->top, "early-data", NULL,
                        "it is not for client-ca: such requests come before it is known who asks");
    if (s->tickets)
        tc_config_fault(c, &c->top, "early-data", NULL, "it is not for tickets: %s",
                        strcmp(s->tickets, "off") == 0
                            ? "clients come back with tickets"
                            : "a ticket is good for it once, and other machines would not know");
}

static void check_admin(tc_config *c)
{
    const char *admin = c->top.settings.admin;
    if (admin && !tc_span_starts(tc_span_str(admin), TC_SPAN("http://")))
        tc_config_fault(c, &c->top, "admin", NULL,
                        "http://ADDRESS:PORT is wanted, like http://127.0.0.1:9090");
}

/* A port 0 is another one each time. */
static void check_listed_twice(tc_config *c, const tc_words *urls)
{
    for (size_t i = 1; i < urls->count; i++) {
        const tc_span url = tc_span_str(urls->at[i]);
        for (size_t j = 0; j < i; j++)
            if (tc_span_eq(url, tc_span_str(urls->at[j])) && !tc_span_ends(url, TC_SPAN(":0")) &&
                !tc_span_ends(url, TC_SPAN(":0/"))) {
                tc_config_fault(c, &c->top, "listen", urls->at[i], "it is listed twice");
                break;
            }
    }
}

static void check_listen(tc_config *c)
{
    bool secure = false, plain = false;
    const tc_words *urls = &c->top.settings.listen;
    const char *needs = tc_config_secure_setting(c);
    for (size_t i = 0; i < urls->count; i++) {
        secure |= tc_config_is_secure(urls->at[i]);
        plain |= !tc_config_is_secure(urls->at[i]);
    }
    if (!urls->count) return; /* the default has both */
    check_listed_twice(c, urls);
    for (const tc_section *s = &c->top; s && needs && !secure; s = tc_section_next(s))
        if (tc_section_has(s, needs)) {
            tc_config_fault(c, s, needs, NULL, "it is for https://, and no listen has it");
            break;
        }
    for (const tc_section *s = &c->top; s && !plain; s = tc_section_next(s))
        if (tc_section_has(s, "redirect-https") && s->settings.redirect_https)
            tc_config_fault(c, s, "redirect-https", NULL,
                            "it is for http://, and no listen has it");
}

static void check_urls(tc_config *c)
{
    const tc_words *urls = &c->top.settings.listen;
    for (size_t i = 0; i < urls->count && tc_section_by_file(&c->top, "listen"); i++) {
        tc_listen_url parsed;
        const char *detail = "";
        tc_span url;
        bool proxied;
        const char *fault = tc_server_listen_words(tc_span_str(urls->at[i]),
                                                   c->top.settings.trust.count > 0, &url, &proxied);
        const tc_err err = tc_listen_parse(url, &parsed, &detail);
        if (err)
            tc_config_fault(c, &c->top, "listen", urls->at[i], "%s%s%s", tc_err_sentence(err),
                            detail && *detail ? ": " : "", detail ? detail : "");
        else if (fault)
            tc_config_fault(c, &c->top, "listen", urls->at[i], "%s", fault);
    }
}

static void check_file(tc_config *c, const tc_section *s, const char *name, const char *file)
{
    if (file && tc_section_by_file(s, name) && access(file, R_OK))
        tc_config_fault(c, s, name, file, "%s", strerror(errno));
}

/* Certificates and what belongs to them are there, and may be read. */
static void check_files(tc_config *c, const tc_section *s)
{
    const tc_settings *v = &s->settings;
    for (size_t i = 0; i < v->cert.count; i++)
        check_file(c, s, "cert", v->cert.at[i]);
    for (size_t i = 0; i < v->key.count; i++)
        check_file(c, s, "key", v->key.at[i]);
    if (s->parent) return;
    check_file(c, s, "client-ca", v->client_ca);
    check_file(c, s, "client-crl", v->client_crl);
}

/* Whether whoever checks may become that user is seen at the start. */
static void check_user(tc_config *c)
{
    const tc_settings *v = &c->top.settings;
    if (v->group && !v->user) tc_config_fault(c, &c->top, "group", NULL, "it needs user NAME");
    errno = 0;
    if (v->user && tc_section_by_file(&c->top, "user") && !getpwnam(v->user))
        tc_config_fault(c, &c->top, "user", NULL, "%s",
                        errno ? strerror(errno)
                              : "there is no such user; `useradd --system NAME` makes one");
    errno = 0;
    if (v->group && tc_section_by_file(&c->top, "group") && !getgrnam(v->group))
        tc_config_fault(c, &c->top, "group", NULL, "%s",
                        errno ? strerror(errno)
                              : "there is no such group; `groupadd --system NAME` makes one");
}

static void check_block(tc_config *c, const tc_section *b)
{
    const tc_settings *s = &b->settings;
    if (tc_section_has(b, "language") && s->language &&
        !tc_language_is_tag(tc_span_str(s->language)))
        tc_config_fault(c, b, "language", NULL, "no language tag");
    if (tc_section_has(b, "echo") && s->echo && !is_path(s->echo))
        tc_config_fault(c, b, "echo", NULL, "a path as in a URL is wanted, like /echo");
    if (tc_section_has(b, "index") && (!*s->index || strchr(s->index, '/')))
        tc_config_fault(c, b, "index", NULL, "a name without / is wanted");
    if (tc_section_has(b, "key") && !tc_section_has(b, "cert"))
        tc_config_fault(c, b, "key", NULL, "there is no cert for it");
    else if (tc_section_has(b, "key") && s->key.count > s->cert.count)
        tc_config_fault(c, b, "key", s->key.at[s->cert.count], "there is no cert for it");
}

void tc_config_check_pairs(tc_config *c)
{
    char why[TC_TLS_WHY] = "";
    for (const tc_section *s = &c->top; s; s = tc_section_next(s)) {
        const tc_words *certs = &s->settings.cert, *keys = &s->settings.key;
        for (size_t i = 0; i < certs->count && tc_section_has(s, "cert"); i++) {
            const tc_tls_pair pair = {certs->at[i], i < keys->count ? keys->at[i] : certs->at[i]};
            tc_tls *tls = NULL;
            const tc_err err = tc_tls_server_new(
                &(tc_tls_server_config){.pairs = &pair, .pair_count = 1, .no_tickets = true}, &tls,
                why);
            if (err)
                tc_config_fault(c, s, "cert", pair.certificate, "%s",
                                why[0] ? why : tc_err_sentence(err));
            else
                tc_tls_free(tls);
        }
    }
}

void tc_config_check(tc_config *c)
{
    check_secure(c);
    check_admin(c);
    check_listen(c);
    check_urls(c);
    check_user(c);
    for (const tc_section *s = &c->top; s; s = tc_section_next(s))
        check_block(c, s);
    for (const tc_section *s = &c->top; s; s = tc_section_next(s))
        check_files(c, s);
}
