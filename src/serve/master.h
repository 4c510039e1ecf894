/* master.h - the process that keeps what outlives a configuration and a build of the program: the
 * listening sockets, the secret of TLS tickets, privileges. It speaks to no client; its generations
 * do (generation.h). */
// SPDX-License-Identifier: MIT
#pragma once
#include "serve/generation.h"

typedef struct tc_master_settings {
    char **argv;          /* of the program, for its generations */
    const char *control;  /* socket; NULL: none */
    const char *pid_file; /* NULL: none */
} tc_master_settings;

/* Until it is told to end, and all has drained. The program's exit code. */
int tc_master_run(const tc_master_settings *settings);
bool tc_master_was_upgraded(void); /* this process was one of another build: it only goes on */

/* NULL: none is wanted. False: it was said why it cannot be written. */
bool tc_master_write_pid(const char *file);

/* The default place of the control socket; "" where there is none. Lives on. */
const char *tc_master_control(void);
