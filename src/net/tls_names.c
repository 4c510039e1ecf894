/* tls_names.c - which certificate is for which host, and what the tickets made under it are bound
 * to.
 *
 * The host is read from the hello before the library looks at it: a ticket in the same hello must
 * be opened with the right key or not at all, or a session would be resumed where its certificate,
 * or the client's, was never looked at. */
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/network.h"
#include "http/target.h"
#include "net/tls_inside.h"

enum { NAME_HEAD = 5, SHA256_BYTES = 32, NAME_ROOM = TC_TLS_HOST + 2 };

/* --- hosts --------------------------------------------------------------------------------- */

/* Letters, digits, '-', '.' and '_', in lower case; one dot at the end is no part of it. */
static bool make_host(tc_span name, char host[TC_TLS_HOST])
{
    if (tc_span_ends(name, TC_SPAN("."))) name.len--;
    if (name.len == 0 || name.len >= TC_TLS_HOST) return false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = tc_ascii_lower(name.at[i]);
        if (!tc_ascii_alpha(c) && !tc_ascii_digit(c) && c != '-' && c != '.' && c != '_')
            return false;
        host[i] = c;
    }
    host[name.len] = 0;
    return true;
}

/* Server names: how many bytes, then of each its kind (0: host), its length and it (RFC 6066, 3).
 */
static int see_extension(void *into, unsigned number, const unsigned char *data, unsigned size)
{
    const tc_span all = tc_span_of((const char *)data, size);
    char *host = into;
    if (number != 0 || size < NAME_HEAD || data[2] != 0) return 0;
    const size_t len = (size_t)data[3] << 8 | data[4];
    struct in_addr address;
    if (len > size - NAME_HEAD ||
        !make_host(tc_span_first(tc_span_from(all, NAME_HEAD), len), host) ||
        inet_pton(AF_INET, host, &address) == 1)
        host[0] = 0;
    return 0;
}

bool tc_tls_hello_host(const gnutls_datum_t *hello, char ret_host[TC_TLS_HOST])
{
    ret_host[0] = 0;
    return gnutls_ext_raw_parse(ret_host, see_extension, hello,
                                GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO) >= 0 &&
           ret_host[0];
}

bool tc_tls_authority_host(tc_span authority, char ret_host[TC_TLS_HOST])
{
    tc_span host;
    uint16_t port;
    if (tc_authority_split(authority, 0, &host, &port) != TC_OK) return false;
    if (!memchr(host.at, ':', host.len)) return make_host(host, ret_host);
    if (host.len >= TC_TLS_HOST) return false;
    memcpy(ret_host, host.at, host.len); /* an IPv6 address */
    ret_host[host.len] = 0;
    return true;
}

/* --- certificates -------------------------------------------------------------------------- */

bool tc_tls_shown_covers(const tc_tls_shown *shown, const char *host)
{
    return gnutls_x509_crt_check_hostname2(shown->leaf, host, 0) != 0;
}

typedef struct alternative {
    int kind;
    size_t len;
    char bytes[TC_TLS_HOST];
} alternative;

/* One of the names; false: there are no more. One that is longer than any host has no kind. */
static bool name_at(const tc_tls_shown *shown, unsigned n, alternative *ret)
{
    ret->len = sizeof ret->bytes;
    ret->kind = gnutls_x509_crt_get_subject_alt_name(shown->leaf, n, ret->bytes, &ret->len, NULL);
    if (ret->kind == GNUTLS_E_SHORT_MEMORY_BUFFER) ret->kind = 0;
    return ret->kind >= 0;
}

static bool has_all_names_of(const tc_tls_shown *a, const tc_tls_shown *b)
{
    alternative wanted, have;
    unsigned n = 0;
    for (; name_at(b, n, &wanted); n++) {
        bool found = false;
        for (unsigned i = 0; !found && name_at(a, i, &have); i++)
            found = have.kind && have.kind == wanted.kind && have.len == wanted.len &&
                    memcmp(have.bytes, wanted.bytes, wanted.len) == 0;
        if (!found) return false;
    }
    return n > 0;
}

/* --- all names of a set -------------------------------------------------------------------- */

