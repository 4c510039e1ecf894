/* build.h - what site/ serves by, made of a resolved configuration. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/collections.h"
#include "site/sites.h"

typedef struct tc_built {
    tc_sites sites;
    tc_collections collections;
    struct tc_built_root *roots; /* the folders, opened */
    uint32_t root_count;
    tc_preloads *preloads; /* of each site that has some */
    uint32_t preload_count;
    tc_site **all; /* sites */
    uint32_t site_count;
} tc_built;

/* Faults, and what cannot be opened, are c's, whose memory it is: c outlives b. */
void tc_build(tc_config *c, tc_built *b);
void tc_built_fini(tc_built *b);
