/* confine.h - a server shuts itself off from what its settings do not name: sandbox and seccomp. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

/* All of these: not zero is the program's exit code, and the reason was said. */

/* Files, before the first thread. What is opened later must be named by a setting. */
int tc_confine_files(const tc_config *c);
/* TCP ports and connections, once all listeners are open; then system calls. */
int tc_confine_rest(const tc_config *c);
