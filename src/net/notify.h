/* notify.h - tells whoever started this process how it goes, as sd_notify(3) does: systemd, or
 * anybody else that sets NOTIFY_SOCKET; and takes over the sockets that they opened
 * (sd_listen_fds(3)). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct tc_notify {
    int fd;              /* -1: nobody wants to know */
    int64_t watchdog_ns; /* at least so often they want to hear "WATCHDOG=1"; 0: they do not */
} tc_notify;

void tc_notify_open(tc_notify *n); /* by the environment */
void tc_notify_forget(void);       /* takes it from there, so that no child speaks by mistake */
void tc_notify_close(tc_notify *n);
/* Lines like "READY=1\nSTATUS=..."; at once, or not at all. */
void tc_notify_say(const tc_notify *n, const char *lines);
/* RELOADING=1 with the time that must go with it; READY=1 ends it. */
void tc_notify_reloading(const tc_notify *n);

/* How many sockets were handed in: descriptors from *ret_first on, made as ours are. They are taken
 * from the environment, too. */
unsigned tc_notify_sockets(int *ret_first);
