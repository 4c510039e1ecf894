/* one_site.h - a folder as the only site of a server. */
// SPDX-License-Identifier: MIT
#pragma once
#include "site/site.h"

typedef struct one_site {
    tc_sites sites;
    tc_site site;
    tc_route whole;
    tc_files_config files;
} one_site;

/* For .sites of a tc_site_config. o stays where it is. */
const tc_sites *one_site_make(one_site *o, int root, tc_span index, tc_span echo);
