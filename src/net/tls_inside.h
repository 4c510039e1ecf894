/* tls_inside.h - what the files about TLS share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/tls.h"

/* What one file was when it was read. */
typedef struct tc_tls_stamp {
    int64_t seconds, nanoseconds, size;
    uint64_t inode;
} tc_tls_stamp;

/* The certificates that were loaded together. A handshake keeps them while it lasts. */
typedef struct tc_tls_set {
    atomic_uint refs;
    size_t count;
    gnutls_certificate_credentials_t *at; /* one for each pair */
    gnutls_datum_t ticket_key;
} tc_tls_set;

struct tc_tls {
    bool server, insecure;
    gnutls_priority_t priority; /* one for all: each link would have 8 KB of its own */
    gnutls_datum_t protocols[TC_TLS_PROTOCOLS];
    unsigned protocol_count;

    /* server */
    tc_tls_server_config config;
    pthread_mutex_t lock; /* of set and stamps; taken once a handshake */
    tc_tls_set *set;
    tc_tls_stamp *stamps; /* of each pair's two files, then of the tickets' */
    atomic_llong next_look;
    int64_t key_made; /* monotonic ns; 0: not yet known */

    /* client */
    gnutls_certificate_credentials_t trust;
};

tc_tls_set *tc_tls_set_ref(tc_tls *tls);
void tc_tls_set_unref(tc_tls_set *set);
/* The certificates for the server that the client named. */
gnutls_certificate_credentials_t tc_tls_set_choose(const tc_tls_set *set, gnutls_session_t session);
