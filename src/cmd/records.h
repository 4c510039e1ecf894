/* records.h - collections of records as options of a command: --records, --store. */
// SPDX-License-Identifier: MIT
#pragma once
#include <limits.h>

#include "cmd/commands.h"
#include "site/records.h"
#include "site/sessions.h"

typedef struct tc_record_settings {
    tc_option_list collections, forms;
    const char *store, *requests;
    bool conditional;
} tc_record_settings;

typedef struct tc_record_place {
    tc_store *store; /* NULL: no collection was asked for. To be closed after the server */
    tc_collection collections[TC_COLLECTIONS];
    tc_collection_config stored[TC_COLLECTIONS + 1]; /* that of the sessions is the last */
    unsigned count;
    bool forms; /* there are some, and so sessions */
    tc_session_count sessions;
    char where[PATH_MAX + 32]; /* "sqlite:/home/..." */
} tc_record_place;

/* Opens the store. Not zero: the program's exit code. settings outlive place. */
int tc_records_open(const tc_command *c, const tc_record_settings *settings,
                    const tc_limits *limits, tc_record_place *ret_place);
/* At the end: how many changes were written, and how many of them shared a sync. */
void tc_records_report(const tc_record_place *place);
