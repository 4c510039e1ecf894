/* check.h - whether what is in force makes sense, and what it names is there: all that can be seen
 * without serving. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"

enum { TC_HSTS_BYTES = 80 };
/* "31536000,subdomains,preload" as Strict-Transport-Security has it (RFC 6797, 6.1). False: it
 * makes no sense. */
bool tc_config_hsts(const char *text, char ret_value[TC_HSTS_BYTES]);

bool tc_config_is_secure(const char *url); /* "https:..." */
/* The first setting that was given and makes sense with https:// alone; NULL: none. */
const char *tc_config_secure_setting(const tc_config *c);

/* Certificates and keys that cannot be used together: where they are not about to be loaded all the
 * same. Behind tc_config_check, if that found no faults. */
void tc_config_check_pairs(tc_config *c);
/* Every fault of a resolved configuration. */
void tc_config_check(tc_config *c);
