/* udp.h - datagrams by the batch: many in one system call each way, with the mark of congestion
 * (ECN, RFC 3168) and the address of ours that they came to.
 *
 * Datagrams of one size that follow each other may be one piece of memory: segment says where to
 * cut it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include <stdbool.h>

#include "net/address.h"

enum {
    TC_UDP_BATCH = 8,
    TC_UDP_BYTES = 65536,
    TC_UDP_SEGMENTS = 64, /* that the kernel cuts at once, and */
    TC_UDP_MOST = 65000,  /* bytes that it takes at once: with all headers they fit into IP */
};

typedef struct tc_datagrams {
    tc_address local, remote;
    uint8_t ecn;
    char *at;
    size_t len, segment; /* segment: bytes of each datagram but perhaps the last */
} tc_datagrams;

/* Where a socket's datagrams are put: TC_UDP_BATCH times TC_UDP_BYTES. */
typedef struct tc_udp_room tc_udp_room;
tc_udp_room *tc_udp_room_new(void); /* NULL without memory */
void tc_udp_room_free(tc_udp_room *room);

/* Opens sockets that share one address until there are count of them: fds[have] to fds[count - 1].
 * A classic BPF program gives packets of an established QUIC connection to the socket whose number
 * its connection id begins with, where the kernel lets it. On failure none of these stay open. */
typedef struct tc_udp_how {
    bool both;   /* an IPv6 socket takes IPv4, too */
    bool shares; /* also one alone, since others may join it later */
    bool beside; /* sockets of ours have the port, on other addresses */
    unsigned have, count;
} tc_udp_how;
tc_err tc_udp_listen(const tc_address *local, const tc_udp_how *how, int fds[]) TC_MUST_USE;
/* A socket for one peer; *ret_local is the address that was chosen. */
tc_err tc_udp_connect(const tc_address *peer, int *ret_fd, tc_address *ret_local) TC_MUST_USE;
/* Readies a socket that is open and bound, or connected. */
tc_err tc_udp_prepare(int fd, tc_address *ret_local) TC_MUST_USE;

/* Up to TC_UDP_BATCH of them; they live until the next call. local: of the socket, for what the
 * kernel does not tell. *ret_count 0: none wait. TC_ERR_CONNECT: the peer's machine says that
 * nobody listens there. */
tc_err tc_udp_receive(int fd, const tc_address *local, tc_udp_room *room, tc_datagrams *ret,
                      unsigned *ret_count) TC_MUST_USE;

/* TC_ERR_FULL: not now, the socket will say when. Any other failure is of this path and moment and
 * no worse than a loss. *segments: whether the kernel cuts; cleared when it will not. from: whether
 * d->local is to be named as the source. */
tc_err tc_udp_send(int fd, const tc_datagrams *d, bool from, bool *segments) TC_MUST_USE;
