/* error_file.h - a site's own pages for errors: files of its folder, in place of ours
 * (error_page.h), with the error's status. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

struct tc_files;
struct tc_exchange;

typedef struct tc_error_file {
    uint16_t first, last; /* statuses: 404 to 404, 500 to 599 */
    tc_span path;         /* in the folder */
} tc_error_file;

/* "404 /404.html", "5xx /sorry.html". NULL: it is good, and points into the text; else what is
 * wrong. */
const char *tc_error_file_read(tc_span text, tc_error_file *ret_file);
/* The path for a status: what names it goes before what names its class. Empty: none. */
tc_span tc_error_file_of(const tc_error_file *at, size_t count, unsigned status);

/* Where the answer that x is about to give is an error with a page of ours, and the folder has a
 * file for it, that is sent instead. All other fields stay; the file's validators are left out,
 * since they are not of what was asked for. Programs that asked for JSON get what they would have
 * got. Without the file, or memory, nothing changes. */
void tc_error_file_answer(struct tc_files *files, struct tc_exchange *x);
