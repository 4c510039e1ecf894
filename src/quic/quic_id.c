/* quic_id.c - connection ids, which begin with the number of the socket and of the generation that
 * made them, and the secrets that tokens and stateless resets are made of.
 *
 * The secret comes of the server's private key, so that it outlives the process: after a restart a
 * peer of the old one gets a reset that it can believe. */
// SPDX-License-Identifier: MIT
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "quic/quic_inside.h"

#include "base/hash.h"

bool tc_quic_random(void *into, size_t len)
{
    return gnutls_rnd(GNUTLS_RND_NONCE, into, len) == 0;
}

/* HMAC over a label: each use has a secret of its own. */
static void derive(const tc_quic_secret *from, const char *label, uint8_t ret[32])
{
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, from->bytes, sizeof from->bytes, label, strlen(label),
                         ret) < 0)
        memcpy(ret, from->bytes,
               sizeof from->bytes); /* it has no way to fail but a broken library */
}

void tc_quic_secrets_use(tc_quic *q)
{
    derive(&q->config.secret, "tercet stateless reset", q->reset_secret);
    derive(&q->config.secret, "tercet token", q->token_secret);
}

static bool of_key(tc_tls_set *set, tc_quic_secret *ret)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t der;
    if (!set->count || gnutls_certificate_get_x509_key(set->at[0].credentials, 0, &key) < 0)
        return false;
    int rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, 0, &der);
    gnutls_x509_privkey_deinit(key);
    if (rc < 0) return false;
    rc = gnutls_hmac_fast(GNUTLS_MAC_SHA256, "tercet quic", 11, der.data, der.size, ret->bytes);
    gnutls_memset(der.data, 0, der.size);
    gnutls_free(der.data);
    return rc >= 0;
}

void tc_quic_secret_make(tc_tls *tls, tc_quic_secret *ret)
{
    tc_tls_set *set = tc_tls_set_ref(tls);
    if (!set || !of_key(set, ret)) tc_random_bytes(ret->bytes, sizeof ret->bytes);
    tc_tls_set_unref(set);
}

/* --- ids ----------------------------------------------------------------------------------- */

tc_err tc_quic_id_new(tc_quic *q, ngtcp2_cid *ret_cid, uint8_t *ret_token)
{
    ret_cid->datalen = QUIC_ID;
    if (!tc_quic_random(ret_cid->data, QUIC_ID)) return TC_ERR_SYSTEM;
    ret_cid->data[0] = (uint8_t)(q->config.socket >> 8);
    ret_cid->data[1] = (uint8_t)q->config.socket;
    ret_cid->data[2] = q->config.generation;
    if (ret_token && ngtcp2_crypto_generate_stateless_reset_token(
                         ret_token, q->reset_secret, sizeof q->reset_secret, ret_cid) != 0)
        return TC_ERR_SYSTEM;
    return TC_OK;
}

unsigned tc_quic_id_socket(const uint8_t *at, size_t len)
{
    return len < 2 ? TC_QUIC_SOCKETS : (unsigned)at[0] << 8 | at[1];
}

uint8_t tc_quic_id_generation(const tc_quic *q, const uint8_t *at, size_t len)
{
    return len == QUIC_ID ? at[2] : q->config.generation;
}

static tc_span key_of(const tc_quic_id *id)
{
    return tc_span_of((const char *)id->bytes, id->len);
}

tc_err tc_quic_id_add(tc_quic *q, tc_link_quic *l, const ngtcp2_cid *cid)
{
    tc_quic_id *id = tc_slab_get(&q->id_slab);
    if (!id) return TC_ERR_NO_MEMORY;
    *id = (tc_quic_id){.next = l->ids, .link = l, .len = (uint8_t)cid->datalen};
    memcpy(id->bytes, cid->data, cid->datalen);
    const tc_err err = tc_map_put(&q->ids, key_of(id), id);
    if (err) {
        tc_slab_put(&q->id_slab, id);
        return err;
    }
    l->ids = id;
    return TC_OK;
}

static void forget(tc_quic *q, tc_quic_id *id)
{
    (void)tc_map_remove(&q->ids, key_of(id)); /* it is there */
    tc_slab_put(&q->id_slab, id);
}

void tc_quic_id_remove(tc_quic *q, tc_link_quic *l, const ngtcp2_cid *cid)
{
    for (tc_quic_id **at = &l->ids; *at; at = &(*at)->next) {
        tc_quic_id *id = *at;
        if (id->len != cid->datalen || memcmp(id->bytes, cid->data, cid->datalen)) continue;
        *at = id->next;
        forget(q, id);
        return;
    }
}

void tc_quic_ids_free(tc_quic *q, tc_quic_id *ids)
{
    while (ids) {
        tc_quic_id *id = ids;
        ids = id->next;
        forget(q, id);
    }
}

tc_quic_id *tc_quic_id_find(const tc_quic *q, const uint8_t *at, size_t len)
{
    return tc_map_get(&q->ids, tc_span_of((const char *)at, len));
}
