/* pool.h - which connection a fetch goes out on, and who waits for one: for a handshake to the same
 * origin that is under way, for room among the streams of a connection, or (patient) for its turn
 * on a connection that takes one exchange at a time. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/fetch.h"

tc_origin tc_fetch_origin(const tc_fetch *f); /* borrows from the fetch */

/* One that f may go out on now; NULL: there is none. It may still say TC_ERR_FULL. */
tc_connection *tc_pool_find(tc_fetch *f);
/* None now, but there will be: f should wait instead of opening one more. */
bool tc_pool_is_coming(tc_fetch *f);

/* f makes a connection, and until it is settled others of its origin wait for it. */
void tc_pool_open(tc_fetch *f);
/* It came to be; or (err) could not, for why, and those who wait cannot have it either. An end that
 * was only f's own has err TC_OK, too: the next one tries. Safe twice. */
void tc_pool_settle(tc_fetch *f, tc_err err, tc_span why);

void tc_pool_wait(tc_fetch *f);  /* until it is woken: then it looks again */
void tc_pool_leave(tc_fetch *f); /* if it waits */
/* Wakes those who wait for the origin, the first ones first. */
void tc_pool_wake(tc_client *c, const tc_origin *origin, unsigned most);
