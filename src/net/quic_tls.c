/* quic_tls.c - TLS 1.3 inside QUIC (RFC 9001): the same certificates, the same trust and the same
 * checks as over TCP (tls.c, tls_why.c). */
// SPDX-License-Identifier: MIT
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "net/quic_inside.h"
#include "net/tls_why.h"

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref)
{
    const tc_link_quic *l = ref->user_data;
    return l->conn;
}

static tc_link_quic *link_of(gnutls_session_t session)
{
    const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);
    return ref->user_data;
}

/* A hello is about to be read: the certificate and the key of the tickets are those of its host.
 * A second hello (RFC 8446, 4.1.4) must be for the same. */
static int hear_hello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
    tc_link_quic *l = link_of(session);
    char host[TC_TLS_HOST];
    (void)type, (void)when;
    if (!incoming) return 0;
    const bool named = tc_tls_hello_host(message, host), several = l->set->count > 1;
    const uint32_t which = named && several ? (uint32_t)tc_tls_set_choose(l->set, host) : 0;
    if (l->heard) return which == l->shown ? 0 : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
    l->heard = true;
    l->shown = which;
    if (named && several) {
        const size_t len = strlen(host);
        l->asked = tc_alloc(len + 1);
        if (!l->asked) return GNUTLS_E_MEMORY_ERROR;
        memcpy(l->asked, host, len + 1);
    }
    tc_tls_shown *shown = &l->set->at[which];
    const gnutls_datum_t key = {shown->ticket_key, sizeof shown->ticket_key};
    int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown->credentials);
    if (rc >= 0 && l->set->ticket_secret.data)
        rc = gnutls_session_ticket_enable_server(session, &key);
    return rc;
}

static int verify_client(gnutls_session_t session)
{
    tc_link_quic *l = link_of(session);
    const tc_tls_server_config *c = &l->home->config.tls->config;
    return tc_tls_verify_client(session, c->client_may_be_unknown, &l->status);
}

static int set_up_server(tc_link_quic *l)
{
    tc_tls *tls = l->home->config.tls;
    const bool ask = tls->config.client_authorities != NULL;
    const bool must = ask && !tls->config.client_may_be_unknown;
    l->set = tc_tls_set_ref(tls);
    if (ngtcp2_crypto_gnutls_configure_server_session(l->session)) return GNUTLS_E_INTERNAL_ERROR;
    gnutls_handshake_set_hook_function(l->session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                       hear_hello);
    gnutls_certificate_server_set_request(l->session, must  ? GNUTLS_CERT_REQUIRE
                                                      : ask ? GNUTLS_CERT_REQUEST
                                                            : GNUTLS_CERT_IGNORE);
    if (ask) gnutls_session_set_verify_function(l->session, verify_client);
    return gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, l->set->at[0].credentials);
}

/* The handshake is over. A session that was resumed has verified nothing: who proved to be somebody
 * then must still be good. */
tc_err tc_quic_tls_done(tc_link_quic *l)
{
    if (!l->home->server || !l->home->config.tls->config.client_authorities) return TC_OK;
    if (gnutls_session_is_resumed(l->session) && verify_client(l->session) < 0)
        return TC_ERR_TLS_HANDSHAKE;
    return tc_tls_subject(l->session, &l->proven) < 0 ? TC_ERR_NO_MEMORY : TC_OK;
}

static int set_up_client(tc_link_quic *l, const char *host)
{
    tc_tls *tls = l->home->config.tls;
    int rc =
        ngtcp2_crypto_gnutls_configure_client_session(l->session) ? GNUTLS_E_INTERNAL_ERROR : 0;
    if (rc >= 0) rc = gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, tls->trust);
    if (rc < 0) return rc;
    l->insecure = tls->insecure;
    l->name = tc_tls_name_new(host);
    if (!l->name) return GNUTLS_E_MEMORY_ERROR;
    return tc_tls_name_use(l->name, l->session, !l->insecure);
}

tc_err tc_quic_tls_begin(tc_quic *q, tc_link_quic *l, const char *host)
{
    ngtcp2_crypto_conn_ref *ref = (ngtcp2_crypto_conn_ref *)(void *)l->ref;
    _Static_assert(sizeof *ref <= sizeof l->ref, "it has the room");
    *ref = (ngtcp2_crypto_conn_ref){conn_of, l};
    const gnutls_datum_t protocol = {(unsigned char *)(uintptr_t)q->config.protocol.at,
                                     (unsigned)q->config.protocol.len};
    if (gnutls_init(&l->session, q->server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_NO_TICKETS) <
        0) {
        l->session = NULL;
        return TC_ERR_NO_MEMORY;
    }
    gnutls_session_set_ptr(l->session, ref);
    int rc = gnutls_priority_set(l->session, q->priority);
    if (rc >= 0) rc = gnutls_alpn_set_protocols(l->session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
    if (rc >= 0) rc = q->server ? set_up_server(l) : set_up_client(l, host);
    if (rc < 0) return TC_ERR_NO_MEMORY;
    ngtcp2_conn_set_tls_native_handle(l->conn, l->session);
    return TC_OK;
}

/* Why the handshake failed, as it would have over TCP. */
tc_err tc_quic_tls_why(tc_link_quic *l, int liberr)
{
    const bool server = l->home->server;
    const tc_tls_case c = {.session = l->session,
                           .server = server,
                           .own = l->home->config.tls->own,
                           .status = l->status,
                           .name = l->name};
    const unsigned status = server ? l->status : gnutls_session_get_verify_cert_status(l->session);
    tc_err err;
    if (status != 0 && status != (unsigned)-1) {
        err = tc_tls_why(&c, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR, l->why);
    } else if (liberr == NGTCP2_ERR_DRAINING) {
        const ngtcp2_ccerr *said = ngtcp2_conn_get_ccerr(l->conn);
        const uint64_t alert = said->error_code - NGTCP2_CRYPTO_ERROR;
        if (said->type != NGTCP2_CCERR_TYPE_TRANSPORT || alert > 255) return TC_ERR_CONNECT;
        const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);
        if (l->why) (void)snprintf(l->why, TC_TLS_WHY, "the peer says: %s", name ? name : "no");
        err = TC_ERR_TLS_HANDSHAKE;
    } else {
        err = tc_tls_why(&c, GNUTLS_E_HANDSHAKE_TOO_LARGE, l->why);
        if (l->why)
            (void)snprintf(l->why, TC_TLS_WHY, "%s",
                           gnutls_alert_get_name(
                               (gnutls_alert_description_t)ngtcp2_conn_get_tls_alert(l->conn)));
    }
    return server ? tc_tls_of_client(err, l->why) : err;
}

/* --- who and how --------------------------------------------------------------------------- */

bool tc_quic_tls_stands_for(const tc_link_quic *l, tc_span authority)
{
    char host[TC_TLS_HOST];
    if (!l->set || l->set->count < 2 || !authority.len) return true;
    if (!tc_tls_authority_host(authority, host)) return false;
    if (l->asked && strcmp(host, l->asked) == 0) return true;
    return tc_tls_set_choose(l->set, host) == l->shown ||
           tc_tls_shown_covers(&l->set->at[l->shown], host);
}

/* What only the handshake needs; all: the connection is over. */
void tc_quic_tls_forget(tc_link_quic *l, bool all)
{
    if (l->set && (all || l->set->count == 1)) {
        tc_tls_set_unref(l->set);
        l->set = NULL;
    }
    tc_tls_name_free(l->name);
    l->name = NULL;
    if (!all) return;
    tc_free(l->asked);
    tc_free(l->proven);
    l->asked = l->proven = NULL;
}
