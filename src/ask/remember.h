/* remember.h - what a client keeps from one run to the next, in files of the user's state folder
 * that nobody else may read: where HTTP/3 can be had (alt-svc), what it may come back with
 * (sessions). A file that cannot be read or written is no failure: then less is remembered. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/alternatives.h"
#include "client/tickets.h"

void tc_remember_load(tc_alternatives *a);
void tc_remember_store(tc_alternatives *a); /* if it changed */
void tc_remember_load_tickets(tc_tickets *t);
void tc_remember_store_tickets(tc_tickets *t); /* if they changed */
