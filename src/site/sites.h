/* sites.h - all that a server serves: sites by the name of the host that a request is for. Made
 * once, then shared by all workers. */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/files.h"
#include "gate/route.h"

enum { TC_SITE_NAME_MAX = 255 };

typedef struct tc_sites {
    tc_map by_name;               /* of "example.org": a tc_site */
    tc_map by_suffix;             /* of ".example.org", for "*.example.org" */
    const tc_site *fallback;      /* for other hosts; NULL: they are misdirected */
    const tc_files_config *files; /* of all routes */
    uint32_t files_count;
    const tc_fields *added; /* fields that routes add to answers */
    uint32_t added_count;
    bool dressed; /* some answers get fields that no handler gave them */
} tc_sites;

/* The site of an authority as it came, or NULL: host names are compared without case, port and the
 * dot of the root. The longest of several wildcards wins, and a whole name goes before them. */
const tc_site *tc_sites_find(const tc_sites *sites, tc_span authority);

/* What a worker was asked for last: the same host most of the time. */
typedef struct tc_sites_memo {
    const tc_site *site;
    size_t len;
    char authority[TC_SITE_NAME_MAX + 8];
} tc_sites_memo;

const tc_site *tc_sites_find_again(const tc_sites *sites, tc_span authority, tc_sites_memo *memo);
