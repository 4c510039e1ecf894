/* tls_why.c - see tls_why.h. */
// SPDX-License-Identifier: MIT
#include "net/tls_why.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

struct tc_tls_name {
    char host[256];
    gnutls_typed_vdata_st asked[2]; /* the library keeps a pointer to it */
};

tc_tls_name *tc_tls_name_new(const char *host)
{
    tc_tls_name *name = tc_alloc_zero(sizeof *name);
    if (!name) return NULL;
    size_t n = strlen(host);
    if (n > 0 && host[n - 1] == '.') n--; /* the root is not part of a certificate's name */
    if (n >= sizeof name->host) n = sizeof name->host - 1;
    memcpy(name->host, host, n);
    return name;
}

void tc_tls_name_free(tc_tls_name *name)
{
    tc_free(name);
}

static bool is_address(const char *host)
{
    unsigned char room[16];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

int tc_tls_name_use(tc_tls_name *name, gnutls_session_t session, bool verify)
{
    int rc = 0;
    if (!is_address(name->host))
        rc = gnutls_server_name_set(session, GNUTLS_NAME_DNS, name->host, strlen(name->host));
    if (rc < 0 || !verify) return rc;
    name->asked[0].type = GNUTLS_DT_DNS_HOSTNAME;
    name->asked[0].data = (unsigned char *)name->host;
    name->asked[1].type = GNUTLS_DT_KEY_PURPOSE_OID;
    name->asked[1].data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_session_set_verify_cert2(session, name->asked, 2, 0);
    return 0;
}

bool tc_tls_name_still(tc_tls_name *name, gnutls_session_t session)
{
    unsigned status = 0;
    return gnutls_certificate_verify_peers(session, name->asked, 2, &status) >= 0 && status == 0;
}

/* --- why ----------------------------------------------------------------------------------- */

static gnutls_x509_crt_t certificate_of(gnutls_session_t session)
{
    unsigned count = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t crt;
    if (!list || !count || gnutls_x509_crt_init(&crt) < 0) return NULL;
    if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) >= 0) return crt;
    gnutls_x509_crt_deinit(crt);
    return NULL;
}

__attribute__((format(printf, 3, 4))) static void put(char *why, size_t *at, const char *format,
                                                      ...)
{
    va_list arguments;
    if (*at >= TC_TLS_WHY) return;
    va_start(arguments, format);
    const int n = vsnprintf(why + *at, TC_TLS_WHY - *at, format, arguments);
    va_end(arguments);
    if (n > 0) *at += (size_t)n;
}

/* One name of the certificate, as text. False: there is none of that number. */
static bool name_at(gnutls_x509_crt_t crt, unsigned i, char *text, size_t size)
{
    char raw[256];
    size_t len = sizeof raw - 1;
    const int kind = gnutls_x509_crt_get_subject_alt_name(crt, i, raw, &len, NULL);
    if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return false;
    raw[kind < 0 ? 0 : len] = 0;
    if (kind == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16))
        (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, raw, text, (socklen_t)size);
    else
        (void)snprintf(text, size, "%s", kind == GNUTLS_SAN_DNSNAME ? raw : "?");
    return true;
}

static void put_names(gnutls_x509_crt_t crt, const tc_tls_name *name, char *why, size_t *at)
{
    enum { NAMES_MAX = 6 };
    char text[256];
    unsigned i = 0;
    put(why, at, "it is for ");
    for (; i < NAMES_MAX && name_at(crt, i, text, sizeof text); i++)
        put(why, at, "%s%s", i ? ", " : "", text);
    if (i == 0) put(why, at, "no name at all");
    if (i == NAMES_MAX) put(why, at, " and others");
    put(why, at, ", not for %s", name ? name->host : "this server");
}

