/* tls.c - see tls.h. Certificates stand in sets that are replaced as a whole when a file changes:
 * a handshake that has begun goes on with the set it began with. */
// SPDX-License-Identifier: MIT
#include "net/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/tls_inside.h"

enum { KEY_HOURS = 12 };

/* Forward secrecy and authenticated encryption only. AES-128 first: hardware makes it the cheapest.
 * X25519 before P-256, so that clients which offer only that need no second hello. */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE";

__attribute__((format(printf, 3, 4))) static tc_err say(char *why, tc_err err, const char *format,
                                                        ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, TC_TLS_WHY, format, arguments);
    va_end(arguments);
    return err;
}

/* --- files --------------------------------------------------------------------------------- */

static tc_tls_stamp stamp_of(const char *file)
{
    struct stat st;
    if (!file || stat(file, &st)) return (tc_tls_stamp){0};
    return (tc_tls_stamp){st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_size, st.st_ino};
}

static bool same(const tc_tls_stamp *a, const tc_tls_stamp *b)
{
    return a->seconds == b->seconds && a->nanoseconds == b->nanoseconds && a->size == b->size &&
           a->inode == b->inode;
}

static size_t stamp_count(const tc_tls *tls)
{
    return tls->config.pair_count * 2 + 3;
}

static const char *stamped_file(const tc_tls *tls, size_t i)
{
    if (i == tls->config.pair_count * 2) return tls->config.tickets;
    if (i == tls->config.pair_count * 2 + 1) return tls->config.client_authorities;
    if (i == tls->config.pair_count * 2 + 2) return tls->config.client_revoked;
    const tc_tls_pair *pair = &tls->config.pairs[i / 2];
    return i % 2 ? pair->key : pair->certificate;
}

static tc_err readable(const char *file, tc_err err, char *why)
{
    gnutls_datum_t bytes;
    const int rc = gnutls_load_file(file, &bytes);
    if (rc < 0) return say(why, err, "%s: %s", file, errno ? strerror(errno) : gnutls_strerror(rc));
    gnutls_memset(bytes.data, 0, bytes.size);
    gnutls_free(bytes.data);
    return TC_OK;
}

/* --- sets ---------------------------------------------------------------------------------- */

tc_tls_set *tc_tls_set_ref(tc_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    tc_tls_set *set = tls->set;
    if (set) atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&tls->lock);
    return set;
}

void tc_tls_set_unref(tc_tls_set *set)
{
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1) return;
    for (size_t i = 0; i < set->count; i++) {
        tc_tls_shown *shown = &set->at[i];
        if (shown->credentials) gnutls_certificate_free_credentials(shown->credentials);
        if (shown->leaf) gnutls_x509_crt_deinit(shown->leaf);
        gnutls_memset(shown->ticket_key, 0, sizeof shown->ticket_key);
    }
    if (set->ticket_secret.data) {
        gnutls_memset(set->ticket_secret.data, 0, set->ticket_secret.size);
        gnutls_free(set->ticket_secret.data);
    }
    tc_arena_fini(&set->texts);
    tc_free(set->names);
    tc_free(set->at);
    tc_free(set);
}

/* Our own certificate and its key. */
static tc_err take_pair(gnutls_certificate_credentials_t to, const char *certificate,
                        const char *key, char *why)
{
    tc_err err = readable(certificate, TC_ERR_OWN_CERT, why);
    if (!err) err = readable(key, TC_ERR_OWN_CERT, why);
    if (err) return err;
    const int rc =
        gnutls_certificate_set_x509_key_file2(to, certificate, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc >= 0) return TC_OK;
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return say(why, TC_ERR_OWN_CERT, "%s is not the key of %s", key, certificate);
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return say(why, TC_ERR_OWN_CERT, "%s: there is no private key in it%s", key,
                   strcmp(key, certificate) == 0 ? "; --key FILE names one" : "");
    return say(why, TC_ERR_OWN_CERT, "%s, %s: %s", certificate, key, gnutls_strerror(rc));
}

/* Authorities for the certificates of others: their number is not zero. */
static tc_err add_trust(gnutls_certificate_credentials_t to, const char *file, char *why)
{
    const tc_err err = readable(file, TC_ERR_CA_FILE, why);
    if (err) return err;
    const int rc = gnutls_certificate_set_x509_trust_file(to, file, GNUTLS_X509_FMT_PEM);
    if (rc > 0) return TC_OK;
    return say(why, TC_ERR_CA_FILE, "%s: %s", file,
               rc ? gnutls_strerror(rc) : "there is no certificate in it");
}

/* Lists are local files, believed as they are: also when they are out of date. */
static tc_err add_revoked(gnutls_certificate_credentials_t to, const char *file, char *why)
{
    const tc_err err = readable(file, TC_ERR_CA_FILE, why);
    if (err) return err;
    const int rc = gnutls_certificate_set_x509_crl_file(to, file, GNUTLS_X509_FMT_PEM);
    if (rc > 0) return TC_OK;
    return say(why, TC_ERR_CA_FILE, "%s: %s", file,
               rc ? gnutls_strerror(rc) : "there is no list of revoked certificates in it");
}

