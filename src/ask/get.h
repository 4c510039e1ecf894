/* get.h - `tercet get` and all others that send a request. */
// SPDX-License-Identifier: MIT
#pragma once
#include "run/command.h"

extern const tc_command tc_command_get;
extern const tc_command tc_command_head;
extern const tc_command tc_command_post;
extern const tc_command tc_command_put;
extern const tc_command tc_command_patch;
extern const tc_command tc_command_delete;
extern const tc_command tc_command_options;
extern const tc_command tc_command_trace;
extern const tc_command tc_command_request;
