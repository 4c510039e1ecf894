/* link_tls_write.c - what a TLS link sends: runs are gathered until they fill records.
 *
 * Short bytes and files are put together in the loop's plain room; what fills a record by itself is
 * sent from where it lies. */
// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/uio.h>

#include "net/link_tls_inside.h"

enum {
    RECORD_FIRST = 4096, /* small enough that the peer can begin while the rest is on its way */
    BURST_SMALL = 16384, /* bytes in such records; then full ones */
    QUIET_MS = 1000,     /* after this long they are small again */
    FILE_PARTS = 16,     /* of a file, read at once */
    TURN_BYTES = 2 * 1024 * 1024
};

bool tc_link_tls_stuck(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->opening || l->pending || l->below->stuck(link);
}

static size_t record_size(tc_link_tls *l)
{
    const int64_t now = tc_loop_now(l->tcp.loop);
    if (now - l->sent_at > QUIET_MS * TC_MS) l->burst = 0;
    l->sent_at = now;
    const size_t most = l->burst < BURST_SMALL ? RECORD_FIRST : l->record_most;
    return most < l->record_most ? most : l->record_most;
}

/* What the library says of a record that it was given, or had. */
static tc_err sent(tc_link_tls *l, ssize_t rc, size_t len)
{
    if (rc >= 0) {
        l->pending = 0;
    } else if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
        l->pending = (uint32_t)len;
    } else {
        l->broken = true;
        const tc_err err = l->failed ? l->failed : TC_ERR_PEER_RESET;
        l->failed = TC_OK; /* an answer may still be there to read */
        return err;
    }
    return TC_OK;
}

static tc_err send_record(tc_link_tls *l, const char *at, size_t len)
{
    assert(!l->pending && len <= l->record_most);
    l->burst += l->burst < BURST_SMALL ? (uint32_t)len : 0;
    return sent(l, gnutls_record_send(l->side.session, at, len), len);
}

/* Whole records of what was gathered; last: the rest too. The first one has at least what was there
 * before this write, for that is taken. *ret_left: what the socket has no room for, which is not.
 */
static tc_err send_gathered(tc_link_tls *l, size_t before, bool last, size_t *ret_left)
{
    size_t size, off = 0;
    char *room = tc_link_tls_write_room(l, &size);
    tc_err err = TC_OK;
    *ret_left = 0;
    while (!err && off < l->gathered && !l->pending &&
           (off == 0 || !l->below->stuck(&l->tcp.link))) {
        const size_t rest = l->gathered - off, most = record_size(l);
        size_t n = off == 0 && most < before ? before : most;
        if (n > rest && !last) break;
        if (n > rest) n = rest;
        err = send_record(l, room + off, n);
        off += n;
    }
    l->gathered -= (uint32_t)off;
    if (l->pending || l->below->stuck(&l->tcp.link)) {
        *ret_left = l->gathered;
        l->gathered = 0;
    } else if (off > 0 && l->gathered > 0) {
        memmove(room, room + off, l->gathered);
    }
    return err;
}

/* Bytes of one run. Of a long one only what makes a record whole: the others are sent from where
 * they lie. */
static size_t gather_bytes(tc_link_tls *l, const tc_run *run, size_t off, size_t most)
{
    size_t size;
    char *room = tc_link_tls_write_room(l, &size);
    size_t n = run->len - off;
    if (n > most) n = most - l->gathered % most;
    if (n > size - l->gathered) n = size - l->gathered;
    memcpy(room + l->gathered, run->at + off, n);
    l->gathered += (uint32_t)n;
    return n;
}

/* A file and what follows: runs that are one range of it are read at once, with the bytes between
 * them already in their places. */
