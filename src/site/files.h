/* files.h - serves a folder: GET and HEAD, index pages, conditional requests, ranges. */
// SPDX-License-Identifier: MIT
#pragma once
#include "site/cache.h"

/* What is set of a route of files. Outlives those who serve it. */
typedef struct tc_files_config {
    int root;              /* an open directory, borrowed by all workers */
    const char *root_path; /* absolute: see tc_root; or NULL */
    /* A prefix of the path that stands for the root, without "/" at its end: of "/static", what is
     * asked for as /static/a is /a in the root. Empty: the path in the root is the whole path. */
    tc_span strip;
    tc_span index;    /* name of the page that stands for its folder: "index.html" */
    tc_span language; /* that its files are in (Content-Language); empty: none is claimed */
    bool dotfiles;    /* names that begin with a dot are served, too */
} tc_files_config;

/* A worker's, one for each config. */
typedef struct tc_files {
    tc_folder folder;
    const tc_files_config *config;
    struct tc_loop *loop;
} tc_files;

/* Opens nothing and takes no memory. */
void tc_files_init(tc_files *files, const tc_files_config *config, tc_file_cache *cache,
                   struct tc_loop *loop);
void tc_files_fini(tc_files *files);

/* self is a tc_files of the worker. */
extern const struct tc_handler tc_files_handler;
