/* notify.c - see notify.h. The protocol is a datagram of lines to an address in the environment,
 * and descriptors from 3 on; both are promised to stay as they are. */
// SPDX-License-Identifier: MIT
#include "net/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"

enum { FIRST_SOCKET = 3, SOCKETS_MAX = 1024 };

/* A number of the environment; 0: it is not there, or none. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    uint64_t n;
    return text && tc_span_number(tc_span_str(text), &n) ? n : 0;
}

static int connect_to(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof at.sun_path) return -1;
    memcpy(at.sun_path, name, len);
    if (name[0] == '@') at.sun_path[0] = '\0'; /* abstract */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (connect(fd, (struct sockaddr *)&at, size) == 0) return fd;
    close(fd);
    return -1;
}

void tc_notify_open(tc_notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const uint64_t pid = number_of("WATCHDOG_PID"), us = number_of("WATCHDOG_USEC");
    *n = (tc_notify){.fd = name ? connect_to(name) : -1};
    if (n->fd >= 0 && us < INT64_MAX / 1000 && (!pid || pid == (uint64_t)getpid()))
        n->watchdog_ns = (int64_t)us * 1000;
}

void tc_notify_forget(void)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

void tc_notify_close(tc_notify *n)
{
    if (n->fd >= 0) close(n->fd);
    n->fd = -1;
}

void tc_notify_say(const tc_notify *n, const char *lines)
{
    if (n->fd >= 0) (void)!send(n->fd, lines, strlen(lines), MSG_NOSIGNAL);
}

void tc_notify_reloading(const tc_notify *n)
{
    char lines[64];
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)(tc_clock_now() / 1000));
    tc_notify_say(n, lines);
}

unsigned tc_notify_sockets(int *ret_first)
{
    const uint64_t pid = number_of("LISTEN_PID"), count = number_of("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (pid != (uint64_t)getpid() || !count || count > SOCKETS_MAX) return 0;
    for (int i = FIRST_SOCKET; i < FIRST_SOCKET + (int)count; i++) {
        const int flags = fcntl(i, F_GETFL);
        (void)fcntl(i, F_SETFD, FD_CLOEXEC);
        if (flags >= 0) (void)fcntl(i, F_SETFL, flags | O_NONBLOCK);
    }
    *ret_first = FIRST_SOCKET;
    return (unsigned)count;
}
