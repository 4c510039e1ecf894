/* authority.h - the local authority's files: made on first use in the user's state folder
 * ($XDG_STATE_HOME/tercet or ~/.local/state/tercet), readable by the user alone. */
// SPDX-License-Identifier: MIT
#pragma once
#include <limits.h>

#include "net/tls_authority.h"

typedef struct tc_authority_files {
    char folder[PATH_MAX];
    char authority[PATH_MAX], authority_key[PATH_MAX];     /* authority.pem, authority.key */
    char certificate[PATH_MAX], certificate_key[PATH_MAX]; /* localhost.pem, localhost.key */
    char fingerprint[TC_FINGERPRINT];                      /* of the authority */
    bool made;                                             /* the authority, just now */
} tc_authority_files;

/* Only the names. False: there is neither XDG_STATE_HOME nor HOME. */
bool tc_authority_names(tc_authority_files *f);
bool tc_authority_folder(const tc_authority_files *f); /* makes the folder; false: cannot */
/* Makes what is missing or nearly over. On failure why (at least 512 bytes) says more. */
tc_err tc_authority_ensure(tc_authority_files *f, char *why, size_t why_size) TC_MUST_USE;
