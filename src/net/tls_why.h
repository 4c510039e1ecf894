/* tls_why.h - whom a client wants to reach, what a handshake agreed on, and in words why it failed.
 * Within this folder only. */
// SPDX-License-Identifier: MIT
#pragma once
#include <gnutls/gnutls.h>

#include "http/event.h"
#include "net/tls.h"

typedef struct tc_tls_name tc_tls_name;

tc_tls_name *tc_tls_name_new(const char *host); /* NULL without memory */
void tc_tls_name_free(tc_tls_name *name);
/* Asks for the name (unless it is an address), and has the certificate verified for it (RFC 9525):
 * its time, its authorities, its name and that it is for servers. A code of the library's. */
int tc_tls_name_use(tc_tls_name *name, gnutls_session_t session, bool verify);

/* The error for a handshake that failed with rc. why (TC_TLS_WHY bytes) and name may be NULL. */
tc_err tc_tls_why(gnutls_session_t session, int rc, const tc_tls_name *name, char *why);

void tc_tls_describe(gnutls_session_t session, tc_protection *ret_protection);
