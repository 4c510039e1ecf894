/* link_tcp.c - see link_tcp.h.
 *
 * A short write needs no second try: the kernel then raises an edge when there is room again. */
// SPDX-License-Identifier: MIT
#include "net/link_tcp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    GATHER_BYTES = 8192,        /* larger runs are not copied */
    FILE_TURN = 2 * 1024 * 1024 /* bytes of a file in one call, so that others get their turn */
};

static tc_link_tcp *tcp_of(tc_link *l)
{
    return (tc_link_tcp *)l;
}

static void ready(tc_io *io, unsigned what)
{
    tc_link_tcp *l = (tc_link_tcp *)((char *)io - offsetof(tc_link_tcp, io));
    l->link.on_ready(&l->link, what);
}

void tc_link_tcp_init(tc_link_tcp *l, tc_loop *loop, int fd, const struct sockaddr *peer,
                      void (*on_ready)(tc_link *l, unsigned what))
{
    *l = (tc_link_tcp){.link = {&tc_link_tcp_type, on_ready}, .io = {fd, ready}, .loop = loop};
    l->gather_most = GATHER_BYTES;
    l->peer = tc_ip_of((const uint8_t[4]){0}, 4);
    if (peer && peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)(const void *)peer;
        l->port = ntohs(a->sin6_port);
        l->peer = tc_ip_of(&a->sin6_addr, 16);
    } else if (peer && peer->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)(const void *)peer;
        l->port = ntohs(a->sin_port);
        l->peer = tc_ip_of(&a->sin_addr, 4);
    }
}

tc_err tc_link_tcp_watch(tc_link_tcp *l)
{
    return tc_loop_add(l->loop, &l->io);
}

