/* help.c - the list of commands, explained. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "cmd/commands.h"
#include "quic/quic.h"

enum { OVERVIEW_MAX = 65536 };

void tc_cmd_version(void)
{
    printf("tercet %s\nHTTP/0.9, HTTP/1.0, HTTP/1.1, HTTP/2%s; server and client\n", TERCET_VERSION,
           tc_quic_built ? ", HTTP/3" : " (built without QUIC, so without HTTP/3)");
}

void tc_cmd_overview(void)
{
    tc_buf out;
    tc_buf_init(&out, OVERVIEW_MAX);
    tc_err err = tc_buf_printf(&out, "tercet: the HTTP session, both ends\n\n"
                                     "usage: tercet COMMAND [ARGUMENT]...\n\n");
    for (size_t i = 0; tc_commands[i] && !err; i++)
        err = tc_buf_printf(&out, "  %-8s  %s\n", tc_commands[i]->name, tc_commands[i]->summary);
    if (!err)
        err = tc_buf_printf(&out,
                            "\n  tercet help COMMAND    its arguments and options, with examples\n"
                            "  tercet --version       which version this is\n"
                            "  man tercet             all of it\n");
    (void)tc_command_print(&out, err); /* help that cannot be written has nobody to complain to */
}

const tc_command *tc_command_of(const char *name)
{
    for (size_t i = 0; tc_commands[i]; i++)
        if (tc_span_eq(tc_span_str(tc_commands[i]->name), tc_span_str(name))) return tc_commands[i];
    return NULL;
}

int tc_command_unknown(const char *name)
{
    const tc_command *nearest = NULL;
    unsigned best = 3;
    for (size_t i = 0; tc_commands[i]; i++) {
        const unsigned typos = tc_typos(tc_span_str(name), tc_span_str(tc_commands[i]->name));
        if (typos < best) best = typos, nearest = tc_commands[i];
    }
    if (nearest)
        fprintf(stderr, "tercet: unknown command %s; did you mean %s?\n", name, nearest->name);
    else
        fprintf(stderr, "tercet: unknown command %s; tercet --help lists them\n", name);
    return tc_err_exit(TC_ERR_USAGE);
}

static int run(const tc_command *c, int argc, char **argv)
{
    (void)c;
    if (argc < 2 || argv[1][0] == '-') {
        tc_cmd_overview();
        return 0;
    }
    const tc_command *asked = tc_command_of(argv[1]);
    return asked ? tc_command_explain(asked) : tc_command_unknown(argv[1]);
}

const tc_command tc_command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "explains a command",
    .about = "Explains a command: what it takes, its options, examples.",
    .run = run,
};