/* One of a certificate's names as hosts are written, if it is one. */
static bool make_name(const alternative *name, char text[NAME_ROOM])
{
    char host[TC_TLS_HOST];
    const tc_span all = tc_span_of(name->bytes, name->len);
    if (name->kind == GNUTLS_SAN_IPADDRESS && (name->len == 4 || name->len == 16)) {
        const tc_ip ip = tc_ip_of((const uint8_t *)name->bytes, name->len);
        (void)tc_ip_text(&ip, text);
        return true;
    }
    if (name->kind != GNUTLS_SAN_DNSNAME || tc_span_ends(all, TC_SPAN("."))) return false;
    const bool wild = tc_span_starts(all, TC_SPAN("*."));
    if (!make_host(tc_span_from(all, wild ? 2 : 0), host)) return false;
    (void)snprintf(text, NAME_ROOM, "%s%s", wild ? "*." : "", host);
    return !wild || strchr(host, '.'); /* a wider one is for no host */
}

static tc_err add_name(tc_tls_set *set, size_t *room, const char *text, size_t which)
{
    if (set->name_count == *room) {
        const size_t more = *room ? 2 * *room : 16;
        tc_tls_name *grown = tc_realloc(set->names, more * sizeof *grown);
        if (!grown) return TC_ERR_NO_MEMORY;
        set->names = grown;
        *room = more;
    }
    const tc_span kept = tc_arena_printf(&set->texts, "%s", text);
    if (!kept.at) return TC_ERR_NO_MEMORY;
    set->names[set->name_count++] = (tc_tls_name){kept.at, (uint32_t)which};
    return TC_OK;
}

/* Where it has no host among its alternative names, the library looks at this one, too. */
static bool common_name(const tc_tls_shown *shown, char text[NAME_ROOM])
{
    alternative name = {.kind = GNUTLS_SAN_DNSNAME, .len = sizeof name.bytes};
    return gnutls_x509_crt_get_dn_by_oid(shown->leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name.bytes,
                                         &name.len) >= 0 &&
           make_name(&name, text) && tc_tls_shown_covers(shown, text);
}

static tc_err add_names(tc_tls_set *set, size_t *room, size_t which)
{
    const tc_tls_shown *shown = &set->at[which];
    char text[NAME_ROOM];
    alternative name;
    bool any = false;
    tc_err err = TC_OK;
    for (unsigned n = 0; !err && name_at(shown, n, &name); n++) {
        any |= name.kind == GNUTLS_SAN_DNSNAME;
        if (make_name(&name, text)) err = add_name(set, room, text, which);
    }
    if (!err && !any && common_name(shown, text)) err = add_name(set, room, text, which);
    return err;
}

static int order(const void *a, const void *b)
{
    const tc_tls_name *one = a, *other = b;
    const int by_text = strcmp(one->text, other->text);
    return by_text ? by_text : (one->which > other->which) - (one->which < other->which);
}

tc_err tc_tls_set_index(tc_tls_set *set)
{
    size_t room = 0;
    tc_err err = TC_OK;
    tc_arena_init(&set->texts, NULL, 0, SIZE_MAX);
    for (size_t i = 0; i < set->count && !err; i++)
        err = add_names(set, &room, i);
    if (!err && set->name_count) qsort(set->names, set->name_count, sizeof *set->names, order);
    return err;
}

static bool is_beside(const tc_tls_shown *one, const tc_tls_shown *other)
{
    return one->kind != other->kind && has_all_names_of(one, other) && has_all_names_of(other, one);
}

/* Those that are for the same names have the same first one, in the order of the index: only there
 * they are compared. */
tc_err tc_tls_set_pairs(const tc_tls_set *set, tc_err (*beside)(void *self, size_t i, size_t j),
                        void *self)
{
    tc_err err = TC_OK;
    const char **first = tc_alloc_zero(set->count * sizeof *first);
    if (!first) return TC_ERR_NO_MEMORY;
    for (size_t n = 0; n < set->name_count; n++) {
        const tc_tls_name *name = &set->names[n];
        if (!first[name->which]) first[name->which] = name->text;
    }
    for (size_t a = 0; a < set->name_count && !err; a++) {
        const tc_tls_name *one = &set->names[a];
        if (first[one->which] != one->text) continue;
        for (size_t b = a + 1; b < set->name_count && !err; b++) {
            const tc_tls_name *other = &set->names[b];
            if (strcmp(one->text, other->text) != 0) break;
            if (first[other->which] == other->text &&
                is_beside(&set->at[one->which], &set->at[other->which]))
                err = beside(self, one->which, other->which);
        }
    }
    tc_free(first);
    return err;
}

