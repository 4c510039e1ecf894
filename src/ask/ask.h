/* ask.h - sends the requests of one command line, one after the other, and shows what comes back:
 * content on stdout, everything else on stderr. */
// SPDX-License-Identifier: MIT
#pragma once
#include "ask/prepare.h"
#include "base/limits.h"
#include "client/proxy.h"
#include "run/term.h"

typedef struct tc_ask {
    const char *const *outputs; /* a file for each URL; NULL: standard output */
    unsigned verbose;           /* 1: messages, 2: bytes, too */
    bool quiet, json, follow, fail, secrets, push;
    bool all; /* by each version, compared; content is not printed */
    enum tc_color_when color;
    int64_t limit_ns; /* of each URL; 0: none */
    tc_limits limits;
    const char *cacert, *crl, *cert, *key; /* NULL: not given */
    const char *proxy_cacert;              /* NULL: as for servers */
    const char *qlog;                      /* folder for logs of connections; NULL: none */
    const char *jar;                       /* of cookies; NULL: none */
    bool insecure;
    bool early;      /* early data, where a server was asked before over HTTP/3 */
    bool no_alt_svc; /* what servers said of HTTP/3 is neither heeded nor kept */
    const tc_proxies *proxies;
    const tc_prepared *prepared;
} tc_ask;

/* Returns the program's exit code: that of the first URL that failed. */
int tc_ask_all(const tc_ask *a);
