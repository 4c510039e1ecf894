/* tls_side.c - see tls_side.h. */
// SPDX-License-Identifier: MIT
#include "net/tls_side.h"

#include <gnutls/gnutls.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "net/tls_inside.h"
#include "net/tls_why.h"

int tc_tls_side_hear(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                     const gnutls_datum_t *message)
{
    tc_tls_side *s = gnutls_session_get_ptr(session);
    char host[TC_TLS_HOST];
    (void)type, (void)when;
    if (!incoming) return 0;
    const bool named = tc_tls_hello_host(message, host), several = s->set->count > 1;
    const uint32_t which = named && several ? (uint32_t)tc_tls_set_choose(s->set, host) : 0;
    if (s->heard) return which == s->shown ? 0 : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
    s->heard = true;
    s->shown = which;
    if (named && several) {
        const size_t len = strlen(host);
        s->asked = tc_alloc(len + 1);
        if (!s->asked) return GNUTLS_E_MEMORY_ERROR;
        memcpy(s->asked, host, len + 1);
    }
    tc_tls_shown *shown = &s->set->at[which];
    const gnutls_datum_t key = {shown->ticket_key, sizeof shown->ticket_key};
    int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown->credentials);
    if (rc >= 0 && s->set->ticket_secret.data)
        rc = gnutls_session_ticket_enable_server(session, &key);
    return rc;
}

static int verify_client(gnutls_session_t session)
{
    tc_tls_side *s = gnutls_session_get_ptr(session);
    s->verdict = tc_tls_verify_client(session, s->tls->config.client_may_be_unknown, &s->status);
    return s->verdict;
}

static int begin_server(tc_tls_side *s)
{
    const tc_tls_server_config *c = &s->tls->config;
    const bool ask = c->client_authorities != NULL, must = ask && !c->client_may_be_unknown;
    s->set = tc_tls_set_ref(s->tls);
    gnutls_handshake_set_hook_function(s->session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                       tc_tls_side_hear);
    gnutls_certificate_server_set_request(s->session, must  ? GNUTLS_CERT_REQUIRE
                                                      : ask ? GNUTLS_CERT_REQUEST
                                                            : GNUTLS_CERT_IGNORE);
    if (ask) gnutls_session_set_verify_function(s->session, verify_client);
    return gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->set->at[0].credentials);
}

static int begin_client(tc_tls_side *s, const char *host)
{
    const int rc = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->tls->trust);
    if (rc < 0) return rc;
    s->insecure = s->tls->insecure;
    s->name = tc_tls_name_new(host);
    if (!s->name) return GNUTLS_E_MEMORY_ERROR;
    return tc_tls_name_use(s->name, s->session, !s->insecure);
}

int tc_tls_side_begin(tc_tls_side *s, const char *host)
{
    _Static_assert(offsetof(tc_tls_side, ref) == 0, "QUIC's library looks there");
    gnutls_session_set_ptr(s->session, s);
    return s->tls->server ? begin_server(s) : begin_client(s, host);
}

int tc_tls_side_done(tc_tls_side *s)
{
    if (!s->tls->server || !s->tls->config.client_authorities) return 0;
    const int rc = gnutls_session_is_resumed(s->session) ? verify_client(s->session) : 0;
    return rc < 0 ? rc : tc_tls_subject(s->session, &s->proven);
}

tc_err tc_tls_side_why(const tc_tls_side *s, int rc, int alert)
{
    const tc_tls_case c = {.session = s->session,
                           .server = s->tls->server,
                           .own = s->tls->own,
                           .status = s->status,
                           .alert = alert,
                           .name = s->name};
    return tc_tls_why(&c, rc, s->why);
}

void tc_tls_side_forget(tc_tls_side *s, bool all)
{
    if (s->session) gnutls_credentials_clear(s->session);
    if (s->set && (all || s->set->count == 1)) {
        tc_tls_set_unref(s->set);
        s->set = NULL;
    }
    tc_tls_name_free(s->name);
    s->name = NULL;
    if (!all) return;
    tc_free(s->asked);
    tc_free(s->proven);
    s->asked = s->proven = NULL;
}

/* --- who and how --------------------------------------------------------------------------- */

bool tc_tls_side_stands_for(const tc_tls_side *s, tc_span authority)
{
    char host[TC_TLS_HOST];
    if (!s->set || s->set->count < 2 || !authority.len) return true;
    if (!tc_tls_authority_host(authority, host)) return false;
    if (s->asked && strcmp(host, s->asked) == 0) return true;
    return tc_tls_set_choose(s->set, host) == s->shown ||
           tc_tls_shown_covers(&s->set->at[s->shown], host);
}

tc_span tc_tls_side_proven(const tc_tls_side *s)
{
    return s->proven ? tc_span_str(s->proven) : (tc_span){0};
}
