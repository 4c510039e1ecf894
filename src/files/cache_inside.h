/* cache_inside.h - what cache.c, variants.c and coded.c know of each other. */
// SPDX-License-Identifier: MIT
#pragma once
#include <sys/stat.h>

#include "files/cache.h"

/* What stands at a path: a regular file, opened. */
struct tc_sight {
    int fd;
    int language; /* as in tc_variant_row */
    struct stat st;
};

enum tc_file_answer tc_file_look(tc_folder *folder, tc_span path, tc_sight *ret_sight);
bool tc_file_same(const tc_file *f, const struct stat *st);
/* Reads what was seen, whole if it is small; takes its descriptor. NULL: no memory. False in
 * *ret_whole: it changed meanwhile, or it could not be read. */
tc_file *tc_file_read(tc_folder *folder, tc_span path, const tc_sight *sight, int64_t now,
                      bool *ret_whole);
/* A file without anything. NULL: no memory. */
tc_file *tc_file_new(tc_folder *folder, tc_span path);
/* Makes its fields, etag first: its own where etag is empty. */
tc_err tc_file_describe(tc_file *f, tc_span etag) TC_MUST_USE;
/* Into and out of what the worker holds. */
void tc_file_count(tc_file *f);
void tc_file_discount(tc_file *f);

void tc_file_unlink(tc_file_list *list, tc_file *f);
void tc_file_link(tc_file_list *list, tc_file *f);
