/* example_config.h - examples/tercet.conf, which the build puts into the program. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

extern const char tc_example_config[];
extern const size_t tc_example_config_bytes;