static tc_err gather_file(tc_link_tls *l, const tc_run *runs, size_t count, size_t off,
                          size_t *ret_n)
{
    struct iovec iov[FILE_PARTS];
    size_t size, wanted = 0;
    int parts = 0;
    char *const begin = tc_link_tls_write_room(l, &size) + l->gathered;
    char *at = begin, *const end = begin + size - l->gathered;
    const uint64_t from = runs->off + off;
    for (size_t i = 0; i < count && at < end; i++, off = 0) {
        const tc_run *run = &runs[i];
        const size_t left = run->len - off, room = (size_t)(end - at);
        const size_t n = left < room ? left : room;
        if (run->kind == TC_RUN_BYTES) {
            memcpy(at, run->at + off, n);
        } else {
            if (parts == FILE_PARTS || run->fd != runs->fd || run->off + off != from + wanted)
                break;
            iov[parts++] = (struct iovec){at, n};
            wanted += n;
        }
        at += n;
    }
    ssize_t got;
    do
        got = preadv(runs->fd, iov, parts, (off_t)from);
    while (got < 0 && errno == EINTR);
    if (got < 0) return tc_err_from_errno(errno);
    if (got == 0) return TC_ERR_FILE_SHRANK;
    if ((size_t)got < wanted) { /* only that far: the next read says why */
        int i = 0;
        size_t rest = (size_t)got;
        for (; rest > iov[i].iov_len; i++)
            rest -= iov[i].iov_len;
        at = (char *)iov[i].iov_base + rest;
    }
    *ret_n = (size_t)(at - begin);
    l->gathered += (uint32_t)*ret_n;
    return TC_OK;
}

/* One step: a whole record from where it lies, or what the room holds of the runs. *ret_whole: it
 * is time to send records. */
static tc_err step(tc_link_tls *l, const tc_run *runs, size_t count, size_t off, size_t *ret_n,
                   bool *ret_whole)
{
    const size_t most = record_size(l), left = runs->len - off;
    size_t size;
    tc_err err = TC_OK;
    (void)tc_link_tls_write_room(l, &size);
    if (runs->kind == TC_RUN_BYTES && !l->gathered && left >= most) {
        *ret_n = most;
        return send_record(l, runs->at + off, most);
    }
    if (runs->kind == TC_RUN_BYTES)
        *ret_n = gather_bytes(l, runs, off, most);
    else
        err = gather_file(l, runs, count, off, ret_n);
    *ret_whole = l->gathered == size || (left > *ret_n && runs->kind == TC_RUN_BYTES);
    return err;
}

tc_err tc_link_tls_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken)
{
    tc_link_tls *l = (tc_link_tls *)link;
    size_t taken = 0, before = l->gathered, off = 0, left = 0;
    tc_err err = l->later;
    while (count > 0 && !err && !tc_link_tls_stuck(link) && taken < TURN_BYTES) {
        size_t n = 0;
        bool whole = false;
        err = step(l, runs, count, off, &n, &whole);
        taken += n;
        for (off += n; count > 0 && off >= runs->len; runs++, count--)
            off -= runs->len;
        if (err || !whole) continue;
        err = send_gathered(l, before, false, &left);
        taken -= left;
        before = 0;
    }
    if (err && taken) { /* the peer may have had it, and answered */
        l->later = err;
        err = TC_OK;
    }
    /* others are due: nothing may wait in the rooms then */
    const bool over = taken >= TURN_BYTES || l->later;
    if (!err && !l->pending && !l->broken) {
        err = send_gathered(l, before, over || tc_link_tls_stuck(link), &left);
        taken -= left;
    }
    if (!err && over && !tc_link_tls_stuck(link)) err = l->below->flush(&l->tcp.link);
    if (err && taken) {
        l->later = err;
        err = TC_OK;
    }
    if (l->later) l->gathered = 0;
    if (!err) *ret_taken = taken;
    return err;
}

tc_err tc_link_tls_flush(tc_link_tls *l)
{
    tc_link *link = &l->tcp.link;
    size_t left = 0; /* nothing: it is one record at most */
    tc_err err = TC_OK;
    if (l->below->stuck(link)) err = l->below->flush(link);
    if (!err && l->pending && !l->below->stuck(link))
        err = sent(l, gnutls_record_send(l->side.session, NULL, 0), l->pending);
    if (!err && !l->pending) err = send_gathered(l, l->gathered, true, &left);
    if (!err && !l->below->stuck(link)) err = l->below->flush(link);
    /* nobody may have more to write, and so hear of it, once what went before is out */
    return err || tc_link_tls_stuck(link) ? err : l->later;
}
