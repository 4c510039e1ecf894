/* reload.h - `tercet reload`. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/command.h"

extern const tc_command tc_command_reload;
