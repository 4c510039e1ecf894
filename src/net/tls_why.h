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
/* After use to verify, in a session that was resumed: its certificate would be believed now. */
bool tc_tls_name_still(tc_tls_name *name, gnutls_session_t session);

/* What a link knows of itself when it failed. */
typedef struct tc_tls_case {
    gnutls_session_t session;
    bool server;
    bool own;                /* client: there is a certificate of ours */
    unsigned status;         /* server: what is wrong with the client's certificate */
    int alert;               /* what the peer said, where that is why */
    const tc_tls_name *name; /* client; may be NULL */
} tc_tls_case;

/* The error for what failed with rc. why: TC_TLS_WHY bytes; may be NULL. */
tc_err tc_tls_why(const tc_tls_case *c, int rc, char *why);
/* What the peer is told; none: the library knows better. Of failures over certificates. */
bool tc_tls_alert_for(tc_err err, bool modern, int *ret_alert);
/* Tells the peer. */
void tc_tls_alert(gnutls_session_t session, int rc, tc_err err);
/* Errors over certificates are about the server's: the same about a client's. why may be NULL. */
tc_err tc_tls_of_client(tc_err err, char *why);

/* Verifies what the client showed: its time, its authorities and that it is for clients. A code of
 * the library's. */
int tc_tls_verify_client(gnutls_session_t session, bool may_be_unknown, unsigned *ret_status);
/* The subject of the peer's certificate (RFC 4514), allocated; NULL: it showed none. */
int tc_tls_subject(gnutls_session_t session, char **ret_subject);

void tc_tls_describe(gnutls_session_t session, tc_protection *ret_protection);
