/* tls_authority.c - see tls_authority.h. */
// SPDX-License-Identifier: MIT
#include "net/tls_authority.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <time.h>

enum {
    DAY = 24 * 3600,
    AUTHORITY_DAYS = 3650,
    SERVER_DAYS = 397, /* browsers take no longer ones */
    RENEW_DAYS = 30,
    SERIAL_BYTES = 16
};

typedef struct pair {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
} pair;

static void drop(pair *p)
{
    if (p->crt) gnutls_x509_crt_deinit(p->crt);
    if (p->key) gnutls_x509_privkey_deinit(p->key);
    *p = (pair){0};
}

static gnutls_datum_t datum(tc_span s)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.at, (unsigned)s.len};
}

/* What every certificate of ours has: a new key, a random number, its time. */
static int begin(pair *p, int64_t now, int64_t days)
{
    unsigned char serial[SERIAL_BYTES], id[64];
    size_t id_size = sizeof id;
    int rc = gnutls_x509_crt_init(&p->crt);
    if (rc >= 0) rc = gnutls_x509_privkey_init(&p->key);
    if (rc >= 0)
        rc = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (rc >= 0) rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and never short */
    if (rc >= 0) rc = gnutls_x509_crt_set_version(p->crt, 3);
    if (rc >= 0) rc = gnutls_x509_crt_set_serial(p->crt, serial, sizeof serial);
    if (rc >= 0) rc = gnutls_x509_crt_set_activation_time(p->crt, (time_t)(now - DAY));
    if (rc >= 0) rc = gnutls_x509_crt_set_expiration_time(p->crt, (time_t)(now + days * DAY));
    if (rc >= 0) rc = gnutls_x509_crt_set_key(p->crt, p->key);
    if (rc >= 0) rc = gnutls_x509_crt_get_key_id(p->crt, 0, id, &id_size);
    if (rc >= 0) rc = gnutls_x509_crt_set_subject_key_id(p->crt, id, id_size);
    return rc;
}

static int name_it(gnutls_x509_crt_t crt, const char *text)
{
    return gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, text,
                                         (unsigned)strlen(text));
}

static tc_err export(const pair *p, tc_buf *certificate, tc_buf *key)
{
    gnutls_datum_t text;
    tc_err err = TC_ERR_NO_MEMORY;
    if (gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &text) >= 0) {
        err = tc_buf_add(certificate, tc_span_of((const char *)text.data, text.size));
        gnutls_free(text.data);
    }
    if (!err && gnutls_x509_privkey_export2_pkcs8(p->key, GNUTLS_X509_FMT_PEM, NULL,
                                                  GNUTLS_PKCS_PLAIN, &text) < 0)
        return TC_ERR_NO_MEMORY;
    if (err) return err;
    err = tc_buf_add(key, tc_span_of((const char *)text.data, text.size));
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    return err;
}

tc_err tc_authority_make(const char *owner, int64_t now, tc_buf *certificate, tc_buf *key)
{
    pair p = {0};
    char name[64]; /* the most that X.520 allows */
    (void)snprintf(name, sizeof name, "tercet local authority (%s)", owner);
    int rc = begin(&p, now, AUTHORITY_DAYS);
    if (rc >= 0) rc = name_it(p.crt, name);
    if (rc >= 0) rc = gnutls_x509_crt_set_basic_constraints(p.crt, 1, 0);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(p.crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (rc >= 0) rc = gnutls_x509_crt_sign2(p.crt, p.crt, p.key, GNUTLS_DIG_SHA256, 0);
    const tc_err err = rc < 0 ? TC_ERR_SYSTEM : export(&p, certificate, key);
    drop(&p);
    return err;
}

static int add_names(gnutls_x509_crt_t crt, const tc_span *names, size_t count)
{
    static const unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
    int rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                                  GNUTLS_FSAN_SET);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v4, sizeof v4,
                                                  GNUTLS_FSAN_APPEND);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v6, sizeof v6,
                                                  GNUTLS_FSAN_APPEND);
    for (size_t i = 0; i < count && rc >= 0; i++)
        if (names[i].len)
            rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, names[i].at,
                                                      (unsigned)names[i].len, GNUTLS_FSAN_APPEND);
    return rc;
}

