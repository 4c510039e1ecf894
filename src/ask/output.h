/* output.h - where content goes: a file, a pipe, a terminal.
 *
 * A terminal gets no control bytes from a server, and no binary content at all. A file is written
 * beside its name (NAME.part) and takes the name when it is whole, so that a cut-off one never
 * looks complete. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

typedef struct tc_output {
    int fd;             /* -1: closed */
    const char *name;   /* as the user gave it; NULL: standard output */
    char *final, *part; /* heap: what it shall be called, and is called so far; NULL: written
                           in place (a device, a pipe) */
    bool terminal;
    bool refused;   /* binary content for a terminal */
    bool line_open; /* on a terminal: the last line has no end yet */
    int error;      /* errno of what failed */
    uint64_t bytes; /* taken so far */
    char rest[4];   /* of a character that was cut in two; terminal */
    unsigned rest_len;
} tc_output;

/* Opens name, or standard output for NULL. TC_ERR_WRITE_FILE with o->error. */
tc_err tc_output_open(tc_output *o, const char *name) TC_MUST_USE;
/* TC_ERR_WRITE_FILE with o->error; TC_ERR_BINARY. */
tc_err tc_output_write(tc_output *o, tc_span bytes) TC_MUST_USE;
/* Ends the open line on a terminal, so that something else can be printed. */
void tc_output_break(tc_output *o);
/* whole: gives the file its name. Otherwise what came stays in NAME.part; an empty one goes. */
tc_err tc_output_close(tc_output *o, bool whole) TC_MUST_USE;
