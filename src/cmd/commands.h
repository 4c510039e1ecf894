/* commands.h - what the program can be asked to do: one row a command, from which `tercet --help`,
 * `tercet help COMMAND` and the parsing of its arguments come. */
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

/* NULL at the end. */
extern const tc_command *const tc_commands[];
const tc_command *tc_command_of(const char *name); /* NULL where unknown */

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
/* "tercet: unknown command ...; did you mean ...?" on stderr; returns 2. */
int tc_command_unknown(const char *name);

/* `tercet help [COMMAND]`, `tercet --help`, `tercet --version`. */
int tc_cmd_help(const tc_command *c, int argc, char **argv);
void tc_cmd_version(void);
void tc_cmd_overview(void);

/* The commands, in the files of the same name. */
extern const tc_command tc_command_serve; /* serve.c */
extern const tc_command tc_command_get;   /* get.c, and all others that send a request */
extern const tc_command tc_command_head;
extern const tc_command tc_command_post;
extern const tc_command tc_command_put;
extern const tc_command tc_command_patch;
extern const tc_command tc_command_delete;
extern const tc_command tc_command_options;
extern const tc_command tc_command_trace;
extern const tc_command tc_command_request;
extern const tc_command tc_command_cookies;  /* cookies.c */
extern const tc_command tc_command_bench;    /* bench.c */
extern const tc_command tc_command_config;   /* config.c */
extern const tc_command tc_command_trust;    /* trust.c */
extern const tc_command tc_command_password; /* password.c */
extern const tc_command tc_command_reload;   /* reload.c */
extern const tc_command tc_command_help;
