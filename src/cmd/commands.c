/* commands.c - the list of commands, in the order of `tercet --help`. */
// SPDX-License-Identifier: MIT
#include "cmd/commands.h"

#include <stddef.h>

#include "ask/cookies.h"
#include "ask/get.h"
#include "load/bench.h"
#include "serve/reload.h"
#include "serve/serve.h"

const tc_command *const tc_commands[] = {
    &tc_command_serve,   &tc_command_get,      &tc_command_head,
    &tc_command_post,    &tc_command_put,      &tc_command_patch,
    &tc_command_delete,  &tc_command_options,  &tc_command_trace,
    &tc_command_request, &tc_command_cookies,  &tc_command_bench,
    &tc_command_config,  &tc_command_password, &tc_command_trust,
    &tc_command_reload,  &tc_command_help,     NULL,
};