static void put_day(const char *before, time_t when, char *why, size_t *at)
{
    struct tm day;
    char text[32];
    if (!gmtime_r(&when, &day) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M", &day)) return;
    put(why, at, "%s %s UTC", before, text);
}

static void put_issuer(gnutls_x509_crt_t crt, char *why, size_t *at)
{
    gnutls_datum_t text;
    if (gnutls_x509_crt_get_issuer_dn3(crt, &text, 0) < 0) return;
    put(why, at, "made by %.*s", (int)text.size, (const char *)text.data);
    gnutls_free(text.data);
}

static bool self_signed(gnutls_x509_crt_t crt)
{
    return crt && gnutls_x509_crt_check_issuer(crt, crt) != 0;
}

/* What is worst comes first: who made it, whether it is still good, then for whom it is. */
static tc_err judge(unsigned status, gnutls_x509_crt_t crt, const tc_tls_name *name, char *why)
{
    size_t at = 0;
    if (status & GNUTLS_CERT_REVOKED) return TC_ERR_CERT_REVOKED;
    if (status & GNUTLS_CERT_EXPIRED) {
        if (crt) put_day("it ended on", gnutls_x509_crt_get_expiration_time(crt), why, &at);
        return TC_ERR_CERT_EXPIRED;
    }
    if (status & GNUTLS_CERT_NOT_ACTIVATED) {
        if (crt) put_day("it begins on", gnutls_x509_crt_get_activation_time(crt), why, &at);
        return TC_ERR_CERT_NOT_YET;
    }
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) {
        if (crt) put_issuer(crt, why, &at);
        return self_signed(crt) ? TC_ERR_CERT_SELF_SIGNED : TC_ERR_CERT_AUTHORITY;
    }
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH) return TC_ERR_CERT_PURPOSE;
    if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
        if (crt) put_names(crt, name, why, &at);
        return TC_ERR_CERT_NAME;
    }
    gnutls_datum_t text;
    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
        put(why, &at, "%.*s", (int)text.size, (const char *)text.data);
        gnutls_free(text.data);
    }
    return TC_ERR_CERT_INVALID;
}

/* The other end refused: us, or to go on without a certificate of ours. */
static tc_err refused(const tc_tls_case *c, char *why, size_t *at)
{
    const gnutls_alert_description_t alert = (gnutls_alert_description_t)c->alert;
    if (alert == GNUTLS_A_NO_APPLICATION_PROTOCOL) return TC_ERR_NOT_AGREED;
    const bool asked = !c->server && gnutls_certificate_client_get_request_status(c->session) != 0;
    const bool over_certificate =
        alert == GNUTLS_A_CERTIFICATE_REQUIRED || alert == GNUTLS_A_UNKNOWN_CA ||
        alert == GNUTLS_A_ACCESS_DENIED ||
        (alert >= GNUTLS_A_BAD_CERTIFICATE && alert <= GNUTLS_A_CERTIFICATE_UNKNOWN);
    if (asked && !c->own && (over_certificate || alert == GNUTLS_A_HANDSHAKE_FAILURE))
        return TC_ERR_CERT_WANTED;
    if (asked && c->own && alert == GNUTLS_A_CERTIFICATE_REQUIRED)
        put(why, at, "it is by none of the authorities that the server names");
    else {
        const char *name = gnutls_alert_get_name(alert);
        put(why, at, "the peer says: %s", name ? name : "no");
    }
    return asked && over_certificate ? TC_ERR_CERT_REFUSED : TC_ERR_TLS_HANDSHAKE;
}

tc_err tc_tls_why(const tc_tls_case *c, int rc, char *why)
{
    char nobody[TC_TLS_WHY];
    size_t at = 0;
    if (!why) why = nobody;
    why[0] = 0;
    switch (rc) {
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR: {
        gnutls_x509_crt_t crt = certificate_of(c->session);
        const unsigned status =
            c->server ? c->status : gnutls_session_get_verify_cert_status(c->session);
        const tc_err err = judge(status, crt, c->name, why);
        if (crt) gnutls_x509_crt_deinit(crt);
        return err;
    }
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_RECORD_OVERFLOW:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET: return TC_ERR_NOT_TLS;
    case GNUTLS_E_FATAL_ALERT_RECEIVED: return refused(c, why, &at);
    case GNUTLS_E_PREMATURE_TERMINATION:
        put(why, &at, "the peer closed the connection");
        return c->server ? TC_ERR_PEER_CLOSED : TC_ERR_TLS_HANDSHAKE;
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
        if (c->server) return TC_ERR_CLIENT_CERT_NONE;
        put(why, &at, "the server shows no certificate");
        break;
    default: put(why, &at, "%s", gnutls_strerror(rc)); break;
    }
    return rc == GNUTLS_E_MEMORY_ERROR ? TC_ERR_NO_MEMORY : TC_ERR_TLS_HANDSHAKE;
}

/* --- what is told of it -------------------------------------------------------------------- */

static const struct verdict {
    tc_err err;
    gnutls_alert_description_t alert;
    const char *word; /* of a client's certificate */
} verdicts[] = {
    {TC_ERR_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "it has expired"},
    {TC_ERR_CERT_NOT_YET, GNUTLS_A_CERTIFICATE_EXPIRED, "it is not valid yet"},
    {TC_ERR_CERT_NAME, GNUTLS_A_CERTIFICATE_UNKNOWN, "it is for another name"},
    {TC_ERR_CERT_SELF_SIGNED, GNUTLS_A_UNKNOWN_CA, "it is self-signed"},
    {TC_ERR_CERT_AUTHORITY, GNUTLS_A_UNKNOWN_CA, "it is from an unknown authority"},
    {TC_ERR_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "it was revoked"},
    {TC_ERR_CERT_PURPOSE, GNUTLS_A_UNSUPPORTED_CERTIFICATE, "it is not for clients"},
    {TC_ERR_CERT_INVALID, GNUTLS_A_BAD_CERTIFICATE, "it is not valid"},
};

