/* command.h - a command of the program: one row of options and texts, from which its help and the
 * parsing of its arguments come. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "config/options.h"

typedef struct tc_command tc_command;
struct tc_command {
    const char *name;     /* "serve" */
    const char *operands; /* "[DIR]" */
    const char *summary;  /* "serves a folder": for the list of commands */
    const char *about;    /* paragraphs for its own help; wrapped */
    const tc_option *options;
    size_t option_count;
    const char *examples; /* lines as they are printed, or NULL */
    /* argv[0] is the command's name. Returns the program's exit code. */
    int (*run)(const tc_command *c, int argc, char **argv);
};

/* What tc_command_parse gives. */
typedef struct tc_command_line {
    char **operands;
    int operand_count;
    int exit_code; /* where it returned false */
} tc_command_line;

/* Parses argv[1..argc) by the command's table into the struct at into. false: --help was answered
 * or a complaint was printed; the program ends with ret->exit_code. */
bool tc_command_parse(const tc_command *c, int argc, char **argv, void *into,
                      tc_command_line *ret) TC_MUST_USE;

/* ... but calls take for each option. */
bool tc_command_walk(const tc_command *c, int argc, char **argv, tc_option_taker *take, void *self,
                     tc_command_line *ret) TC_MUST_USE;

/* Prints "tercet: " and the text, and where help is to be found, on stderr; returns 2. */
int tc_command_complain(const tc_command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* --limit NAME=VALUE, as often as given, over the defaults. false: a complaint was printed. */
bool tc_command_limits(const tc_command *c, const tc_option_list *given, tc_limits *ret_limits);
/* What `tercet help` says of it, on stdout; the program's exit code. */
int tc_command_explain(const tc_command *c);
/* Such a text on stdout, and ends the buffer; the program's exit code. err: making it failed. */
int tc_command_print(tc_buf *text, tc_err err);
