/* again.h - TLS sessions that a client may come back to, over QUIC with the token that spares it a
 * Retry (RFC 9000, 8.1.3), each under the identity that it was made for, and never for another one.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/client.h"

/* Keeps what a connection may come back with, if it is to be had and was not kept before. */
void tc_again_keep(tc_client *c, tc_connection *connection);
/* Before its handshake begins: a full one if nothing is kept for its identity. */
void tc_again_use(tc_client *c, tc_connection *connection);
/* The same over QUIC, where it has to be known when the connection is made. NULL: nothing is kept;
 * else the caller's, for tc_again_free. */
struct tc_again *tc_again_take(tc_client *c, const tc_origin *origin, tc_span *ret_session,
                               tc_span *ret_token);
void tc_again_free(struct tc_again *taken); /* NULL is fine */
void tc_again_fini(tc_client *c);
