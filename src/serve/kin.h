/* kin.h - the side of a generation (generation.h): what it got from the master, what it tells it,
 * and serving until the master, or its end, says otherwise. */
// SPDX-License-Identifier: MIT
#pragma once
#include "serve/admin.h"
#include "serve/generation.h"

typedef struct tc_kin tc_kin;

/* NULL: this process has no master. Once, before anything else is opened. */
tc_kin *tc_kin_begin(void);
void tc_kin_free(tc_kin *k); /* once nothing serves any more */

uint8_t tc_kin_number(const tc_kin *k);
int tc_kin_passed(const tc_kin *k);            /* for tc_server_config */
const uint8_t *tc_kin_secret(const tc_kin *k); /* of TLS tickets */
const int *tc_kin_kept(const tc_kin *k, size_t *ret_count);
/* Of a configuration that was good, to be read instead of its files; 0: these are to be read. */
int tc_kin_texts(const tc_kin *k);
/* What all generations share, and this one's place in it; NULL: its master has none. */
tc_ledger *tc_kin_ledger(const tc_kin *k, int *ret_slot);
/* Sockets and where packets for older generations go. */
void tc_kin_hand_in(tc_kin *k, tc_server *server);

/* Before a server starts: what it listens with, and keeps for generations after it. False: the
 * master is gone. */
bool tc_kin_tell(tc_kin *k, tc_server *server);
/* Descriptors for the generations after it, as tc_kin_kept gives them there. */
bool tc_kin_tell_kept(tc_kin *k, const int fds[], size_t count);
/* The texts of its configuration (config/texts.h). */
bool tc_kin_tell_texts(tc_kin *k, int fd);
bool tc_kin_tell_log(tc_kin *k, const tc_log *log);
/* It serves. From here on what this process says goes where the master's words go. */
bool tc_kin_ready(tc_kin *k, const tc_limits *limits);
void tc_kin_serve(tc_kin *k, tc_log *log, tc_admin_place *admin); /* until it has drained */
