/* secret.h - fields whose values are nobody else's business: shown as dots, and never carried to
 * another origin by a redirect (RFC 9110, 15.4). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

/* Known fields by their SECRET flag; a name that nobody registered by the words in it ("token",
 * "api-key", ...), because a credential that is shown or sent on cannot be taken back. */
bool tc_secret_name(tc_span lower_case_name);
