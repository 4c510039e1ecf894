/* command.c - see command.h. */
// SPDX-License-Identifier: MIT
#include "run/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "run/term.h"

enum { HELP_MAX = 65536, COLUMNS_MAX = 100 };

static unsigned columns(void)
{
    tc_term t;
    tc_term_init(&t, STDOUT_FILENO, TC_COLOR_NEVER);
    return t.columns > COLUMNS_MAX ? COLUMNS_MAX : t.columns < 40 ? 40 : t.columns;
}

int tc_command_print(tc_buf *text, tc_err err)
{
    const size_t written = err ? 0 : fwrite(text->at, 1, text->len, stdout);
    const bool good = !err && written == text->len && fflush(stdout) == 0;
    tc_buf_fini(text);
    return good ? 0 : tc_err_exit(err ? err : TC_ERR_WRITE_FILE);
}

static tc_err command_help(const tc_command *c, tc_buf *out)
{
    const unsigned width = columns();
    tc_err err = tc_buf_printf(out, "usage: tercet %s %s%s\n\n", c->name, c->operands,
                               c->option_count ? " [OPTION]..." : "");
    if (!err) err = tc_options_wrap(out, tc_span_str(c->about), 0, 0, width);
    if (!err && c->option_count) {
        err = tc_buf_printf(out, "\n\n");
        if (!err) err = tc_options_help(c->options, c->option_count, width, out);
    }
    if (!err && c->examples)
        err = tc_buf_printf(out, "%sexamples:\n%s", c->option_count ? "\n" : "\n\n", c->examples);
    if (!err && !c->option_count && !c->examples) err = tc_buf_printf(out, "\n");
    return err;
}

int tc_command_explain(const tc_command *c)
{
    tc_buf out;
    tc_buf_init(&out, HELP_MAX);
    return tc_command_print(&out, command_help(c, &out));
}

int tc_command_complain(const tc_command *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tercet: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n        tercet help %s shows what it takes\n", c->name);
    return tc_err_exit(TC_ERR_USAGE);
}

bool tc_command_limits(const tc_command *c, const tc_option_list *given, tc_limits *ret_limits)
{
    *ret_limits = tc_limits_default;
    for (size_t i = 0; i < given->count; i++) {
        if (tc_limits_set(ret_limits, tc_span_str(given->at[i])) != TC_OK) {
            (void)tc_command_complain(
                c, "--limit %s: no such limit, or no number; tercet(1) lists them", given->at[i]);
            return false;
        }
    }
    const tc_limit_row *small = tc_limits_too_small(ret_limits);
    if (small)
        (void)tc_command_complain(c, "--limit %s: %llu is the least that makes sense (%s)",
                                  small->name, (unsigned long long)small->least, small->sentence);
    return !small;
}

/* --help anywhere among the options, as people type it; not behind "--". */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const tc_span word = tc_span_str(argv[i]);
        if (tc_span_eq(word, TC_SPAN("--"))) return false;
        if (tc_span_eq(word, TC_SPAN("--help")) || tc_span_eq(word, TC_SPAN("-h"))) return true;
    }
    return false;
}

/* Of err complaint says why. */
static bool end_parse(const tc_command *c, tc_err err, int operands, char **argv, tc_buf *complaint,
                      tc_command_line *ret)
{
    if (err)
        ret->exit_code = tc_command_complain(c, "%.*s", TC_FMT(tc_buf_span(complaint)));
    else
        *ret = (tc_command_line){.operands = argv + 1, .operand_count = operands};
    tc_buf_fini(complaint);
    return !err;
}

bool tc_command_walk(const tc_command *c, int argc, char **argv, tc_option_taker *take, void *self,
                     tc_command_line *ret)
{
    tc_buf complaint;
    int operands = 0;
    if (asks_for_help(argc, argv)) {
        ret->exit_code = tc_command_explain(c);
        return false;
    }
    tc_buf_init(&complaint, HELP_MAX);
    const tc_err err = tc_options_walk(c->options, c->option_count, argc - 1, argv + 1, take, self,
                                       &complaint, &operands);
    return end_parse(c, err, operands, argv, &complaint, ret);
}

bool tc_command_parse(const tc_command *c, int argc, char **argv, void *into, tc_command_line *ret)
{
    tc_buf complaint;
    int operands = 0;
    if (asks_for_help(argc, argv)) {
        ret->exit_code = tc_command_explain(c);
        return false;
    }
    tc_buf_init(&complaint, HELP_MAX);
    const tc_err err = tc_options_parse(c->options, c->option_count, argc - 1, argv + 1, into,
                                        &complaint, &operands);
    return end_parse(c, err, operands, argv, &complaint, ret);
}
