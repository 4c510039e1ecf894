/* master_begin.c - what a master does once: where it is asked for reloads, which program it is,
 * what it was handed, the file with its pid. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/channel.h"
#include "serve/master.h"
#include "serve/master_inside.h"

const char *tc_master_control(void)
{
    static char path[PATH_MAX];
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (!folder || !*folder) folder = geteuid() ? "" : "/run";
    (void)snprintf(path, sizeof path, "%s%s", folder, *folder ? "/tercet.sock" : "");
    return path;
}

void tc_master_listen(master *m)
{
    const char *path = m->settings->control;
    m->control = -1;
    if (!path || !*path) return;
    const tc_err err = tc_channel_listen(path, &m->control);
    if (!err) return;
    m->control = -1;
    fprintf(stderr, "tercet: %s: %s; `tercet reload` cannot ask here, SIGHUP still does\n", path,
            err == TC_ERR_ADDRESS_IN_USE ? "another server has it" : strerror(errno));
}

bool tc_master_write_pid(const char *file)
{
    if (!file) return true;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    const int fd = (int)TEMP_FAILURE_RETRY(open(file, flags, 0644));
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    const bool good = f && fprintf(f, "%ld\n", (long)getpid()) > 0;
    if (fd >= 0 && !f) close(fd);
    if (!f || fclose(f) || !good) {
        fprintf(stderr, "tercet: %s: %s\n", file, strerror(errno));
        return false;
    }
    return true;
}

void tc_master_find_program(master *m)
{
    static const char gone[] = " (deleted)";
    const ssize_t n = readlink("/proc/self/exe", m->program, sizeof m->program - 1);
    size_t len = n > 0 ? (size_t)n : 0;
    if (len > sizeof gone && strcmp(m->program + len - (sizeof gone - 1), gone) == 0)
        len -= sizeof gone - 1;
    m->program[len] = 0;
    if (!len) (void)snprintf(m->program, sizeof m->program, "/proc/self/exe");
    if (stat("/proc/self/exe", &m->program_was)) m->program_was.st_ino = 0;
}

/* What systemd opened; which of them are wanted the first generation says. */
void tc_master_take_handed_in(master *m)
{
    int first = 0;
    const unsigned count = tc_notify_sockets(&first);
    for (int fd = first; fd < first + (int)count; fd++) {
        if (tc_listeners_offer(&m->listeners, fd, false) == TC_OK) continue;
        fprintf(stderr, "tercet: descriptor %d was handed in, and is no socket to listen with\n",
                fd);
        close(fd);
    }
}
