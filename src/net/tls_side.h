/* tls_side.h - one side of a handshake, over TCP (link_tls.c) and in QUIC (quic_tls.c) alike: which
 * certificate a client is shown, which one it showed, whom a server's must be for. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/tls.h"

struct gnutls_session_int;
struct tc_tls_set;
struct tc_tls_name;

typedef struct tc_tls_side {
    void *ref[2]; /* first: what the library of QUIC finds its connection by */
    struct gnutls_session_int *session;
    tc_tls *tls;
    struct tc_tls_set *set;   /* server: while the handshake lasts; longer if it has several */
    struct tc_tls_name *name; /* client: whom the certificate must be for */
    char *asked;              /* server: the host that the client asked for, where that matters */
    char *proven;             /* server: the subject of the client's certificate */
    char *why;                /* of the caller's, TC_TLS_WHY bytes; NULL: nobody asks */
    uint32_t shown;           /* server: which certificate of the set */
    uint32_t status;          /* server: what is wrong with the client's certificate */
    int verdict;              /* server: what came of verifying it, a code of the library's */
    bool heard, insecure;
} tc_tls_side;

/* s->session is new and s->tls set; host: of a client, NUL-terminated. A code of the library's, as
 * of all below that return int. */
int tc_tls_side_begin(tc_tls_side *s, const char *host);
/* The handshake is over. A session that was resumed has verified nothing: who proved to be somebody
 * then must still be good. */
int tc_tls_side_done(tc_tls_side *s);
/* The error for what failed with rc; alert: what the peer said, if that is why. s->why says more.
 */
tc_err tc_tls_side_why(const tc_tls_side *s, int rc, int alert);
/* Gives back what only the handshake needs; all: the connection is over. */
void tc_tls_side_forget(tc_tls_side *s, bool all);

/* One that shows another certificate than the host's own stands for it only if that certificate
 * does, too. */
bool tc_tls_side_stands_for(const tc_tls_side *s, tc_span authority);
tc_span tc_tls_side_proven(const tc_tls_side *s);
