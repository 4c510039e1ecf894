/* configure.h - a server's configuration, read, resolved and judged; and what is wrong with it,
 * said. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/build.h"
#include "run/command.h"

/* What was given by options is in c already. file NULL: there is none. False: it has faults. In any
 * case ret_built is to be ended with tc_built_fini, before c. */
bool tc_configure(tc_config *c, const char *file, tc_built *ret_built);
/* Prints a line about what may not be meant (config/notes.h). */
void tc_configure_note(const tc_section *s, const char *sentence);
/* Prints the faults; the program's exit code. */
int tc_configure_complain(const tc_command *command, const tc_config *c);
