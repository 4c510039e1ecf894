/* interrupt.c - see interrupt.h. */
// SPDX-License-Identifier: MIT
#include "run/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int pipe_ends[2] = {-1, -1};

static void interrupted(int signal_number)
{
    const int before = errno;
    (void)signal_number;
    if (write(pipe_ends[1], "", 1) < 0) _exit(tc_err_exit(TC_ERR_INTERRUPTED));
    errno = before;
}

void tc_interrupt_catch(tc_loop *loop, tc_io *io, void (*ready)(tc_io *io, unsigned what))
{
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND};
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail: a valid signal */
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK)) return;
    *io = (tc_io){pipe_ends[0], ready};
    if (tc_loop_add_listener(loop, io) == TC_OK) sigaction(SIGINT, &action, NULL);
}
