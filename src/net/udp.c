/* udp.c - see udp.h. What an old kernel cannot do (cut, join, steer) is done without: slower. */
// SPDX-License-Identifier: MIT
#include "net/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { CONTROL_BYTES = 128, SOCKET_BYTES = 4 * 1024 * 1024, ECN = 3 };

typedef struct control {
    _Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
} control;

struct tc_udp_room {
    char bytes[TC_UDP_BATCH][TC_UDP_BYTES];
};

tc_udp_room *tc_udp_room_new(void)
{
    return tc_alloc(sizeof(tc_udp_room));
}

void tc_udp_room_free(tc_udp_room *room)
{
    tc_free(room);
}

/* --- sockets ------------------------------------------------------------------------------- */

static tc_err set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) ? tc_err_from_errno(errno) : TC_OK;
}

tc_err tc_udp_prepare(int fd, tc_address *ret_local)
{
    socklen_t len = sizeof *ret_local;
    if (getsockname(fd, &ret_local->any, &len)) return tc_err_from_errno(errno);
    const bool v6 = ret_local->any.sa_family == AF_INET6;
    tc_err err = TC_OK;
    if (v6) {
        err = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        if (!err) err = set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        if (!err) err = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    } else {
        err = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
    /* IPv4 comes to an IPv6 socket, too. What a kernel refuses below only makes it slower. */
    (void)set(fd, IPPROTO_IP, IP_RECVTOS, 1);
    (void)set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    (void)set(fd, IPPROTO_UDP, UDP_GRO, 1);
    (void)set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
    (void)set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
    return err;
}

static tc_err open_socket(int family, int *ret_fd)
{
    *ret_fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return *ret_fd < 0 ? tc_err_from_errno(errno) : TC_OK;
}

/* The first socket takes the port for itself, and only then agrees to share (listen.c). */
enum share { ALONE, FIRST, NEXT };

static tc_err open_one(const tc_address *local, enum share share, bool both, int *ret_fd)
{
    int fd;
    tc_err err = open_socket(local->any.sa_family, &fd);
    if (err) return err;
    if (share == NEXT) err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err && local->any.sa_family == AF_INET6) err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    if (!err && bind(fd, &local->any, tc_address_length(local))) err = tc_err_from_errno(errno);
    if (!err && share == FIRST) err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (err) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return TC_OK;
}

/* A packet with a short header begins with one byte and then our connection id, whose first two
 * bytes are the socket's number (quic_id.c). Anything else is spread by its addresses, which is
 * what the kernel does with a number that nobody has. */
static void steer(int fd)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JSET | BPF_K, 2, 0, 0x80},
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, 1}, {BPF_RET | BPF_A, 0, 0, 0},
        {BPF_RET | BPF_K, 0, 0, 0xffffffff},
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    /* where it is refused, packets that come to the wrong worker are handed on in user space */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

tc_err tc_udp_listen(const tc_address *local, const tc_udp_how *how, int fds[])
{
    tc_address at = *local;
    tc_err err = TC_OK;
    unsigned i = how->have;
    for (; i < how->count && !err; i += !err) {
        socklen_t len = sizeof at;
        const enum share first = how->count > 1 || how->shares ? FIRST : ALONE;
        err = open_one(&at, i || how->beside ? NEXT : first, how->both, &fds[i]);
        if (!err && i == 0) (void)getsockname(fds[0], &at.any, &len); /* port 0 is a real one now */
    }
    while (err && i > how->have)
        close(fds[--i]);
    if (!err && how->count > 1) steer(fds[0]);
    return err;
}

tc_err tc_udp_connect(const tc_address *peer, int *ret_fd, tc_address *ret_local)
{
    int fd;
    tc_err err = open_socket(peer->any.sa_family, &fd);
    if (err) return err;
    if (connect(fd, &peer->any, tc_address_length(peer))) err = tc_err_from_errno(errno);
    if (!err) err = tc_udp_prepare(fd, ret_local);
    if (err) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return TC_OK;
}

/* --- receiving ----------------------------------------------------------------------------- */

