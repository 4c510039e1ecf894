/* records.h - the store of a server's collections. */
// SPDX-License-Identifier: MIT
#pragma once
#include <limits.h>

#include "config/collections.h"
#include "forms/sessions.h"

typedef struct tc_record_place {
    tc_store *store; /* NULL: no collection was asked for. To be closed after the server */
    tc_collections collections;
    tc_session_count sessions;
    char where[PATH_MAX + 32]; /* "sqlite:/home/..." */
} tc_record_place;

/* Opens the store for the collections in place (store NULL: in the user's state folder), if there
 * are any. Not zero: the program's exit code. */
int tc_records_open(const char *store, const tc_limits *limits, tc_record_place *place);
/* At the end: how many changes were written, and how many of them shared a sync. */
void tc_records_report(const tc_record_place *place);