static int import(pair *p, tc_span certificate, tc_span key)
{
    const gnutls_datum_t crt_text = datum(certificate), key_text = datum(key);
    int rc = gnutls_x509_crt_init(&p->crt);
    if (rc >= 0) rc = gnutls_x509_crt_import(p->crt, &crt_text, GNUTLS_X509_FMT_PEM);
    if (rc < 0 || !key.len) return rc;
    rc = gnutls_x509_privkey_init(&p->key);
    if (rc >= 0) rc = gnutls_x509_privkey_import2(p->key, &key_text, GNUTLS_X509_FMT_PEM, NULL, 0);
    return rc;
}

tc_err tc_authority_certify(tc_span authority, tc_span authority_key, const tc_span *names,
                            size_t count, int64_t now, tc_buf *certificate, tc_buf *key)
{
    pair ours = {0}, p = {0};
    unsigned char id[64];
    size_t id_size = sizeof id;
    int rc = import(&ours, authority, authority_key);
    if (rc >= 0) rc = begin(&p, now, SERVER_DAYS);
    if (rc >= 0) rc = name_it(p.crt, "localhost");
    if (rc >= 0) rc = add_names(p.crt, names, count);
    if (rc >= 0) rc = gnutls_x509_crt_set_basic_constraints(p.crt, 0, -1);
    if (rc >= 0) rc = gnutls_x509_crt_set_key_usage(p.crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc >= 0) rc = gnutls_x509_crt_set_key_purpose_oid(p.crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (rc >= 0) rc = gnutls_x509_crt_get_subject_key_id(ours.crt, id, &id_size, NULL);
    if (rc >= 0) rc = gnutls_x509_crt_set_authority_key_id(p.crt, id, id_size);
    if (rc >= 0) rc = gnutls_x509_crt_sign2(p.crt, ours.crt, ours.key, GNUTLS_DIG_SHA256, 0);
    const tc_err err = rc < 0 ? TC_ERR_OWN_CERT : export(&p, certificate, key);
    drop(&p);
    drop(&ours);
    return err;
}

bool tc_authority_covers(tc_span authority, tc_span certificate, const tc_span *names, size_t count,
                         int64_t now)
{
    pair ours = {0}, p = {0};
    unsigned status = 0;
    bool yes = import(&ours, authority, (tc_span){0}) >= 0 &&
               import(&p, certificate, (tc_span){0}) >= 0 &&
               gnutls_x509_crt_verify(p.crt, &ours.crt, 1, 0, &status) >= 0 && status == 0 &&
               gnutls_x509_crt_get_expiration_time(p.crt) > (time_t)(now + RENEW_DAYS * DAY) &&
               gnutls_x509_crt_check_hostname(p.crt, "localhost");
    for (size_t i = 0; i < count && yes; i++) {
        char name[256];
        if (names[i].len == 0 || names[i].len >= sizeof name) continue;
        (void)snprintf(name, sizeof name, "%.*s", TC_FMT(names[i]));
        yes = gnutls_x509_crt_check_hostname(p.crt, name) != 0;
    }
    drop(&p);
    drop(&ours);
    return yes;
}

bool tc_authority_fingerprint(tc_span certificate, char ret_text[TC_FINGERPRINT])
{
    pair p = {0};
    unsigned char raw[32];
    size_t size = sizeof raw;
    const bool good = import(&p, certificate, (tc_span){0}) >= 0 &&
                      gnutls_x509_crt_get_fingerprint(p.crt, GNUTLS_DIG_SHA256, raw, &size) >= 0 &&
                      size == 32;
    for (size_t i = 0; i < size && good; i++)
        (void)snprintf(ret_text + 3 * i, 4, i + 1 < size ? "%02X:" : "%02X", raw[i]);
    drop(&p);
    return good;
}
