/* upload.h - PUT and DELETE of files (RFC 9110, 9.3.4 and 9.3.5) where a route may be written.
 *
 * Content is gathered in the worker and written by a thread (net/errand.h), a buffer at a time: the
 * loop never waits for a disk, and a client whose content comes faster than the disk takes it is
 * held back. What happens on disk, and when, is upload_place.h's. */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/upload_root.h"
#include "http/exchange.h"

/* Of a route. */
typedef struct tc_upload_config {
    uint64_t most;  /* bytes of a file; 0: as of any content (body_bytes) */
    uint64_t quota; /* bytes of all files beneath the root; 0: any */
    tc_upload_root *root;
} tc_upload_config;

struct tc_folder;

/* A worker's own, for one folder. */
typedef struct tc_uploads {
    const tc_upload_config *config;
    struct tc_folder *folder;
    tc_loop *loop;
    struct tc_sweeping *sweeping;
} tc_uploads;

/* Sweeps what uploads left behind, if no other worker has. folder, and its config, outlive u. */
void tc_uploads_init(tc_uploads *u, struct tc_folder *folder, tc_loop *loop);
void tc_uploads_fini(tc_uploads *u);

/* Gives x a handler if it is to write; before its content is judged for its length. */
bool tc_uploads_route(tc_uploads *u, tc_exchange *x);
