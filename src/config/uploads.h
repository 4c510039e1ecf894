/* uploads.h - folders into which routes write: one that several routes have is one, by whatever
 * path they name it, so that what is in it is counted once and what is remembered of it is
 * forgotten by all. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"
#include "server/ledger.h"

struct tc_upload_root;

/* For a block that is writable. NULL without memory. All of it lives as long as c. */
const struct tc_upload_config *tc_config_uploads(tc_config *c, const tc_section *s);
/* Who counts the changes that are made by blocks of c within this folder, or around it; NULL: none
 * does. After the last tc_config_uploads. */
struct tc_upload_root *tc_config_writers(const tc_config *c, const char *dir);
/* What is in these folders is counted together with the other generations. */
void tc_config_share_uploads(const tc_config *c, tc_ledger *ledger, int slot);
