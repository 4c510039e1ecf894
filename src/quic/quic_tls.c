/* quic_tls.c - TLS 1.3 inside QUIC (RFC 9001): the same certificates, the same trust and the same
 * checks as over TCP (tls_side.c). */
// SPDX-License-Identifier: MIT
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_why.h"
#include "quic/quic_inside.h"

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref)
{
    const tc_link_quic *l = ref->user_data;
    return l->conn;
}

static int configure(const tc_quic *q, gnutls_session_t session)
{
    const int failed = q->server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                                 : ngtcp2_crypto_gnutls_configure_client_session(session);
    return failed ? GNUTLS_E_INTERNAL_ERROR : 0;
}

tc_err tc_quic_tls_begin(tc_quic *q, tc_link_quic *l, const char *host)
{
    tc_tls_side *s = &l->side;
    ngtcp2_crypto_conn_ref *ref = (ngtcp2_crypto_conn_ref *)(void *)s->ref;
    _Static_assert(sizeof *ref <= sizeof s->ref, "it has the room");
    *ref = (ngtcp2_crypto_conn_ref){conn_of, l};
    const gnutls_datum_t protocol = {(unsigned char *)(uintptr_t)q->config.protocol.at,
                                     (unsigned)q->config.protocol.len};
    s->tls = q->config.tls;
    const unsigned early = GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA;
    unsigned flags = q->server           ? GNUTLS_SERVER
                     : q->config.tickets ? GNUTLS_CLIENT
                                         : GNUTLS_CLIENT | GNUTLS_NO_TICKETS;
    if (q->replay || q->config.back_params.len) flags |= early;
    if (gnutls_init(&s->session, flags) < 0) {
        s->session = NULL;
        return TC_ERR_NO_MEMORY;
    }
    int rc = gnutls_priority_set(s->session, q->priority);
    if (rc >= 0) rc = gnutls_alpn_set_protocols(s->session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
    if (rc >= 0) rc = configure(q, s->session);
    if (rc >= 0) rc = tc_tls_side_begin(s, host);
    if (rc < 0) return TC_ERR_NO_MEMORY;
    ngtcp2_conn_set_tls_native_handle(l->conn, s->session);
    if (q->server) tc_quic_early_serve(l);
    if (q->server || tc_quic_early_begin(l)) return TC_OK;
    q->config.back_session = (tc_span){0};
    tc_tls_side_forget(s, true);
    gnutls_deinit(s->session);
    return tc_quic_tls_begin(q, l, host);
}

/* --- why it failed ------------------------------------------------------------------------- */

/* What came of our own looking at the other's certificate; 0: that was not it. */
static int verdict_of(const tc_link_quic *l)
{
    const unsigned alert = ngtcp2_conn_get_tls_alert(l->conn);
    if (!l->home->server) {
        const unsigned status = gnutls_session_get_verify_cert_status(l->side.session);
        return status == 0 || status == (unsigned)-1 ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    }
    if (alert == GNUTLS_A_CERTIFICATE_REQUIRED) return GNUTLS_E_CERTIFICATE_REQUIRED;
    return l->side.verdict;
}

/* Our refusal, for the reason that the library of QUIC keeps to itself. */
static tc_err refused_by_us(tc_link_quic *l, int rc)
{
    int alert;
    tc_err err = tc_tls_side_why(&l->side, rc, 0);
    if (tc_tls_alert_for(err, true, &alert)) ngtcp2_conn_set_tls_alert(l->conn, (uint8_t)alert);
    return l->home->server ? tc_tls_of_client(err, l->side.why) : err;
}

/* A session that a client comes back with verifies nothing. */
static bool is_still_believed(tc_link_quic *l)
{
    const tc_tls_side *s = &l->side;
    if (l->home->server || s->insecure || !gnutls_session_is_resumed(s->session)) return true;
    if (tc_tls_name_still(s->name, s->session)) return true;
    if (s->why)
        (void)snprintf(s->why, TC_TLS_WHY, "it was believed on an earlier visit, and is no more");
    return false;
}

tc_err tc_quic_tls_done(tc_link_quic *l)
{
    if (!is_still_believed(l)) return TC_ERR_CERT_INVALID;
    const int rc = tc_tls_side_done(&l->side);
    return rc < 0 ? refused_by_us(l, rc) : TC_OK;
}

/* Of a server's session nothing is left to do: keys are renewed without it, and its tickets are
 * written. It is a fifth of what a connection takes. */
void tc_quic_tls_settle(tc_link_quic *l)
{
    tc_tls_side *s = &l->side;
    if (l->opening || l->early || l->failed || !s->session) return;
    if (s->set || s->name) tc_tls_side_forget(s, false);
    if (!l->home->server || !ngtcp2_conn_get_handshake_completed(l->conn)) return;
    l->cipher = gnutls_cipher_get_name(gnutls_cipher_get(s->session));
    l->group = gnutls_group_get_name(gnutls_group_get(s->session));
    l->resumed = gnutls_session_is_resumed(s->session) != 0;
    ngtcp2_conn_set_tls_native_handle(l->conn, NULL);
    gnutls_deinit(s->session);
    s->session = NULL;
}

void tc_quic_tls_describe(const tc_link_quic *l, tc_protection *ret)
{
    const int protocol = (int)l->home->config.protocol.len;
    if (l->side.session) {
        tc_tls_describe(l->side.session, ret);
    } else {
        *ret = (tc_protection){.version = "TLS 1.3", .resumed = l->resumed};
        (void)snprintf(ret->cipher, sizeof ret->cipher, "%s", l->cipher ? l->cipher : "");
        (void)snprintf(ret->group, sizeof ret->group, "%s", l->group ? l->group : "");
        (void)snprintf(ret->protocol, sizeof ret->protocol, "%.*s", protocol,
                       l->home->config.protocol.at);
    }
    (void)snprintf(ret->offered, sizeof ret->offered, "%.*s", protocol,
                   l->home->config.protocol.at);
    ret->unverified = l->side.insecure;
    ret->early = l->early_was;
}

bool tc_quic_tls_said(const tc_link_quic *l, int *ret_alert)
{
    const ngtcp2_ccerr *said = ngtcp2_conn_get_ccerr(l->conn);
    const uint64_t alert = said->error_code - NGTCP2_CRYPTO_ERROR;
    if (said->type != NGTCP2_CCERR_TYPE_TRANSPORT || alert > UINT8_MAX) return false;
    *ret_alert = (int)alert;
    return true;
}

tc_err tc_quic_tls_why(tc_link_quic *l, int liberr)
{
    int alert;
    if (liberr == NGTCP2_ERR_DRAINING)
        return tc_quic_tls_said(l, &alert)
                   ? tc_tls_side_why(&l->side, GNUTLS_E_FATAL_ALERT_RECEIVED, alert)
                   : TC_ERR_CONNECT;
    const int rc = verdict_of(l);
    if (rc < 0) return refused_by_us(l, rc);
    const char *name =
        gnutls_alert_get_name((gnutls_alert_description_t)ngtcp2_conn_get_tls_alert(l->conn));
    if (l->side.why) (void)snprintf(l->side.why, TC_TLS_WHY, "%s", name ? name : "");
    return TC_ERR_TLS_HANDSHAKE;
}
