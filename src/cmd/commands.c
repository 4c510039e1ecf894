/* commands.c - the list of commands, in the order of `tercet --help`. */
// SPDX-License-Identifier: MIT
#include "cmd/commands.h"

#include <stddef.h>

const tc_command *const tc_commands[] = {
    &tc_command_serve,
    &tc_command_help,
    NULL,
};
