/* serve.h - `tercet serve`. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/command.h"

extern const tc_command tc_command_serve;
