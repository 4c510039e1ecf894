/* collections.h - the settings records and form of all blocks: collections that lie in one store.
 * The same text in two sites is the same collection. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/config.h"
#include "records/records.h"

typedef struct tc_collections {
    tc_collection at[TC_COLLECTIONS];
    tc_collection_config stored[TC_COLLECTIONS + 1]; /* that of the sessions is the last */
    unsigned count;
    bool forms; /* there are some, and so sessions */
} tc_collections;

/* Of a resolved configuration; each block is told which are its own (section->collections). */
void tc_config_collections(tc_config *c, tc_collections *ret_collections);
