/* configure.h - a server's configuration, read, resolved and judged; and what is wrong with it,
 * said. */
// SPDX-License-Identifier: MIT
#pragma once
#include "cmd/commands.h"
#include "config/collections.h"
#include "site/preload.h"

/* What was given by options is in c already. file NULL: there is none. False: it has faults. */
bool tc_configure(tc_config *c, const char *file, tc_collections *ret_collections,
                  tc_preloads *preloads);
/* Prints the faults; the program's exit code. */
int tc_configure_complain(const tc_command *command, const tc_config *c);
