/* qlog.h - the files of --qlog: one for each connection in a folder that is there, made anew and
 * private. What cannot be written is said once, and harms nothing else. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "observe/qlog.h"
#include "run/log.h"

typedef struct tc_qlog_folder {
    const char *name; /* NULL: not asked for */
    int fd;
    atomic_bool told;
} tc_qlog_folder;

/* Not zero: the program's exit code, and the reason was said. */
int tc_qlog_folder_open(tc_qlog_folder *f, const char *name);
void tc_qlog_folder_close(tc_qlog_folder *f);

/* Traces of one thread. q->watch is to be put where events are shown. */
typedef struct tc_qlog_files {
    tc_qlog q; /* first */
    tc_qlog_folder *folder;
} tc_qlog_files;

void tc_qlog_files_init(tc_qlog_files *files, tc_qlog_folder *folder, const tc_limits *limits,
                        tc_reached *reached);
void tc_qlog_files_fini(tc_qlog_files *files);

/* Who looks on at a server: the access log and qlog, either of which may be off. For
 * tc_site_config. */
typedef struct tc_lookers {
    tc_log *log;
    tc_qlog_folder *qlog;
} tc_lookers;

tc_watch *tc_lookers_watch(void *self, tc_worker *w, void **ret_state);
void tc_lookers_unwatch(void *self, void *state);
