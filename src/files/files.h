/* files.h - serves a folder: GET and HEAD, index pages, conditional requests, ranges; where it may
 * be written, PUT and DELETE, too (upload.h). */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/cache.h"
#include "files/caching.h"
#include "files/error_file.h"
#include "files/upload.h"

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
    bool listing;     /* folders without an index page show what is in them */
    bool clean_urls;  /* "/about" is about.html, whose own name leads there */
    tc_span fallback; /* "/index.html": for pages that are not there; empty: 404 */
    const tc_caching_rule *caching;
    size_t caching_count;
    const tc_error_file *error_files;
    size_t error_file_count;
    const tc_upload_config *uploads;           /* NULL: files are read, never written here */
    tc_upload_root *written;                   /* what others write here; NULL: nothing */
    const struct tc_variants_config *variants; /* languages and codings; NULL: not in use */
} tc_files_config;

/* A worker's, one for each config. */
typedef struct tc_files {
    tc_folder folder;
    const tc_files_config *config;
    struct tc_loop *loop;
    tc_uploads uploads;
} tc_files;

/* Some of a file, as x is to be sent it: in clear text the kernel sends larger files by itself;
 * what is to be protected must be read. */
tc_run tc_files_run(const struct tc_exchange *x, tc_file *f, uint64_t first, uint64_t len);

/* Opens nothing and takes no memory. */
void tc_files_init(tc_files *files, const tc_files_config *config, tc_file_cache *cache,
                   struct tc_loop *loop);
void tc_files_fini(tc_files *files);

/* Gives x its handler. */
void tc_files_route(tc_files *files, tc_exchange *x);
/* Of all but what writes. self is a tc_files of the worker. */
extern const tc_handler tc_files_handler;

/* What a normalised path is in the folder: "/static/a" is "/a" where "/static" is left out. False:
 * it does not begin so. */
bool tc_files_path(const tc_files_config *config, tc_span path, tc_span *ret_path);

/* Answers x with f, whose reference it takes. */
tc_err tc_file_serve(tc_exchange *x, tc_file *f) TC_MUST_USE;
