/* tls_inside.h - what the files about TLS share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "net/tls.h"

/* What one file was when it was read. */
typedef struct tc_tls_stamp {
    int64_t seconds, nanoseconds, size;
    uint64_t inode;
} tc_tls_stamp;

enum { TC_TLS_TICKET_KEY = TC_TLS_SECRET };

/* A certificate that can be shown. Tickets made under it are good under no other one, nor where
 * clients are asked for other certificates. */
typedef struct tc_tls_shown {
    /* of this pair, and behind it of those that are for the same names */
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_crt_t leaf;
    int kind; /* of its key: gnutls_pk_algorithm_t */
    unsigned char ticket_key[TC_TLS_TICKET_KEY];
} tc_tls_shown;

/* A name that a certificate is for: a host, an address, or "*." and a domain. */
typedef struct tc_tls_name {
    const char *text;
    uint32_t which; /* certificate of the set */
} tc_tls_name;

/* The certificates that were loaded together. A handshake keeps them while it lasts, and a link
 * where there are several. */
typedef struct tc_tls_set {
    atomic_uint refs;
    size_t count;
    tc_tls_shown *at;   /* one for each pair */
    tc_tls_name *names; /* sorted; of equal ones that of the first certificate comes first */
    size_t name_count;
    tc_arena texts; /* of names */
    gnutls_datum_t ticket_secret;
} tc_tls_set;

struct tc_tls {
    bool server, insecure;
    bool own;                   /* client: there is a certificate of ours */
    gnutls_priority_t priority; /* one for all: each link would have 8 KB of its own */
    gnutls_datum_t protocols[TC_TLS_PROTOCOLS];
    unsigned protocol_count;

    /* server */
    tc_tls_server_config config;
    pthread_mutex_t lock; /* of set and stamps; taken once a handshake */
    tc_tls_set *set;
    tc_tls_stamp *stamps; /* of each pair's two files, then tickets, authorities, lists */
    atomic_llong next_look;
    int64_t key_made; /* monotonic ns; 0: not yet known */

    /* client */
    gnutls_certificate_credentials_t trust;
};

tc_tls_set *tc_tls_set_ref(tc_tls *tls);
void tc_tls_set_unref(tc_tls_set *set);

/* tls_side.c: a hello is about to be read. The certificate and the key of the tickets are those of
 * its host; a second hello (RFC 8446, 4.1.4) must be for the same. */
int tc_tls_side_hear(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                     const gnutls_datum_t *message);

/* tls_names.c: which of the certificates is whose. */
tc_err tc_tls_shown_prepare(tc_tls_shown *shown, const tc_tls_server_config *config,
                            const gnutls_datum_t *secret) TC_MUST_USE;
/* Notes the names of all, so that a handshake need not look at each. */
tc_err tc_tls_set_index(tc_tls_set *set) TC_MUST_USE;
/* Calls with each two that are for the same names, with keys of two kinds, the earlier one first,
 * until that fails: a client is shown the one that it can use. */
tc_err tc_tls_set_pairs(const tc_tls_set *set, tc_err (*beside)(void *self, size_t i, size_t j),
                        void *self) TC_MUST_USE;
/* The certificate for a host, NUL-terminated, in lower case and without a dot at its end: an exact
 * name before one with a wildcard, else the first. */
size_t tc_tls_set_choose(const tc_tls_set *set, const char *host);
/* Has a wildcard directly below a top-level name, which counts for no host. */
bool tc_tls_shown_wide_name(const tc_tls_shown *shown, char ret_name[TC_TLS_HOST]);
bool tc_tls_shown_covers(const tc_tls_shown *shown, const char *host);
/* The host that a client's hello asks for; false: none that could be a name of a server. */
bool tc_tls_hello_host(const gnutls_datum_t *hello, char ret_host[TC_TLS_HOST]);
/* host[:port] in the same form. False: it is none. */
bool tc_tls_authority_host(tc_span authority, char ret_host[TC_TLS_HOST]);
