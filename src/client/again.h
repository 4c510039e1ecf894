/* again.h - TLS sessions that a client may come back to, each under the identity that it was made
 * for, and never for another one. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/client.h"

/* Keeps what a connection may come back with, if it is to be had and was not kept before. */
void tc_again_keep(tc_client *c, tc_connection *connection);
/* Before its handshake begins: a full one if nothing is kept for its identity. */
void tc_again_use(tc_client *c, tc_connection *connection);
void tc_again_fini(tc_client *c);
