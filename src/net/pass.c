/* pass.c - see pass.h. */
// SPDX-License-Identifier: MIT
#include "net/pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Both ends are this program, if not this build of it: what a new one adds goes behind. */
typedef struct head {
    tc_address socket, local, remote;
    uint32_t segment;
    uint8_t ecn;
} head;

enum { ON_THE_WAY = 4 * 1024 * 1024 }; /* bytes, with what the kernel adds */

tc_err tc_pass_pair(int ret_fds[2])
{
    const int size = ON_THE_WAY;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_fds))
        return tc_err_from_errno(errno);
    if (setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size)) /* root may */
        (void)setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return TC_OK;
}

tc_err tc_pass_send(int fd, const tc_address *socket, const tc_datagrams *d)
{
    head h;
    memset(&h, 0, sizeof h);
    h.socket = *socket;
    h.local = d->local;
    h.remote = d->remote;
    h.segment = (uint32_t)d->segment;
    h.ecn = d->ecn;
    struct iovec iov[] = {{&h, sizeof h}, {d->at, d->len}};
    const struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;
    do
        n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return TC_OK;
    return errno == EAGAIN || errno == ENOBUFS ? TC_ERR_FULL : TC_ERR_CONNECT;
}

tc_err tc_pass_receive(int fd, char *room, tc_address *ret_socket, tc_datagrams *ret)
{
    head h;
    struct iovec iov[] = {{&h, sizeof h}, {room, TC_UDP_BYTES}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;
    do
        n = recvmsg(fd, &m, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n <= (ssize_t)sizeof h || m.msg_flags & MSG_TRUNC || !h.segment) return TC_ERR_NOTHING;
    *ret_socket = h.socket;
    *ret = (tc_datagrams){.local = h.local,
                          .remote = h.remote,
                          .ecn = h.ecn,
                          .at = room,
                          .len = (size_t)n - sizeof h,
                          .segment = h.segment};
    return TC_OK;
}
