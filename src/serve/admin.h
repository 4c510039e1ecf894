/* admin.h - the listener for an operator's tools, of a server of its own (site/admin.h), and what
 * it tells that only the program knows. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/log.h"
#include "site/admin.h"
#include "store/store.h"

typedef struct tc_admin_place {
    tc_server *server; /* NULL: there is none */
    tc_admin admin;
    tc_limits limits;
    const tc_log *log;
    tc_store *store;   /* NULL: there are no records */
    tc_ledger *ledger; /* shared with other generations; NULL: there are none */
    int slot;
    char url[128]; /* with the port that was found */
} tc_admin_place;

/* Whether only this machine reaches a URL like "http://127.0.0.1:9090". */
bool tc_admin_is_loopback(tc_span url);

/* Listens there; the server counts (tc_server_config.counts), and was not started. p stays where it
 * is. Not zero: the program's exit code, and the reason was said. url NULL: nothing is to be told.
 */
int tc_admin_open(tc_admin_place *p, const char *url, tc_server *server, const tc_limits *limits,
                  unsigned generation);
tc_err tc_admin_start(tc_admin_place *p) TC_MUST_USE;
void tc_admin_draining(tc_admin_place *p); /* the server is told to drain */
void tc_admin_end(tc_admin_place *p);      /* when it has, before it is freed */
void tc_admin_close(tc_admin_place *p);    /* after */
