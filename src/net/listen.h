/* listen.h - opens listening sockets for a URL, and accepts from them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

enum { TC_LISTENERS_MAX = 64 };

/* Opens count sockets on each address of the URL (one for each worker, sharing the port by
 * SO_REUSEPORT where there are several). Address i's socket for worker w is at fds[i * count + w].
 * *ret_addresses: how many addresses; *ret_port: which port, also where the URL said 0 (any free);
 * *ret_secure: the scheme is https. On failure none stay open. See tc_server_listen
 * (server/server.h). */
tc_err tc_listen(tc_span url, unsigned count, int fds[], size_t room, size_t *ret_addresses,
                 uint16_t *ret_port, bool *ret_secure, const char **ret_detail) TC_MUST_USE;

/* A connection that waits, made non-blocking, and who it is from. TC_ERR_NOTHING: none waits.
 * TC_ERR_TOO_MANY_FILES, TC_ERR_NO_MEMORY: there may be one, but not now. Any other error: that one
 * is gone already, the next may be good. */
struct sockaddr_storage;
tc_err tc_accept(int listener, int *ret_fd, struct sockaddr_storage *ret_peer) TC_MUST_USE;
