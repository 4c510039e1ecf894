/* files.h - serves a folder: GET and HEAD, index pages, conditional requests, single ranges. */
// SPDX-License-Identifier: MIT
#pragma once
#include "site/cache.h"

struct tc_exchange;

typedef struct tc_files {
    tc_file_cache cache;
    tc_span index; /* name of the page that stands for its folder: "index.html" */
    struct tc_loop *loop;
} tc_files;

/* self is a tc_files of the worker. */
extern const struct tc_handler tc_files_handler;