/* kept: the secret so far, or NULL for a new one. */
static tc_err load_tickets(const tc_tls_server_config *c, const gnutls_datum_t *kept,
                           gnutls_datum_t *ret, char *why)
{
    if (c->no_tickets) return TC_OK;
    if (kept) {
        ret->data = gnutls_malloc(kept->size);
        if (!ret->data) return TC_ERR_NO_MEMORY;
        memcpy(ret->data, kept->data, kept->size);
        ret->size = kept->size;
        return TC_OK;
    }
    if (!c->tickets) return gnutls_session_ticket_key_generate(ret) < 0 ? TC_ERR_NO_MEMORY : TC_OK;
    const int rc = gnutls_load_file(c->tickets, ret);
    if (rc < 0)
        return say(why, TC_ERR_READ_FILE, "%s: %s", c->tickets,
                   errno ? strerror(errno) : gnutls_strerror(rc));
    if (ret->size == TC_TLS_TICKET_KEY) return TC_OK;
    return say(why, TC_ERR_READ_FILE, "%s: it holds %u bytes; a key for tickets has %d", c->tickets,
               ret->size, TC_TLS_TICKET_KEY);
}

/* It is the clients who decide, but who serves should not learn it from them. */
static void doubt(const tc_tls_server_config *c, const char *file, gnutls_x509_crt_t leaf)
{
    const int64_t now = tc_clock_wall();
    if (gnutls_x509_crt_get_expiration_time(leaf) < now)
        c->doubt(c->self, file, "it has expired");
    else if (gnutls_x509_crt_get_activation_time(leaf) > now)
        c->doubt(c->self, file, "it is not valid yet");
    if (!gnutls_x509_crt_check_key_purpose(leaf, GNUTLS_KP_TLS_WWW_SERVER, 0))
        c->doubt(c->self, file, "it is not for servers");
}

static tc_err load_shown(const tc_tls_server_config *c, size_t i, tc_tls_set *set, char *why)
{
    tc_tls_shown *shown = &set->at[i];
    if (gnutls_certificate_allocate_credentials(&shown->credentials) < 0) return TC_ERR_NO_MEMORY;
    tc_err err = take_pair(shown->credentials, c->pairs[i].certificate, c->pairs[i].key, why);
    if (!err && c->client_authorities)
        err = add_trust(shown->credentials, c->client_authorities, why);
    if (!err && c->client_revoked) err = add_revoked(shown->credentials, c->client_revoked, why);
    if (!err)
        err = tc_tls_shown_prepare(shown, c, set->ticket_secret.data ? &set->ticket_secret : NULL);
    if (!err && c->doubt) doubt(c, c->pairs[i].certificate, shown->leaf);
    return err;
}

typedef struct loading {
    const tc_tls_server_config *config;
    tc_tls_set *set;
    char *why;
} loading;

/* What is given later for the same names as the i-th pair stands behind it; the library chooses by
 * what the client can do. */
static tc_err load_beside(void *self, size_t i, size_t j)
{
    const loading *l = self;
    const tc_tls_pair *other = &l->config->pairs[j];
    return take_pair(l->set->at[i].credentials, other->certificate, other->key, l->why);
}

static tc_err load_set(const tc_tls_server_config *c, const gnutls_datum_t *kept_secret,
                       tc_tls_set **ret_set, char *why)
{
    tc_tls_set *set = tc_alloc_zero(sizeof *set);
    if (!set) return TC_ERR_NO_MEMORY;
    atomic_init(&set->refs, 1);
    set->at = tc_alloc_zero(c->pair_count * sizeof *set->at);
    set->count = set->at ? c->pair_count : 0;
    tc_err err =
        set->at ? load_tickets(c, kept_secret, &set->ticket_secret, why) : TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < set->count && !err; i++)
        err = load_shown(c, i, set, why);
    if (!err) err = tc_tls_set_index(set);
    if (!err) err = tc_tls_set_pairs(set, load_beside, &(loading){c, set, why});
    if (err)
        tc_tls_set_unref(set);
    else
        *ret_set = set;
    return err;
}

/* --- making it ----------------------------------------------------------------------------- */

static tc_err begin(const tc_span *protocols, size_t count, tc_tls **ret_tls)
{
    tc_tls *tls = tc_alloc_zero(sizeof *tls);
    if (!tls) return TC_ERR_NO_MEMORY;
    (void)pthread_mutex_init(&tls->lock, NULL); /* cannot fail here */
    for (size_t i = 0; i < count && i < TC_TLS_PROTOCOLS; i++)
        tls->protocols[tls->protocol_count++] = (gnutls_datum_t){
            (unsigned char *)(uintptr_t)protocols[i].at, (unsigned)protocols[i].len};
    if (gnutls_priority_init2(&tls->priority, priorities, NULL, 0) < 0) {
        tc_tls_free(tls);
        return TC_ERR_NO_MEMORY;
    }
    *ret_tls = tls;
    return TC_OK;
}

