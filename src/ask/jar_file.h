/* jar_file.h - a cookie jar and its file: jars/NAME in the user's state folder, or any file. It is
 * readable by its owner alone, replaced as a whole, and by one process at a time: what another one
 * wrote since is kept. */
// SPDX-License-Identifier: MIT
#pragma once
#include <limits.h>

#include "client/jar.h"

enum { TC_JAR_NAME = 64 };

typedef struct tc_jar_file {
    char path[PATH_MAX], part[PATH_MAX + 8];
    bool own_folder; /* ours to make */
    char why[PATH_MAX + 256];
} tc_jar_file;

/* "work" is a jar of the state folder, "./work" a file. TC_ERR_JAR_FILE, here and below: why says
 * more. */
tc_err tc_jar_file_name(tc_jar_file *f, const char *name) TC_MUST_USE;
/* Reads it into an empty jar; where there is no file, it stays empty. */
tc_err tc_jar_file_load(tc_jar_file *f, tc_jar *jar) TC_MUST_USE;
/* Writes what changed, if anything did. */
tc_err tc_jar_file_store(tc_jar_file *f, tc_jar *jar) TC_MUST_USE;

/* Replaces a file of that name by text, private and whole. */
tc_err tc_jar_file_write(tc_jar_file *f, tc_span text) TC_MUST_USE;

/* "tercet: ..." on stderr; the program's exit code. */
int tc_jar_file_complain(const tc_jar_file *f, tc_err err);

/* The jar of a command, by its name; NULL: none, and nothing is done. Not zero: the program's exit
 * code, all was said, and it is closed. */
typedef struct tc_jar_kept {
    tc_jar jar;
    tc_jar_file file;
    bool open;
} tc_jar_kept;
int tc_jar_open(tc_jar_kept *k, const char *name, const tc_limits *limits, tc_reached *reached);
int tc_jar_close(tc_jar_kept *k); /* writes it */
