/* channel.h - messages between processes of one machine, each whole, with descriptors beside them
 * (unix sockets, SCM_RIGHTS). Descriptors are not inherited unless somebody says so. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { TC_CHANNEL_FDS = 64, TC_CHANNEL_BYTES = 32768 };

tc_err tc_channel_pair(int ret_fds[2]) TC_MUST_USE;

/* Waits at most so long for room. TC_ERR_FULL: there was none; TC_ERR_PEER_CLOSED. */
tc_err tc_channel_send(int fd, const void *bytes, size_t len, const int fds[], size_t count,
                       int wait_ms) TC_MUST_USE;
/* TC_ERR_NOTHING: none waits. TC_ERR_PEER_CLOSED: none will come. The descriptors are the caller's
 * then. fds: TC_CHANNEL_FDS; NULL: none are wanted, and any are closed. */
tc_err tc_channel_receive(int fd, void *room, size_t size, size_t *ret_len, int fds[],
                          size_t *ret_count) TC_MUST_USE;

/* A place in the file system where others may ask, which only its owner can. In the place of one
 * that nobody listens at any more. TC_ERR_ADDRESS_IN_USE: somebody does. */
tc_err tc_channel_listen(const char *path, int *ret_fd) TC_MUST_USE;
tc_err tc_channel_accept(int listener, int *ret_fd) TC_MUST_USE; /* TC_ERR_NOTHING: nobody waits */
tc_err tc_channel_connect(const char *path, int *ret_fd) TC_MUST_USE; /* errno says why not */
