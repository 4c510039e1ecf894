/* serve.c - `tercet serve`: what it is asked for, by its options and a file. */
// SPDX-License-Identifier: MIT
#include "serve/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "config/texts.h"
#include "observe/access_log.h"
#include "serve/configure.h"
#include "serve/kin.h"
#include "serve/master.h"
#include "serve/serve_parts.h"
#include "serve/serve_run.h"

/* Two of the command's own, then all settings. */
enum { CONFIG, SET, SETTINGS };
static const tc_option options[] = {
    {"config", 'c', TC_OPTION_TEXT, 0, "FILE",
     "reads settings from this file: tercet.conf(5). What the command line says goes before them.",
     0, 0},
    {"set", 0, TC_OPTION_LIST, 0, "NAME=VALUE",
     "a setting as it could stand at the top of that file.", 0, 0},
#define TC_SETTING(member, name, short_name, kind, words, scope, form, initial, least, most, help) \
    {name, short_name, TC_OPTION_##kind, 0, words, help, least, most},
#include "setting.def"
#undef TC_SETTING
};

static int serve(const tc_command *c, int argc, char **argv);

const tc_command tc_command_serve = {
    .name = "serve",
    .operands = "[DIR]",
    .summary = "serves a folder",
    .about = "Serves the files of DIR (the current folder if not given) over HTTP/0.9, 1.0, 1.1 "
             "and 2, in clear text and over TLS 1.2 and 1.3, and over HTTP/3 (QUIC). Ctrl-C "
             "finishes what is under way and ends; a second one ends at once.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples =
        "  tercet serve public\n"
        "  tercet serve --listen http://*:8080 --access-log access.log --log-format combined\n"
        "  tercet serve --listen https://*:443 --cert site.pem --key site.key\n"
        "  tercet serve --config /etc/tercet/tercet.conf\n",
    .run = serve,
};

/* Open connections are descriptors: the soft limit is raised to the hard one. */
static void raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l); /* without it there are fewer connections, no fault */
    }
}

/* What stands on the command line, in the order in which it stands there. */
typedef struct given {
    const char *file;
    char **argv; /* of the program */
    tc_kin *kin; /* NULL: this process has no master */
    tc_config *config;
} given;

static tc_err take(void *self, const tc_option *o, const char *value, tc_buf *complaint)
{
    given *g = self;
    const size_t place = (size_t)(o - options);
    (void)complaint;
    if (place == CONFIG)
        g->file = value;
    else if (place == SET)
        tc_config_set(g->config, value);
    else
        tc_config_give(g->config, &tc_setting_rows[place - SETTINGS],
                       o->kind == TC_OPTION_FLAG  ? "on"
                       : o->kind == TC_OPTION_OFF ? "off"
                                                  : value);
    return TC_OK;
}

/* A generation reads what its master keeps, or keeps what it reads, until it knows better. */
static bool keep_texts(const given *g)
{
    tc_config *c = g->config;
    if (!g->kin || !g->file) return true;
    c->texts = tc_kin_texts(g->kin);
    if (!c->texts) c->kept = tc_texts_new();
    if (c->kept >= 0) return true;
    c->kept = 0;
    return false;
}

/* False: the master is gone. */
static bool tell_texts(const given *g)
{
    const int fd = g->config->texts ? g->config->texts : g->config->kept;
    if (!g->kin || !fd) return true;
    const bool good = tc_texts_seal(fd) && tc_kin_tell_texts(g->kin, fd);
    close(fd);
    return good;
}

static int run_master(const given *g, const tc_settings *s)
{
    const bool off = s->control && tc_span_eq(tc_span_str(s->control), TC_SPAN("off"));
    const tc_master_settings settings = {.argv = g->argv,
                                         .control = off          ? NULL
                                                    : s->control ? s->control
                                                                 : tc_master_control(),
                                         .pid_file = s->pid_file};
    return tc_master_run(&settings);
}

static int serve_as_given(const tc_command *c, given *g, const tc_command_line *line)
{
    tc_built built;
    int code;
    if (line->operand_count > 1)
        return tc_command_complain(c, "one folder at most, not also %s", line->operands[1]);
    if (line->operand_count)
        tc_config_give(g->config, tc_setting_of(TC_SPAN("root")), line->operands[0]);
    raise_file_limit(); /* folders are opened, too */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write that fails */
    const tc_settings *s = &g->config->top.settings;
    if (!keep_texts(g)) return tc_serve_fail(TC_ERR_SYSTEM, "could not start", strerror(errno));
    const bool good = tc_configure(g->config, g->file, &built);
    /* A master that was upgraded goes on, whatever became of its file meanwhile. */
    if (!g->kin && (tc_master_was_upgraded() || (good && (g->file || s->master)))) {
        tc_built_fini(&built); /* it was only to be judged: the generations make their own */
        return run_master(g, s);
    } else if (!good) {
        code = tc_configure_complain(c, g->config);
    } else if (!tell_texts(g)) {
        code = tc_serve_fail(TC_ERR_PEER_CLOSED, "the master", NULL);
    } else {
        code = tc_serve_config(g->config, &built, g->kin);
    }
    tc_built_fini(&built);
    return code;
}

/* As they were, with the program's name: reading them moves them. */
static char **copy_arguments(int argc, char **argv)
{
    char **copy = tc_alloc(((size_t)argc + 2) * sizeof *copy);
    if (!copy) return NULL;
    copy[0] = (char *)(uintptr_t) "tercet";
    for (int i = 0; i < argc; i++)
        copy[i + 1] = argv[i];
    copy[argc + 1] = NULL;
    return copy;
}
static int serve(const tc_command *c, int argc, char **argv)
{
    tc_config config;
    tc_command_line line;
    given g = {.config = &config, .argv = copy_arguments(argc, argv), .kin = tc_kin_begin()};
    tc_config_init(&config);
    const int code = tc_command_walk(c, argc, argv, take, &g, &line) ? serve_as_given(c, &g, &line)
                                                                     : line.exit_code;
    tc_config_fini(&config);
    tc_free(g.argv);
    tc_kin_free(g.kin);
    return code;
}