static tc_err tcp_read(tc_link *link, tc_span *ret_in, bool *ret_fin, bool *ret_more)
{
    tc_link_tcp *l = tcp_of(link);
    size_t size;
    char *room = tc_loop_read_room(l->loop, &size);
    ssize_t n;
    do
        n = recv(l->io.fd, room, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return errno == ECONNRESET ? TC_ERR_PEER_RESET : tc_err_from_errno(errno);
    *ret_in = (tc_span){room, n > 0 ? (size_t)n : 0};
    *ret_fin = n == 0;
    *ret_more = n == (ssize_t)size;
    return TC_OK;
}

/* Sends the gathered bytes and then runs of bytes, as one message. *ret_sent counts only runs. */
static tc_err send_all(tc_link_tcp *l, const tc_run *runs, size_t count, bool more,
                       size_t *ret_sent)
{
    struct iovec iov[1 + 16];
    size_t parts = 0, size;
    char *room = tc_loop_write_room(l->loop, &size);
    if (l->gathered) iov[parts++] = (struct iovec){room, l->gathered};
    for (size_t i = 0; i < count; i++)
        iov[parts++] = (struct iovec){(char *)(uintptr_t)runs[i].at, runs[i].len};
    size_t total = 0;
    for (size_t i = 0; i < parts; i++)
        total += iov[i].iov_len;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    ssize_t n;
    do {
        if (parts == 1)
            n = send(l->io.fd, iov[0].iov_base, iov[0].iov_len, flags);
        else
            n = sendmsg(l->io.fd, &(struct msghdr){.msg_iov = iov, .msg_iovlen = parts}, flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) return tc_err_from_errno(errno);
    size_t sent = n > 0 ? (size_t)n : 0;
    l->full = sent < total;
    if (sent < l->gathered) {
        const size_t left = l->gathered - sent;
        assert(!l->spill);
        l->spill = tc_alloc(left);
        if (!l->spill) return TC_ERR_NO_MEMORY;
        memcpy(l->spill, room + sent, left);
        l->spill_len = (uint32_t)left;
        l->spill_at = 0;
        sent = l->gathered;
    }
    *ret_sent = sent - l->gathered;
    l->gathered = 0;
    return TC_OK;
}

static tc_err send_spill(tc_link_tcp *l)
{
    ssize_t n;
    do
        n = send(l->io.fd, l->spill + l->spill_at, l->spill_len - l->spill_at,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) return tc_err_from_errno(errno);
    l->spill_at += n > 0 ? (uint32_t)n : 0;
    l->full = l->spill_at < l->spill_len;
    if (!l->full) {
        tc_free(l->spill);
        l->spill = NULL;
        l->spill_len = l->spill_at = 0;
    }
    return TC_OK;
}

static tc_err send_file(tc_link_tcp *l, const tc_run *run, size_t *ret_sent)
{
    size_t sent = 0;
    const size_t want = run->len < FILE_TURN ? run->len : FILE_TURN;
    while (sent < want) {
        off_t off = (off_t)(run->off + sent);
        const ssize_t n = sendfile(l->io.fd, run->fd, &off, want - sent);
        if (n > 0) {
            sent += (size_t)n;
        } else if (n == 0) {
            return TC_ERR_FILE_SHRANK;
        } else if (errno == EAGAIN) {
            l->full = true;
            break;
        } else if (errno != EINTR) {
            return tc_err_from_errno(errno);
        }
    }
    *ret_sent = sent;
    return TC_OK;
}

/* Leading runs of bytes that are not worth a copy, or do not fit, together with what was gathered.
 */
static size_t gather(tc_link_tcp *l, const tc_run *runs, size_t count, size_t *taken)
{
    size_t size, i = 0;
    char *room = tc_loop_write_room(l->loop, &size);
    for (; i < count && runs[i].kind == TC_RUN_BYTES && runs[i].len <= l->gather_most &&
           runs[i].len <= size - l->gathered;
         i++) {
        memcpy(room + l->gathered, runs[i].at, runs[i].len);
        l->gathered += (uint32_t)runs[i].len;
        *taken += runs[i].len;
    }
    return i;
}

static tc_err tcp_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken)
{
    tc_link_tcp *l = tcp_of(link);
    size_t taken = 0;
    tc_err err = l->failed;
    l->full = l->spill != NULL;
    for (size_t i = 0; i < count && !l->full && !err;) {
        i += gather(l, runs + i, count - i, &taken);
        if (i == count) break;
        size_t sent = 0, plain = 0, plain_len = 0;
        if (runs[i].kind == TC_RUN_FILE) {
            if (l->gathered) err = send_all(l, NULL, 0, true, &sent);
            if (!err && !l->full) err = send_file(l, &runs[i], &sent);
            plain = sent == runs[i].len;
            if (!err && !l->full && !plain) { /* its turn is over; the caller comes again */
                taken += sent;
                break;
            }
        } else {
            while (i + plain < count && plain < 16 && runs[i + plain].kind == TC_RUN_BYTES)
                plain_len += runs[i + plain++].len;
            const bool file_next = i + plain < count;
            err = send_all(l, runs + i, plain, file_next, &sent);
            assert(l->full || sent == plain_len || err);
        }
        if (!err) taken += sent;
        i += plain;
    }
    if (err && taken) { /* the peer may have had it, and answered */
        l->failed = err;
        l->gathered = 0;
        err = TC_OK;
    }
    if (!err) *ret_taken = taken;
    return err;
}

static tc_err tcp_flush(tc_link *link)
{
    tc_link_tcp *l = tcp_of(link);
    size_t sent;
    if (l->failed) return l->failed;
    if (l->spill) return send_spill(l);
    l->full = false;
    return l->gathered ? send_all(l, NULL, 0, false, &sent) : TC_OK;
}

static bool tcp_stuck(const tc_link *link)
{
    const tc_link_tcp *l = (const tc_link_tcp *)link;
    return l->full;
}

static uint64_t tcp_untaken(const tc_link *link)
{
    const tc_link_tcp *l = (const tc_link_tcp *)link;
    int queued = 0;
    (void)ioctl(l->io.fd, SIOCOUTQ, &queued); /* on failure: nothing is known to be queued */
    return (uint64_t)(l->spill_len - l->spill_at) + (uint64_t)queued;
}

static tc_ip tcp_address(const tc_link *link, uint16_t *ret_port)
{
    const tc_link_tcp *l = (const tc_link_tcp *)link;
    *ret_port = l->port;
    return l->peer;
}

static void tcp_end_writing(tc_link *link)
{
    (void)shutdown(tcp_of(link)->io.fd, SHUT_WR); /* the peer may be gone: close comes anyway */
}

static void tcp_close(tc_link *link, bool reset)
{
    tc_link_tcp *l = tcp_of(link);
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset) /* if it fails, the kernel keeps the bytes for a while: no harm but memory */
        (void)setsockopt(l->io.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    tc_loop_closing(l->loop, &l->io);
    close(l->io.fd);
    l->io.fd = -1;
    tc_free(l->spill);
    l->spill = NULL;
    l->gathered = 0;
}

const tc_link_type tc_link_tcp_type = {
    .name = "tcp",
    .read = tcp_read,
    .write = tcp_write,
    .flush = tcp_flush,
    .stuck = tcp_stuck,
    .untaken = tcp_untaken,
    .address = tcp_address,
    .end_writing = tcp_end_writing,
    .close = tcp_close,
};
