/* reload.c - `tercet reload`: asks a master for a new generation, and waits for what comes of it.
 */
// SPDX-License-Identifier: MIT
#include "serve/reload.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/channel.h"
#include "serve/configure.h"
#include "serve/master.h"

enum { WAIT_MS = 180000 }; /* two beginnings, at their longest, and more */

typedef struct settings {
    const char *control, *config;
    bool quiet;
} settings;

static const tc_option options[] = {
    {"control", 0, TC_OPTION_TEXT, offsetof(settings, control), "FILE",
     "the socket at which the server listens for this; that of its configuration, or tercet.sock "
     "in "
     "$XDG_RUNTIME_DIR, or for root in /run, if not given.",
     0, 0},
    {"config", 'c', TC_OPTION_TEXT, offsetof(settings, config), "FILE",
     "the configuration of the server, which may name that socket.", 0, 0},
    {"quiet", 'q', TC_OPTION_FLAG, offsetof(settings, quiet), NULL,
     "leaves to the server's own log what the server says.", 0, 0},
};

static int reload(const tc_command *c, int argc, char **argv);

const tc_command tc_command_reload = {
    .name = "reload",
    .operands = "",
    .summary = "makes a server read its configuration anew",
    .about = "Asks the master of a server (tercet serve --config, or --master) to read its "
             "configuration, certificates and program anew, and waits. It ends with 0 if all of it "
             "is in force, and otherwise with what is wrong, in which case nothing has changed.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet reload\n"
                "  tercet reload --config /etc/tercet/tercet.conf\n",
    .run = reload,
};

static int wait_for_answer(int fd, bool quiet)
{
    static char answer[TC_CHANNEL_BYTES];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len;
    if (tc_channel_send(fd, "reload", 6, NULL, 0, 1000) != TC_OK || poll(&p, 1, WAIT_MS) != 1 ||
        tc_channel_receive(fd, answer, sizeof answer, &len, NULL, NULL) != TC_OK) {
        fprintf(stderr, "tercet: the server gave no answer\n");
        return tc_err_exit(TC_ERR_PEER_CLOSED);
    }
    if (quiet) return (unsigned char)answer[0];
    fwrite(answer + 1, 1, len - 1, stderr);
    if (answer[0]) fprintf(stderr, "tercet: not reloaded: what served before serves on\n");
    return (unsigned char)answer[0];
}

static int reload(const tc_command *c, int argc, char **argv)
{
    settings s = {.control = NULL};
    tc_command_line line;
    int fd;
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    if (line.operand_count)
        return tc_command_complain(c, "it takes no operand, as %s", line.operands[0]);
    tc_config config;
    tc_config_init(&config);
    if (!s.control && s.config) {
        tc_config_read(&config, s.config);
        tc_config_resolve(&config);
        s.control = config.top.settings.control;
    }
    if (config.fault_count || config.no_memory) { /* nobody knows which socket it means */
        const int bad = tc_configure_complain(c, &config);
        fprintf(stderr, "tercet: not reloaded: what served before serves on\n");
        tc_config_fini(&config);
        return bad;
    }
    const char *path = s.control ? s.control : tc_master_control();
    int code;
    if (tc_channel_connect(path, &fd) == TC_OK) {
        code = wait_for_answer(fd, s.quiet);
        close(fd);
    } else {
        fprintf(stderr, "tercet: %s: no server listens there: %s\n", *path ? path : "--control",
                strerror(errno));
        code = tc_err_exit(TC_ERR_CONNECT);
    }
    tc_config_fini(&config);
    return code;
}