/* Where the names begin that are this one or come behind it. */
static size_t first_name(const tc_tls_set *set, const char *text)
{
    size_t low = 0, high = set->name_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(set->names[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool find(const tc_tls_set *set, const char *text, size_t *ret_which)
{
    const size_t at = first_name(set, text);
    if (at == set->name_count || strcmp(set->names[at].text, text) != 0) return false;
    *ret_which = set->names[at].which;
    return true;
}

size_t tc_tls_set_choose(const tc_tls_set *set, const char *host)
{
    char other[NAME_ROOM];
    size_t which = 0;
    tc_ip ip;
    if (strchr(host, ':')) {
        if (!tc_ip_parse(tc_span_str(host), &ip)) return which;
        (void)tc_ip_text(&ip, other);
        (void)find(set, other, &which);
        return which;
    }
    const char *domain = strchr(host, '.');
    if (find(set, host, &which) || !domain) return which;
    (void)snprintf(other, sizeof other, "*%s", domain);
    (void)find(set, other, &which);
    return which;
}

bool tc_tls_shown_wide_name(const tc_tls_shown *shown, char ret_name[TC_TLS_HOST])
{
    alternative name;
    for (unsigned n = 0; name_at(shown, n, &name); n++) {
        const tc_span all = tc_span_of(name.bytes, name.len);
        if (name.kind != GNUTLS_SAN_DNSNAME || all.len >= TC_TLS_HOST ||
            !tc_span_starts(all, TC_SPAN("*.")) || !make_host(tc_span_from(all, 2), ret_name))
            continue;
        if (strchr(ret_name, '.')) continue;
        memmove(ret_name + 2, ret_name, strlen(ret_name) + 1);
        memcpy(ret_name, "*.", 2);
        return true;
    }
    return false;
}

static int take_leaf(tc_tls_shown *shown)
{
    gnutls_x509_crt_t *list;
    unsigned count = 0;
    const int rc = gnutls_certificate_get_x509_crt(shown->credentials, 0, &list, &count);
    if (rc < 0) return rc;
    for (unsigned i = 1; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    shown->leaf = count ? list[0] : NULL;
    if (count) shown->kind = gnutls_x509_crt_get_pk_algorithm(shown->leaf, NULL);
    gnutls_free(list);
    return count ? 0 : GNUTLS_E_NO_CERTIFICATE_FOUND;
}

/* What a ticket stands for, besides the secret: our certificate and what was asked of the client.
 */
static int bind_tickets(tc_tls_shown *shown, const tc_tls_server_config *config,
                        const gnutls_datum_t *secret)
{
    gnutls_hmac_hd_t mac;
    gnutls_datum_t leaf = {0}, authorities = {0};
    unsigned char sums[2][SHA256_BYTES] = {{0}};
    const char policy = !config->client_authorities     ? 'n'
                        : config->client_may_be_unknown ? 'm'
                                                        : 'y';
    int rc = gnutls_x509_crt_export2(shown->leaf, GNUTLS_X509_FMT_DER, &leaf);
    if (rc >= 0) rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, leaf.data, leaf.size, sums[0]);
    if (rc >= 0 && config->client_authorities)
        rc = gnutls_load_file(config->client_authorities, &authorities);
    if (rc >= 0 && authorities.data)
        rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, authorities.data, authorities.size, sums[1]);
    if (rc >= 0) rc = gnutls_hmac_init(&mac, GNUTLS_MAC_SHA512, secret->data, secret->size);
    gnutls_free(leaf.data);
    gnutls_free(authorities.data);
    if (rc < 0) return rc;
    rc = gnutls_hmac(mac, sums, sizeof sums);
    if (rc >= 0) rc = gnutls_hmac(mac, &policy, 1);
    gnutls_hmac_deinit(mac, shown->ticket_key);
    return rc;
}

tc_err tc_tls_shown_prepare(tc_tls_shown *shown, const tc_tls_server_config *config,
                            const gnutls_datum_t *secret)
{
    int rc = take_leaf(shown);
    if (rc >= 0 && secret) rc = bind_tickets(shown, config, secret);
    return rc >= 0 ? TC_OK : rc == GNUTLS_E_MEMORY_ERROR ? TC_ERR_NO_MEMORY : TC_ERR_OWN_CERT;
}
