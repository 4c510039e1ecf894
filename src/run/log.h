/* log.h - where the access log of a server goes: a file, or standard output.
 *
 * Each worker gathers its lines and writes them, whole, at the end of a turn; into a file at most
 * 20 times a second, unless there are very many. A reader that is too slow never holds a worker up:
 * lines that find no room are dropped and counted. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "observe/access_log.h"
#include "server/server.h"

typedef struct tc_log {
    int fd;          /* -1: off */
    char path[4096]; /* absolute, of what can be opened anew; "": nothing can */
    bool is_file;    /* a regular one, which never makes us wait */
    enum tc_log_format format;
    bool color;
    int64_t last_look;        /* at the end: until when a reader is waited for */
    _Atomic uint64_t dropped; /* lines */
    atomic_bool fails, cut;   /* the last write did; within a line */
} tc_log;

/* "-": standard output; "off"; else a file that is appended to, made 0644. */
tc_err tc_log_open(tc_log *log, const char *where, enum tc_log_format format,
                   bool color) TC_MUST_USE;
void tc_log_close(tc_log *log);
/* Lines go there from now on, from all workers, whole. Takes fd over. */
void tc_log_replace(tc_log *log, int fd);
/* Opens the file anew, since the old one was put aside; says so if it cannot. */
void tc_log_reopen(tc_log *log);

/* For tc_site_config: self is the tc_log. */
tc_watch *tc_log_watch(void *self, tc_worker *w, void **ret_state);
void tc_log_unwatch(void *self, void *state);
