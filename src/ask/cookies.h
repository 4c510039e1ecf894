/* cookies.h - `tercet cookies`: what is in a jar of cookies. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/command.h"

extern const tc_command tc_command_cookies;
