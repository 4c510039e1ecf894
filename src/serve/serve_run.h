/* serve_run.h - what `tercet serve` does once its settings are good: it listens, says where
 * (serve_show.c), and serves until it is told to end. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/check.h"
#include "run/secure.h"
#include "serve/admin.h"
#include "serve/kin.h"
#include "serve/privileges.h"
#include "serve/records.h"

typedef struct tc_serving {
    const char *what; /* the folder or the file that says it all, for people */
    tc_words *listen; /* URLs; a port 0 becomes the one that was found */
    bool unasked;     /* nothing was said that needs the default https:// listener */
    bool redirect, http09, quic;
    uint16_t secure_port;    /* out: of the first https:// */
    const tc_config *config; /* what may not be meant is told */
    const tc_secure *secure;
    tc_admin_place *admin;
    const tc_record_place *records;
    tc_log *log;
    const tc_privileges *user;
    int pid;     /* the file of its number, without a master; -1: none */
    tc_kin *kin; /* NULL: this process has no master */
} tc_serving;

/* The listener that nobody asked for, and that one can do without: last in the list. */
extern const char tc_serve_secure_url[];
/* Of what listen says the URL, without the word that may stand behind it. */
tc_span tc_serve_url(const char *listen);
/* Takes it from the list, and says why. */
void tc_serve_without(tc_words *urls, tc_err err, const char *why);
/* "tercet: what: sentence: detail"; the program's exit code. detail may be NULL. */
int tc_serve_fail(tc_err err, const char *what, const char *detail);

/* All: not zero is the program's exit code, and the reason was said. */
int tc_serve_listen(tc_server *server, tc_serving *s);
/* Where the server listens, for tunnels not to lead to itself. After tc_serve_listen. */
void tc_serve_own_ports(tc_config *c);
/* Listening is over: tells the master what there is, and is root no longer. */
int tc_serve_settle(tc_server *server, const tc_serving *s);
int tc_serve_run(tc_server *server, const tc_serving *s); /* until SIGINT or SIGTERM, and drained */

void tc_serve_announce(const tc_serving *s, const tc_server *server);
void tc_serve_report(const tc_server *server); /* at the end: which limits were reached */
void tc_serve_report_log(const tc_log *log);   /* after the workers have written their last */
