/* tls.h - what all secure links of one side share: certificates and tickets of a server, trust of a
 * client, and the modern choice of versions, ciphers and groups (TLS 1.2 and 1.3).
 *
 * The library behind it is named in this folder alone. One object may be used by many threads. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

typedef struct tc_tls tc_tls;

enum { TC_TLS_SECRET = 64, TC_TLS_WHY = 512, TC_TLS_PROTOCOLS = 8, TC_TLS_HOST = 256 };

/* A certificate (with those of its authorities behind it) and its private key, as PEM files. */
typedef struct tc_tls_pair {
    const char *certificate, *key; /* the same file may hold both */
} tc_tls_pair;

typedef struct tc_tls_server_config {
    const tc_tls_pair *pairs; /* the first one is for clients that name no server, or another; lent,
                                 with the names in them: as long as what is made of this */
    size_t pair_count;
    bool no_tickets;
    const char *tickets; /* file with the 64 bytes that session tickets are made with, for several
                            machines; NULL: a secret of this process, made anew every 12 hours */
    const unsigned char *secret;    /* TC_TLS_SECRET bytes, that tickets are made with at first, so
                                       that    those of a process before are good; NULL: by chance */
    const char *client_authorities; /* PEM file: clients are asked for a certificate by one of them;
                                       NULL: they are not */
    const char *client_revoked; /* PEM file of lists (CRL): what is on one is refused; NULL: none */
    bool client_may_be_unknown; /* who shows none is served, too; a bad one never is */
    tc_span in_clear;           /* what somebody reads who speaks in clear text; then it is over */
    const tc_span *protocols;   /* for ALPN, the best one first */
    size_t protocol_count;
    /* Files had changed and were taken up, or (err) could not be, and the old ones serve on. From
     * whichever thread looked; may be NULL. */
    void (*changed)(void *self, const char *file, tc_err err, const char *why);
    /* A certificate that was loaded, and that clients will not believe. From any thread, too; may
     * be NULL. */
    void (*doubt)(void *self, const char *file, const char *what);
    void *self;
} tc_tls_server_config;

typedef struct tc_tls_client_config {
    const char *authorities[2]; /* PEM files; [0] NULL: the system's store. [1] beside either */
    const char *revoked;        /* PEM file of lists (CRL): what is on one is refused; NULL: none */
    bool insecure;              /* whoever answers is believed */
    const char *certificate;    /* our own, where a server asks for one; NULL: none */
    const char *key;            /* NULL: in the same file */
    const tc_span *protocols;
    size_t protocol_count;
} tc_tls_client_config;

/* What the files say is copied, what the configuration points at must live as long.
 * TC_ERR_OWN_CERT, TC_ERR_CA_FILE, TC_ERR_READ_FILE, TC_ERR_NO_MEMORY; why then says more. */
tc_err tc_tls_server_new(const tc_tls_server_config *config, tc_tls **ret_tls,
                         char why[TC_TLS_WHY]) TC_MUST_USE;
tc_err tc_tls_client_new(const tc_tls_client_config *config, tc_tls **ret_tls,
                         char why[TC_TLS_WHY]) TC_MUST_USE;
/* The first name in the certificate of a server's i-th pair that is for no host: a wildcard
 * directly below a top-level name. False: there is none. */
bool tc_tls_wide_name(tc_tls *tls, size_t i, char ret_name[TC_TLS_HOST]);
const char *tc_tls_library(void); /* which version of it: what it packed, no other unpacks */
void tc_tls_free(tc_tls *tls);    /* no link may be left that uses it */

/* Takes up files that have changed; looks at most once a second. now: monotonic ns. */
void tc_tls_look(tc_tls *tls, int64_t now);
