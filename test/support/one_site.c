/* one_site.c - see one_site.h. */
// SPDX-License-Identifier: MIT
#include "support/one_site.h"

const tc_sites *one_site_make(one_site *o, int root, tc_span index, tc_span echo)
{
    *o = (one_site){.files = {.root = root, .index = index}};
    o->whole.site = &o->site;
    o->whole.body_bytes = tc_limits_default.body_bytes;
    o->site.whole = &o->whole;
    o->site.echo = echo;
    o->sites.fallback = &o->site;
    o->sites.files = &o->files;
    o->sites.files_count = 1;
    return &o->sites;
}
