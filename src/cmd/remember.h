/* remember.h - what a client keeps from one run to the next: where HTTP/3 can be had (Alt-Svc), in
 * the file alt-svc of the user's state folder. A file that cannot be read or written is no failure:
 * then less is remembered. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/alternatives.h"

void tc_remember_load(tc_alternatives *a);
void tc_remember_store(tc_alternatives *a); /* if it changed */
