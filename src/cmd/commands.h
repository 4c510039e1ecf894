/* commands.h - what the program can be asked to do. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/command.h"

/* NULL at the end. */
extern const tc_command *const tc_commands[];
const tc_command *tc_command_of(const char *name); /* NULL where unknown */
/* "tercet: unknown command ...; did you mean ...?" on stderr; returns 2. */
int tc_command_unknown(const char *name);

/* `tercet help [COMMAND]`, `tercet --help`, `tercet --version`. */
void tc_cmd_version(void);
void tc_cmd_overview(void);

extern const tc_command tc_command_config;   /* config.c */
extern const tc_command tc_command_trust;    /* trust.c */
extern const tc_command tc_command_password; /* password.c */
extern const tc_command tc_command_help;     /* help.c */
