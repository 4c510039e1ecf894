/* options.h - command lines from a table: one row an option, which is also its line of the help.
 *
 * "--name value" and "--name=value", "-n value" and "-nvalue", short flags together ("-qv"). What
 * is no option is an operand, wherever it stands; "--" ends the options. Values land in a struct of
 * the caller's by offset, so a table is constant and can be printed without being run. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

enum tc_option_kind {
    TC_OPTION_HEADING, /* only text: help is a heading between groups of options */
    TC_OPTION_FLAG,    /* bool, made true */
    TC_OPTION_COUNT,   /* unsigned: how often it was given */
    TC_OPTION_OFF,     /* bool, made false */
    TC_OPTION_TEXT,    /* const char * */
    TC_OPTION_NUMBER,  /* uint64_t, from min to max (0: no bound) */
    TC_OPTION_SECONDS, /* int64_t nanoseconds, from "2", "0.5"; 0 is allowed */
    TC_OPTION_CHOICE,  /* int: the place of the word in metavar "auto|always|never" */
    TC_OPTION_LIST,    /* tc_option_list: may be given several times */
};

enum { TC_OPTION_LIST_MAX = 32 };
typedef struct tc_option_list {
    const char *at[TC_OPTION_LIST_MAX];
    size_t count;
} tc_option_list;

typedef struct tc_option {
    const char *name; /* "listen", without dashes */
    char short_name;  /* 'o', or 0 */
    enum tc_option_kind kind;
    size_t offset;       /* of the member in the caller's struct */
    const char *metavar; /* "URL"; CHOICE: the words */
    const char *help;    /* what it does, one or two sentences; wrapped when printed */
    uint64_t min, max;   /* NUMBER */
} tc_option;

/* What to do with an option that stands on the command line: value is NULL for those without one.
 */
typedef tc_err tc_option_taker(void *self, const tc_option *o, const char *value,
                               tc_buf *complaint);

/* Takes argv[0..argc) (the words after the command's name) apart: take is called for each option,
 * in their order. Operands are moved to the front of argv in theirs. TC_ERR_USAGE: a sentence about
 * it, without a line end, is in complaint; it names the nearest option where one is unknown. */
tc_err tc_options_walk(const tc_option *table, size_t count, int argc, char **argv,
                       tc_option_taker *take, void *self, tc_buf *complaint,
                       int *ret_operands) TC_MUST_USE;

/* Sets the member of a struct at into that o stands for, but for a list. dashes stands before its
 * name in a complaint: "--", or "". */
tc_err tc_option_set(const tc_option *o, const char *value, void *into, const char *dashes,
                     tc_buf *complaint) TC_MUST_USE;

/* Reads argv[0..argc) (the words after the command's name) into the struct at into. Operands and
 * complaints as above. */
tc_err tc_options_parse(const tc_option *table, size_t count, int argc, char **argv, void *into,
                        tc_buf *complaint, int *ret_operands) TC_MUST_USE;

/* The table as help text, wrapped at columns. */
tc_err tc_options_help(const tc_option *table, size_t count, unsigned columns,
                       tc_buf *out) TC_MUST_USE;

/* Adds text wrapped at columns: every line but the first is indented; the first begins at column
 * at. Line ends in text stay, and so do lines that begin with a blank. */
tc_err tc_options_wrap(tc_buf *out, tc_span text, unsigned at, unsigned indent,
                       unsigned columns) TC_MUST_USE;

/* How many single typing mistakes (a letter too many, missing, wrong, or two swapped) lie between
 * two words; words over 31 letters are far from everything. */
unsigned tc_typos(tc_span a, tc_span b);
/* Of the names that next gives (NULL at the end) the one that was meant by name; NULL: none is
 * near. */
const char *tc_nearest_name(tc_span name, const char *(*next)(void *walk), void *walk);