static const struct verdict *verdict_of(tc_err err)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (verdicts[i].err == err) return &verdicts[i];
    return NULL;
}

bool tc_tls_alert_for(tc_err err, bool modern, int *ret_alert)
{
    const struct verdict *v = verdict_of(err);
    if (err == TC_ERR_CLIENT_CERT_NONE)
        *ret_alert = (int)(modern ? GNUTLS_A_CERTIFICATE_REQUIRED : GNUTLS_A_HANDSHAKE_FAILURE);
    else if (v)
        *ret_alert = (int)v->alert;
    return v || err == TC_ERR_CLIENT_CERT_NONE;
}

void tc_tls_alert(gnutls_session_t session, int rc, tc_err err)
{
    const bool modern = gnutls_protocol_get_version(session) == GNUTLS_TLS1_3;
    int alert;
    /* the results do not count: they may be gone */
    if (tc_tls_alert_for(err, modern, &alert))
        (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, (gnutls_alert_description_t)alert);
    else
        (void)gnutls_alert_send_appropriate(session, rc);
}

tc_err tc_tls_of_client(tc_err err, char *why)
{
    const struct verdict *v = verdict_of(err);
    char more[TC_TLS_WHY];
    if (!v) return err;
    if (!why) return TC_ERR_CLIENT_CERT;
    (void)snprintf(more, sizeof more, "%s", why);
    (void)snprintf(why, TC_TLS_WHY, "%s%s%.400s", v->word, *more ? ": " : "", more);
    return TC_ERR_CLIENT_CERT;
}

/* --- a client's certificate ---------------------------------------------------------------- */

int tc_tls_verify_client(gnutls_session_t session, bool may_be_unknown, unsigned *ret_status)
{
    gnutls_typed_vdata_st asked = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned count = 0;
    *ret_status = 0;
    if (!gnutls_certificate_get_peers(session, &count) || count == 0)
        return may_be_unknown ? 0 : GNUTLS_E_CERTIFICATE_REQUIRED;
    const int rc = gnutls_certificate_verify_peers(session, &asked, 1, ret_status);
    if (rc < 0) return rc;
    return *ret_status ? GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR : 0;
}

int tc_tls_subject(gnutls_session_t session, char **ret_subject)
{
    gnutls_x509_crt_t crt = certificate_of(session);
    gnutls_datum_t text;
    if (!crt) return 0;
    int rc = gnutls_x509_crt_get_dn3(crt, &text, 0);
    gnutls_x509_crt_deinit(crt);
    if (rc < 0) return rc == GNUTLS_E_MEMORY_ERROR ? rc : 0; /* it has no subject */
    *ret_subject = tc_alloc(text.size + 1);
    if (*ret_subject) {
        memcpy(*ret_subject, text.data, text.size);
        (*ret_subject)[text.size] = 0;
    } else {
        rc = GNUTLS_E_MEMORY_ERROR;
    }
    gnutls_free(text.data);
    return rc;
}

/* --- what was agreed on -------------------------------------------------------------------- */

static void copy(char *into, size_t size, const char *text)
{
    (void)snprintf(into, size, "%s", text ? text : "");
}

void tc_tls_describe(gnutls_session_t session, tc_protection *ret)
{
    *ret = (tc_protection){0};
    const gnutls_protocol_t version = gnutls_protocol_get_version(session);
    copy(ret->version, sizeof ret->version,
         version == GNUTLS_TLS1_3   ? "TLS 1.3"
         : version == GNUTLS_TLS1_2 ? "TLS 1.2"
                                    : gnutls_protocol_get_name(version));
    copy(ret->cipher, sizeof ret->cipher, gnutls_cipher_get_name(gnutls_cipher_get(session)));
    copy(ret->group, sizeof ret->group, gnutls_group_get_name(gnutls_group_get(session)));
    gnutls_datum_t protocol;
    if (gnutls_alpn_get_selected_protocol(session, &protocol) >= 0)
        (void)snprintf(ret->protocol, sizeof ret->protocol, "%.*s", (int)protocol.size,
                       (const char *)protocol.data);
    ret->resumed = gnutls_session_is_resumed(session) != 0;
}
