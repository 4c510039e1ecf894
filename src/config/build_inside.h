/* build_inside.h - what build.c and build_route.c share. */
// SPDX-License-Identifier: MIT
#pragma once
#include "config/build.h"

struct tc_built_root {
    const char *dir, *path; /* as it is named, and absolute */
    struct tc_upload_root *written;
    int fd;
};

void *tc_build_alloc(tc_config *c, size_t size); /* zeroed; NULL: c->no_memory */
/* The folder of a block, opened; fd -1: that is a fault. */
const struct tc_built_root *tc_build_root(tc_built *b, tc_config *c, const tc_section *s);
/* What a block says into its route, which begins as the one around it. */
void tc_build_route(tc_built *b, tc_config *c, const tc_section *s, tc_route *route);
