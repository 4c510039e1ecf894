/* secure.h - what `tercet serve` needs for https:// listeners: certificates that were given, or the
 * one that the local authority made for this machine; tickets. */
// SPDX-License-Identifier: MIT
#pragma once
#include "cmd/authority.h"
#include "cmd/options.h"
#include "net/tls.h"

typedef struct tc_secure {
    tc_tls *tls; /* NULL: nothing listens on https:// */
    bool local;  /* the certificate is the local authority's */
    tc_authority_files files;
    tc_tls_pair pairs[TC_OPTION_LIST_MAX];
    tc_span protocols[TC_TLS_PROTOCOLS];
} tc_secure;

/* certificates and keys belong together in their order; a key that is not given is in the
 * certificate's file. tickets: NULL, "off" or a file, which is made where there is none. On failure
 * why says more. s must stay where it is until tc_secure_fini. */
tc_err tc_secure_init(tc_secure *s, const tc_option_list *certificates, const tc_option_list *keys,
                      const char *tickets, char why[TC_TLS_WHY]) TC_MUST_USE;
void tc_secure_fini(tc_secure *s);
