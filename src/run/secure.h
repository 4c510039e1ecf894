/* secure.h - what `tercet serve` needs for https:// listeners: certificates that were given, or the
 * one that the local authority made for this machine; tickets. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/tls.h"
#include "run/authority.h"
#include "run/term.h"

typedef struct tc_secure {
    tc_tls *tls; /* NULL: nothing listens on https:// */
    bool local;  /* the certificate is the local authority's */
    tc_authority_files files;
    tc_tls_pair own; /* the local authority's */
    const tc_tls_pair *pairs;
    size_t pair_count;
    tc_span protocols[TC_TLS_PROTOCOLS];
} tc_secure;

typedef struct tc_secure_settings {
    const tc_tls_pair *pairs; /* borrowed; none: the local authority makes one */
    size_t pair_count;
    const unsigned char *secret; /* of tickets, where that is NULL; see tc_tls_server_config */
    const char *tickets;         /* NULL, "off" or a file, which is made where there is none */
    const char *client_ca;       /* NULL: clients are asked for no certificate */
    const char *client_crl;      /* NULL: none is revoked */
    bool client_may_be_unknown;  /* who has none is served, too */
} tc_secure_settings;

/* On failure why says more. s must stay where it is until tc_secure_fini. */
tc_err tc_secure_init(tc_secure *s, const tc_secure_settings *settings,
                      char why[TC_TLS_WHY]) TC_MUST_USE;
/* Makes the file of SSLKEYLOGFILE, if one is named, for its owner alone; says so if it cannot. */
void tc_secure_key_log(void);
/* What --insecure of a client means. */
void tc_secure_doubt(const tc_term *term);
void tc_secure_fini(tc_secure *s);
