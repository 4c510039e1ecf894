/* main.c - the program: finds the command and runs it. */
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include "cmd/commands.h"

/* Whoever began us may have closed these; what takes their numbers would get what we say. */
static bool have_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!have_standard_files()) return tc_err_exit(TC_ERR_SYSTEM);
    const tc_span word = tc_span_str(argc > 1 ? argv[1] : "--help");
    if (tc_span_eq(word, TC_SPAN("--help")) || tc_span_eq(word, TC_SPAN("-h"))) {
        tc_cmd_overview();
        return argc > 1 ? 0 : tc_err_exit(TC_ERR_USAGE);
    }
    if (tc_span_eq(word, TC_SPAN("--version")) || tc_span_eq(word, TC_SPAN("version")) ||
        tc_span_eq(word, TC_SPAN("-V"))) {
        tc_cmd_version();
        return 0;
    }
    const tc_command *c = tc_command_of(argv[1]);
    return c ? c->run(c, argc - 1, argv + 1) : tc_command_unknown(argv[1]);
}