tc_err tc_tls_server_new(const tc_tls_server_config *config, tc_tls **ret_tls, char why[TC_TLS_WHY])
{
    tc_tls *tls;
    why[0] = 0;
    tc_err err = begin(config->protocols, config->protocol_count, &tls);
    if (err) return err;
    tls->server = true;
    tls->config = *config;
    tls->stamps = tc_alloc_zero(stamp_count(tls) * sizeof *tls->stamps);
    if (!tls->stamps) err = TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < stamp_count(tls) && !err; i++)
        tls->stamps[i] = stamp_of(stamped_file(tls, i));
    const gnutls_datum_t secret = {(unsigned char *)(uintptr_t)config->secret, TC_TLS_SECRET};
    const bool given = config->secret && !config->tickets;
    tls->config.secret = NULL; /* it need not live for longer */
    if (!err) err = load_set(config, given ? &secret : NULL, &tls->set, why);
    if (err)
        tc_tls_free(tls);
    else
        *ret_tls = tls;
    return err;
}

tc_err tc_tls_client_new(const tc_tls_client_config *config, tc_tls **ret_tls, char why[TC_TLS_WHY])
{
    tc_tls *tls;
    why[0] = 0;
    tc_err err = begin(config->protocols, config->protocol_count, &tls);
    if (err) return err;
    tls->insecure = config->insecure;
    if (gnutls_certificate_allocate_credentials(&tls->trust) < 0) err = TC_ERR_NO_MEMORY;
    if (!err && !config->insecure) {
        if (config->authorities[0])
            err = add_trust(tls->trust, config->authorities[0], why);
        else
            (void)gnutls_certificate_set_x509_system_trust(tls->trust); /* none: nobody is known */
        if (!err && config->authorities[1])
            (void)gnutls_certificate_set_x509_trust_file(tls->trust, config->authorities[1],
                                                         GNUTLS_X509_FMT_PEM); /* may be missing */
        if (!err && config->revoked) err = add_revoked(tls->trust, config->revoked, why);
    }
    if (!err && config->certificate) {
        const char *key = config->key ? config->key : config->certificate;
        err = take_pair(tls->trust, config->certificate, key, why);
        tls->own = true;
    }
    if (err)
        tc_tls_free(tls);
    else
        *ret_tls = tls;
    return err;
}

bool tc_tls_wide_name(tc_tls *tls, size_t i, char ret_name[TC_TLS_HOST])
{
    tc_tls_set *set = tc_tls_set_ref(tls);
    const bool wide = set && i < set->count && tc_tls_shown_wide_name(&set->at[i], ret_name);
    tc_tls_set_unref(set);
    return wide;
}

const char *tc_tls_library(void)
{
    return gnutls_check_version(NULL);
}

void tc_tls_free(tc_tls *tls)
{
    if (!tls) return;
    tc_tls_set_unref(tls->set);
    if (tls->trust) gnutls_certificate_free_credentials(tls->trust);
    if (tls->priority) gnutls_priority_deinit(tls->priority);
    pthread_mutex_destroy(&tls->lock);
    tc_free(tls->stamps);
    tc_free(tls);
}

/* --- taking up what changed ---------------------------------------------------------------- */

/* The first file that is another one now; NULL: none. All stamps are brought up to date. */
static const char *changed_file(tc_tls *tls)
{
    const char *file = NULL;
    for (size_t i = 0; i < stamp_count(tls); i++) {
        const tc_tls_stamp now = stamp_of(stamped_file(tls, i));
        if (!same(&now, &tls->stamps[i]) && !file) file = stamped_file(tls, i);
        tls->stamps[i] = now;
    }
    return file;
}

void tc_tls_look(tc_tls *tls, int64_t now)
{
    long long due = atomic_load(&tls->next_look);
    if (!tls->server || now < due) return;
    if (!atomic_compare_exchange_strong(&tls->next_look, &due, now + TC_S))
        return; /* another thread looks */
    pthread_mutex_lock(&tls->lock);
    if (!tls->key_made) tls->key_made = now;
    const char *file = changed_file(tls);
    const bool own_key = !tls->config.no_tickets && !tls->config.tickets;
    const bool old_key = own_key && now - tls->key_made > KEY_HOURS * 3600 * TC_S;
    pthread_mutex_unlock(&tls->lock);
    if (!file && !old_key) return;
    char why[TC_TLS_WHY] = "";
    tc_tls_set *fresh = NULL, *old = NULL, *was = tc_tls_set_ref(tls);
    const tc_err err =
        load_set(&tls->config, own_key && !old_key ? &was->ticket_secret : NULL, &fresh, why);
    tc_tls_set_unref(was);
    pthread_mutex_lock(&tls->lock);
    if (!err) {
        if (old_key) tls->key_made = now;
        old = tls->set;
        tls->set = fresh;
    }
    pthread_mutex_unlock(&tls->lock);
    tc_tls_set_unref(old);
    if (file && tls->config.changed) tls->config.changed(tls->config.self, file, err, why);
}
