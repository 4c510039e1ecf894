/* channel.c - see channel.h. */
// SPDX-License-Identifier: MIT
#include "net/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, REST_MS = 10 };

typedef struct control {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(TC_CHANNEL_FDS * sizeof(int))];
} control;

tc_err tc_channel_pair(int ret_fds[2])
{
    const int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
    return socketpair(AF_UNIX, type, 0, ret_fds) ? tc_err_from_errno(errno) : TC_OK;
}

tc_err tc_channel_send(int fd, const void *bytes, size_t len, const int fds[], size_t count,
                       int wait_ms)
{
    control room;
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count) {
        memset(&room, 0, sizeof room);
        h.msg_control = room.bytes;
        h.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return TC_OK;
        if (errno == EINTR) continue;
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return TC_ERR_PEER_CLOSED;
        if (errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS) { /* poll tells nothing */
            if (wait_ms < REST_MS) return tc_err_from_errno(errno);
            (void)poll(NULL, 0, REST_MS);
            wait_ms -= REST_MS;
            continue;
        }
        if (errno != EAGAIN) return tc_err_from_errno(errno);
        if (poll(&p, 1, wait_ms) == 0) return TC_ERR_FULL;
    }
}

/* Those that nobody has asked for are closed. */
static size_t take_descriptors(struct msghdr *h, int fds[])
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
            if (fds && count < TC_CHANNEL_FDS)
                fds[count++] = one;
            else
                close(one);
        }
    }
    return count;
}

tc_err tc_channel_receive(int fd, void *room, size_t size, size_t *ret_len, int fds[],
                          size_t *ret_count)
{
    control into;
    struct iovec iov = {room, size};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = into.bytes,
                       .msg_controllen = sizeof into.bytes};
    ssize_t n;
    do
        n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) return TC_ERR_NOTHING;
    if (n < 0) return TC_ERR_PEER_CLOSED;
    const size_t count = take_descriptors(&h, fds);
    if (ret_count) *ret_count = count;
    *ret_len = (size_t)n;
    return n ? TC_OK : TC_ERR_PEER_CLOSED;
}

static bool name_of(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    if (len >= sizeof ret->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(ret->sun_path, path, len);
    return true;
}

tc_err tc_channel_connect(const char *path, int *ret_fd)
{
    struct sockaddr_un name;
    if (!name_of(path, &name)) return TC_ERR_CONNECT;
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return tc_err_from_errno(errno);
    if (connect(fd, (struct sockaddr *)&name, sizeof name)) {
        const int why = errno;
        close(fd);
        errno = why;
        return TC_ERR_CONNECT;
    }
    *ret_fd = fd;
    return TC_OK;
}

/* A socket at which nobody listens is left over; anything else is somebody's. */
static bool is_left_over(const char *path)
{
    struct stat st;
    int fd;
    if (lstat(path, &st) || !S_ISSOCK(st.st_mode)) return false;
    if (tc_channel_connect(path, &fd) == TC_OK) {
        close(fd);
        return false;
    }
    return errno == ECONNREFUSED;
}

tc_err tc_channel_listen(const char *path, int *ret_fd)
{
    struct sockaddr_un name;
    if (!name_of(path, &name)) return tc_err_from_errno(errno);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return tc_err_from_errno(errno);
    if (is_left_over(path)) (void)unlink(path); /* bind says so if it is still there */
    const mode_t before = umask(0177);
    int rc = bind(fd, (struct sockaddr *)&name, sizeof name);
    (void)umask(before);
    if (!rc) rc = listen(fd, BACKLOG);
    if (rc) {
        const int why = errno;
        close(fd);
        errno = why;
        return tc_err_from_errno(why);
    }
    *ret_fd = fd;
    return TC_OK;
}

tc_err tc_channel_accept(int listener, int *ret_fd)
{
    int fd;
    do
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) return errno == EAGAIN ? TC_ERR_NOTHING : tc_err_from_errno(errno);
    *ret_fd = fd;
    return TC_OK;
}