static void read_control(struct msghdr *h, tc_datagrams *d)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        const void *data = CMSG_DATA(c);
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            d->ecn = *(const uint8_t *)data & ECN;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            int value;
            memcpy(&value, data, sizeof value);
            d->ecn = (uint8_t)(value & ECN);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
                   d->local.any.sa_family == AF_INET) {
            struct in_pktinfo info;
            memcpy(&info, data, sizeof info);
            d->local.v4.sin_addr = info.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
                   d->local.any.sa_family == AF_INET6) {
            struct in6_pktinfo info;
            memcpy(&info, data, sizeof info);
            d->local.v6.sin6_addr = info.ipi6_addr;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, data, sizeof size);
            if (size > 0) d->segment = (size_t)size;
        }
    }
}

tc_err tc_udp_receive(int fd, const tc_address *local, tc_udp_room *room, tc_datagrams *ret,
                      unsigned *ret_count)
{
    struct mmsghdr messages[TC_UDP_BATCH];
    struct iovec iov[TC_UDP_BATCH];
    control controls[TC_UDP_BATCH];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < TC_UDP_BATCH; i++) {
        ret[i].local = *local;
        iov[i] = (struct iovec){room->bytes[i], TC_UDP_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &ret[i].remote,
                                              .msg_namelen = sizeof ret[i].remote,
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i].bytes,
                                              .msg_controllen = CONTROL_BYTES};
    }
    int n;
    do
        n = recvmmsg(fd, messages, TC_UDP_BATCH, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    *ret_count = n > 0 ? (unsigned)n : 0;
    if (n < 0) {
        if (errno == EAGAIN) return TC_OK;
        return errno == ECONNREFUSED ? TC_ERR_CONNECT : tc_err_from_errno(errno);
    }
    for (unsigned i = 0; i < *ret_count; i++) {
        ret[i].at = room->bytes[i];
        ret[i].len = ret[i].segment = messages[i].msg_len;
        ret[i].ecn = 0;
        read_control(&messages[i].msg_hdr, &ret[i]);
    }
    return TC_OK;
}

/* --- sending ------------------------------------------------------------------------------- */

/* Adds a control message; the lengths are bounded by CONTROL_BYTES, which holds all three. */
static void add_control(struct msghdr *h, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)h->msg_control + h->msg_controllen);
    assert(h->msg_controllen + CMSG_SPACE(len) <= CONTROL_BYTES);
    memset(c, 0, CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
    h->msg_controllen += CMSG_SPACE(len);
}

static void add_source(struct msghdr *h, const tc_address *local)
{
    if (local->any.sa_family == AF_INET) {
        const struct in_pktinfo info = {.ipi_spec_dst = local->v4.sin_addr};
        add_control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
        const struct in6_pktinfo info = {.ipi6_addr = local->v6.sin6_addr};
        add_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
}

static void add_ecn(struct msghdr *h, const tc_address *remote, int ecn)
{
    const bool v4 = remote->any.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&remote->v6.sin6_addr);
    add_control(h, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &ecn, sizeof ecn);
}

static tc_err send_piece(int fd, const tc_datagrams *d, bool from, size_t off, size_t len)
{
    control room;
    struct iovec iov = {d->at + off, len};
    struct msghdr h = {.msg_name = (void *)(uintptr_t)&d->remote,
                       .msg_namelen = tc_address_length(&d->remote),
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = room.bytes};
    if (d->ecn) add_ecn(&h, &d->remote, d->ecn);
    if (from) add_source(&h, &d->local);
    if (len > d->segment) {
        const uint16_t size = (uint16_t)d->segment;
        add_control(&h, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
    }
    if (!h.msg_controllen) h.msg_control = NULL;
    ssize_t n;
    do
        n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return TC_OK;
    return errno == EAGAIN || errno == ENOBUFS ? TC_ERR_FULL : tc_err_from_errno(errno);
}

tc_err tc_udp_send(int fd, const tc_datagrams *d, bool from, bool *segments)
{
    if (*segments || d->len <= d->segment) {
        const tc_err err = send_piece(fd, d, from, 0, d->len);
        if (!err || err == TC_ERR_FULL || d->len <= d->segment) return err;
        if (errno != EIO && errno != EINVAL && errno != EMSGSIZE) return err;
        if (errno != EMSGSIZE) *segments = false; /* no offload on the way out */
    }
    tc_err err = TC_OK;
    for (size_t off = 0; off < d->len; off += d->segment) {
        const size_t left = d->len - off;
        err = send_piece(fd, d, from, off, left < d->segment ? left : d->segment);
        if (err == TC_ERR_FULL) return TC_OK; /* the rest is lost, and will be sent again */
    }
    return err;
}
