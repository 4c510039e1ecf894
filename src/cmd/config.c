/* config.c - `tercet config`: judges a server's file, shows what is in force, gives one to begin
 * with. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <unistd.h>

#include "cmd/example_config.h"
#include "config/check.h"
#include "config/notes.h"
#include "config/show.h"
#include "serve/configure.h"

#define USUAL_FILE "/etc/tercet/tercet.conf"

enum { SET, SHOW_MAX = 1 << 30 };

static const tc_option options[] = {
    {"set", 0, TC_OPTION_LIST, 0, "NAME=VALUE",
     "a setting of the command line, as for `tercet serve`.", 0, 0},
};

static int config(const tc_command *c, int argc, char **argv);

const tc_command tc_command_config = {
    .name = "config",
    .operands = "check|show|example [FILE]",
    .summary = "judges a server's configuration, shows what is in force",
    .about =
        "check says whether FILE (" USUAL_FILE
        " if not given) is a good configuration, and what is wrong with it by line. show prints "
        "what is in force with it, defaults included and where the rest was given, in a form "
        "that can be read again; without a file, the defaults. example prints a file to begin "
        "with. What there is to set: tercet.conf(5).",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet config example > tercet.conf\n"
                "  tercet config check tercet.conf\n"
                "  tercet config show tercet.conf --set workers=4\n",
    .run = config,
};

static tc_err take(void *self, const tc_option *o, const char *value, tc_buf *complaint)
{
    (void)o, (void)complaint;
    tc_config_set(self, value);
    return TC_OK;
}

static int print(tc_span text)
{
    const size_t written = fwrite(text.at, 1, text.len, stdout);
    return written == text.len && fflush(stdout) == 0 ? 0 : tc_err_exit(TC_ERR_WRITE_FILE);
}

static int show(const tc_config *c)
{
    tc_buf out;
    tc_buf_init(&out, SHOW_MAX);
    const tc_err err = tc_config_show(c, &out);
    const int code = err ? tc_err_exit(err) : print(tc_buf_span(&out));
    tc_buf_fini(&out);
    return code;
}

static int praise(const tc_config *c)
{
    unsigned sites = 0, routes = 0;
    for (const tc_section *s = &c->top; s; s = tc_section_next(s)) {
        sites += s->scope == TC_SCOPE_SITE;
        routes += s->scope == TC_SCOPE_ROUTE;
    }
    printf("%s is good: %u site%s, %u route%s\n", c->file, sites ? sites : 1, sites > 1 ? "s" : "",
           routes, routes == 1 ? "" : "s");
    return fflush(stdout) == 0 ? 0 : tc_err_exit(TC_ERR_WRITE_FILE);
}

static int judge(const tc_command *command, tc_config *c, const char *file, bool shown)
{
    tc_built built;
    int code;
    if (!file && (!shown || access(USUAL_FILE, R_OK) == 0)) file = USUAL_FILE;
    const bool good = tc_configure(c, file, &built);
    if (good && !shown) tc_config_check_pairs(c);
    if (!good || c->fault_count)
        code = tc_configure_complain(command, c);
    else
        code = shown ? show(c) : praise(c);
    if (!shown && code == 0) tc_config_notes(c, tc_config_speaks_clear(c), tc_configure_note);
    tc_built_fini(&built);
    return code;
}

static int config(const tc_command *command, int argc, char **argv)
{
    tc_config c;
    tc_command_line line;
    int code;
    tc_config_init(&c);
    if (!tc_command_walk(command, argc, argv, take, &c, &line)) {
        tc_config_fini(&c);
        return line.exit_code;
    }
    const tc_span what = tc_span_str(line.operand_count ? line.operands[0] : "");
    const char *file = line.operand_count > 1 ? line.operands[1] : NULL;
    const bool shown = tc_span_eq(what, TC_SPAN("show"));
    if (line.operand_count > 2)
        code = tc_command_complain(command, "one file at most, not also %s", line.operands[2]);
    else if (shown || tc_span_eq(what, TC_SPAN("check")))
        code = judge(command, &c, file, shown);
    else if (tc_span_eq(what, TC_SPAN("example")))
        code = print(tc_span_of(tc_example_config, tc_example_config_bytes));
    else
        code = tc_command_complain(command, "check, show or example is wanted%s%.*s",
                                   what.len ? ", not " : "", TC_FMT(what));
    tc_config_fini(&c);
    return code;
}
