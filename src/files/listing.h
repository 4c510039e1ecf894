/* listing.h - the answer for a folder without an index page, where that is set: what is in it, read
 * in a thread of its own, so that a huge folder or a slow disk keeps nobody waiting but who asked.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/files.h"
#include "files/listing_page.h"

struct tc_exchange;

/* Answers x later and becomes its handler. fd: the open folder, which is taken over; path: where it
 * is beneath the root, ending with "/"; whole: its address, decoded. Both live as long as x. */
tc_err tc_listing_begin(tc_files *files, struct tc_exchange *x, int fd, tc_span path, tc_span whole,
                        tc_span query) TC_MUST_USE;
