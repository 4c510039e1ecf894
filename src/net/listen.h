/* listen.h - opens listening sockets, and accepts from them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"
#include "net/address.h"

enum { TC_LISTEN_URL = 8 }; /* addresses of one URL, at most */

/* What a listening URL means. A port 0 is any free one. */
typedef struct tc_listen_url {
    tc_address at[TC_LISTEN_URL];
    size_t count;
    bool secure;   /* https */
    bool both;     /* "*": IPv4 comes to the IPv6 socket, too */
    bool any_port; /* 0 */
} tc_listen_url;

/* See tc_server_listen (server/server.h), also about *ret_detail (may be NULL). */
tc_err tc_listen_parse(tc_span url, tc_listen_url *ret, const char **ret_detail) TC_MUST_USE;

/* Opens sockets of TCP on one address until there are count of them, one for each worker, sharing
 * the port by SO_REUSEPORT where there are several: fds[have] to fds[count - 1]. On failure none
 * of these stay open. A port 0 becomes the one that was found. */
typedef struct tc_listen_how {
    bool both;   /* see tc_listen_url */
    bool shares; /* also one alone, since others may join it later */
    bool beside; /* sockets of ours have the port, on other addresses */
    unsigned have;
    unsigned count;
} tc_listen_how;
tc_err tc_listen(tc_address *at, const tc_listen_how *how, int fds[],
                 const char **ret_detail) TC_MUST_USE;

/* A connection that waits, made non-blocking, and who it is from. TC_ERR_NOTHING: none waits.
 * TC_ERR_TOO_MANY_FILES, TC_ERR_NO_MEMORY: there may be one, but not now. Any other error: that one
 * is gone already, the next may be good. */
struct sockaddr_storage;
tc_err tc_accept(int listener, int *ret_fd, struct sockaddr_storage *ret_peer) TC_MUST_USE;

/* Says something to who was accepted, and that it is all; what he says is thrown away by
 * tc_accept_drain, with room to read it in, which counts it. False: he has ended. */
void tc_accept_refuse(int fd, tc_span words);
bool tc_accept_drain(int fd, char *room, size_t size, uint64_t *drained);
