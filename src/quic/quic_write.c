/* quic_write.c - from runs to packets: what a stream takes, and packets of one size gathered so
 * that they leave in one system call.
 *
 * Small runs and files are copied into blocks, so that whoever gave them is free of them at once;
 * large runs of bytes stay where they are until they are acknowledged. */
// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

enum {
    COPY_MOST = 4096,          /* a larger run is not copied */
    PENDING_MOST = 256 * 1024, /* taken and not sent: as much as a few batches carry */
    VECS = 16,
    PACED_BYTES = 32768, /* in a round, within the machine; to others every packet is paced */
    BLOCKED_MS = 20,
    H3_REQUEST_CANCELLED = 0x10c,
};

/* --- taking runs --------------------------------------------------------------------------- */

void tc_quic_block_unref(tc_quic *q, tc_quic_block *b)
{
    if (--b->refs == 0) tc_slab_put(&q->blocks, b);
}

static tc_quic_block *new_block(tc_quic *q)
{
    tc_quic_block *b = tc_slab_get(&q->blocks);
    if (!b) return NULL;
    b->refs = 1;
    b->used = 0;
    return b;
}

/* The block that small runs of all connections are gathered in, with at least this much room. */
static tc_quic_block *open_block(tc_quic *q, size_t room)
{
    if (q->open_block && sizeof q->open_block->bytes - q->open_block->used >= room)
        return q->open_block;
    if (q->open_block) tc_quic_block_unref(q, q->open_block);
    q->open_block = new_block(q);
    return q->open_block;
}

/* Room for one more run at the end of a stream's. */
static tc_quic_run *next_run(tc_quic_stream *s)
{
    if (s->run_count == s->run_room) {
        const bool few = s->runs == s->few;
        const uint32_t room = s->run_room * 2;
        tc_quic_run *more = tc_realloc(few ? NULL : s->runs, room * sizeof *more);
        if (!more) return NULL;
        if (few) memcpy(more, s->few, sizeof s->few);
        s->runs = more;
        s->run_room = room;
    }
    return &s->runs[s->run_count];
}

static tc_err add_run(tc_link_quic *l, tc_quic_stream *s, const char *at, size_t len,
                      tc_quic_block *block)
{
    tc_quic_run *last = s->run_count ? &s->runs[s->run_count - 1] : NULL;
    if (last && block && last->block == block && last->at + last->len == at) {
        last->len += len;
    } else {
        tc_quic_run *r = next_run(s);
        if (!r) return TC_ERR_NO_MEMORY;
        *r = (tc_quic_run){at, len, block};
        s->run_count++;
        if (block) block->refs++;
    }
    s->end += len;
    l->pending += len;
    l->unacked += len;
    return TC_OK;
}

static tc_err take_copy(tc_link_quic *l, tc_quic_stream *s, const char *at, size_t len)
{
    tc_quic_block *b = open_block(l->home, len);
    if (!b) return TC_ERR_NO_MEMORY;
    char *room = b->bytes + b->used;
    memcpy(room, at, len);
    b->used += (uint32_t)len;
    return add_run(l, s, room, len, b);
}

/* Up to a block's worth of a file. */
static tc_err take_file(tc_link_quic *l, tc_quic_stream *s, const tc_run *run, size_t off,
                        size_t most, size_t *ret_n)
{
    const bool little = most <= COPY_MOST;
    tc_quic_block *b = little ? open_block(l->home, most) : new_block(l->home);
    if (!b) return TC_ERR_NO_MEMORY;
    const size_t room = sizeof b->bytes - b->used;
    ssize_t n;
    do
        n = pread(run->fd, b->bytes + b->used, most < room ? most : room, (off_t)(run->off + off));
    while (n < 0 && errno == EINTR);
    tc_err err = n < 0 ? TC_ERR_READ_FILE : n == 0 ? TC_ERR_FILE_SHRANK : TC_OK;
    if (!err) {
        char *at = b->bytes + b->used;
        b->used += (uint32_t)n;
        err = add_run(l, s, at, (size_t)n, b);
        *ret_n = (size_t)n;
    }
    if (!little) tc_quic_block_unref(l->home, b);
    return err;
}

static void send_down_to(tc_link_quic *l, uint64_t pending);

/* How much the stream may take now. Sets stuck where it is the connection that does not. */
static size_t allowed(tc_link_quic *l, const tc_quic_stream *s)
{
    if (l->pending >= PENDING_MOST) send_down_to(l, TC_UDP_MOST); /* what is left waits for more */
    const uint64_t all = ngtcp2_conn_get_max_data_left(l->conn);
    l->stuck = l->pending >= PENDING_MOST || l->pending >= all;
    if (l->stuck) return 0;
    const uint64_t mine = ngtcp2_conn_get_max_stream_data_left(l->conn, (int64_t)s->sid);
    const uint64_t queued = s->end - s->sent;
    uint64_t most = mine > queued ? mine - queued : 0;
    if (most > all - l->pending) most = all - l->pending;
    if (most > PENDING_MOST - l->pending) most = PENDING_MOST - l->pending;
    return (size_t)most;
}

tc_err tc_quic_take(tc_link_quic *l, tc_quic_stream *s, const tc_run *run, size_t len,
                    size_t *ret_taken)
{
    tc_err err = TC_OK;
    for (size_t off = 0, n; off < len && !err; off += n) {
        const size_t most = allowed(l, s);
        if (most == 0 || l->failed) break;
        n = len - off < most ? len - off : most;
        if (run->kind == TC_RUN_FILE)
            err = take_file(l, s, run, off, n, &n);
        else if (n <= COPY_MOST)
            err = take_copy(l, s, run->at + off, n);
        else
            err = add_run(l, s, run->at + off, n, NULL);
        if (err) break;
        if (l->log) tc_quic_log_moved(l, s->sid, n, true);
        *ret_taken = off + n;
        tc_quic_queue(l, s);
    }
    return err;
}

void tc_quic_queue(tc_link_quic *l, tc_quic_stream *s)
{
    if (s->in_out) return;
    s->in_out = true;
    s->next_out = NULL;
    *l->out_end = s;
    l->out_end = &s->next_out;
}

/* --- packets ------------------------------------------------------------------------------- */

/* Packets that leave together: one size, one path, one mark. */
typedef struct batch {
    tc_datagrams d;
    size_t count;
    bool closed; /* the last one was shorter */
} batch;

static void unqueue_first(tc_link_quic *l)
{
    tc_quic_stream *s = l->out;
    l->out = s->next_out;
    if (!l->out) l->out_end = &l->out;
    s->in_out = false;
}

/* What of a stream is next, as the library wants it. */
static size_t fill_vecs(const tc_quic_stream *s, ngtcp2_vec vecs[VECS], bool *ret_fin)
{
    uint64_t skip = s->sent - s->acked;
    size_t count = 0;
    uint32_t i = 0;
    for (; i < s->run_count && count < VECS; i++) {
        const tc_quic_run *r = &s->runs[i];
        if (skip >= r->len) {
            skip -= r->len;
            continue;
        }
        vecs[count++] = (ngtcp2_vec){(uint8_t *)(uintptr_t)(r->at + skip), r->len - (size_t)skip};
        skip = 0;
    }
    *ret_fin = s->fin_asked && i == s->run_count;
    return count;
}

/* The library took n bytes of the first stream, and its end if all was taken. */
static void went_out(tc_link_quic *l, tc_quic_stream *s, size_t n, bool fin)
{
    s->sent += n;
    l->pending -= n;
    if (s->sent < s->end) return;
    if (fin) s->fin_sent = true;
    if (s->fin_sent || !s->fin_asked) unqueue_first(l);
}

/* One packet into room. 0: none may leave now, or there is nothing to say. */
static ngtcp2_ssize one_packet(tc_link_quic *l, uint8_t *room, ngtcp2_path *path,
                               ngtcp2_pkt_info *info)
{
    const uint64_t now = tc_quic_now(l->home);
    if (l->unacked == l->pending) l->moved = now;
    for (;;) {
        ngtcp2_vec vecs[VECS];
        ngtcp2_ssize taken = -1;
        bool fin = false;
        tc_quic_stream *s = l->out;
        const size_t count = s ? fill_vecs(s, vecs, &fin) : 0;
        const uint32_t flags =
            s ? NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u)
              : NGTCP2_WRITE_STREAM_FLAG_NONE;
        const ngtcp2_ssize n =
            ngtcp2_conn_writev_stream(l->conn, path, info, room, l->packet_most, &taken, flags,
                                      s ? (int64_t)s->sid : -1, vecs, count, now);
        if (s && taken >= 0) went_out(l, s, (size_t)taken, fin);
        if (n >= 0) return n;
        switch ((int)n) {
        case NGTCP2_ERR_WRITE_MORE: break;
        case NGTCP2_ERR_STREAM_SHUT_WR:
            tc_quic_stream_stopped(l, s, H3_REQUEST_CANCELLED); /* which code it was is not told */
            tc_quic_touch(l->home, l);
            break;
        case NGTCP2_ERR_STREAM_NOT_FOUND: tc_quic_stream_drop_out(l, s); break;
        case NGTCP2_ERR_STREAM_DATA_BLOCKED: unqueue_first(l); break; /* when there is room again */
        default: return n;
        }
    }
}

static bool same_way(const batch *b, const ngtcp2_path *path, uint8_t ecn)
{
    const ngtcp2_addr local = {(struct sockaddr *)(uintptr_t)&b->d.local.any,
                               tc_address_length(&b->d.local)};
    const ngtcp2_addr remote = {(struct sockaddr *)(uintptr_t)&b->d.remote.any,
                                tc_address_length(&b->d.remote)};
    const ngtcp2_path ours = {.local = local, .remote = remote};
    return b->d.ecn == ecn && ngtcp2_path_eq(&ours, path);
}

static void begin_batch(batch *b, char *at, size_t len, const ngtcp2_path *path, uint8_t ecn)
{
    *b = (batch){.d = {.ecn = ecn, .at = at, .len = len, .segment = len}, .count = 1};
    memcpy(&b->d.local, path->local.addr, path->local.addrlen);
    memcpy(&b->d.remote, path->remote.addr, path->remote.addrlen);
}

static tc_err send_batch(tc_quic *q, batch *b)
{
    const tc_err err = b->count ? tc_quic_send(q, &b->d) : TC_OK;
    b->count = 0;
    return err == TC_ERR_FULL ? err : TC_OK; /* any other one is a loss, which is mended */
}

/* Packets until nothing may leave, one batch is full, or the socket is. */
static bool one_round(tc_link_quic *l, char *room, size_t size)
{
    tc_quic *q = l->home;
    const size_t quantum = ngtcp2_conn_get_send_quantum(l->conn);
    batch b = {0};
    if (size > TC_UDP_MOST) size = TC_UDP_MOST; /* one more packet would be a call of its own */
    size_t used = 0;
    bool more = true;
    while (more && used + l->packet_most <= size && used < quantum) {
        ngtcp2_path_storage path;
        ngtcp2_pkt_info info;
        ngtcp2_path_storage_zero(&path);
        if (l->log) tc_quic_log_writes(l, room + used, l->packet_most);
        const ngtcp2_ssize n = one_packet(l, (uint8_t *)room + used, &path.path, &info);
        if (l->log) tc_quic_log_wrote(l, n);
        if (n < 0) tc_quic_conn_fail(l, (int)n);
        if (n <= 0) {
            more = false;
            break;
        }
        const size_t len = (size_t)n;
        const bool joins = b.count && b.count < TC_UDP_SEGMENTS && !b.closed &&
                           len <= b.d.segment && b.d.len + len <= TC_UDP_MOST &&
                           same_way(&b, &path.path, (uint8_t)info.ecn);
        if (joins) {
            b.d.len += len;
            b.count++;
            b.closed = len < b.d.segment;
        } else {
            if (send_batch(q, &b) == TC_ERR_FULL) return false; /* this packet is lost: mended */
            begin_batch(&b, room + used, len, &path.path, (uint8_t)info.ecn);
        }
        used += len;
    }
    if (send_batch(q, &b) == TC_ERR_FULL) more = false;
    /* Within the machine a probe of the path's size alone would hold the answer behind it up. */
    if (!l->inside || used >= PACED_BYTES) ngtcp2_conn_update_pkt_tx_time(l->conn, tc_quic_now(q));
    return more;
}

static void set_alarm(tc_link_quic *l)
{
    const uint64_t expiry = l->failed ? UINT64_MAX : ngtcp2_conn_get_expiry(l->conn);
    const int64_t soon = tc_loop_now(l->home->config.loop) + BLOCKED_MS * TC_MS;
    int64_t at = expiry >= INT64_MAX ? TC_NEVER : (int64_t)expiry;
    if (l->home->blocked && at < soon) at = soon; /* the socket may say so before */
    if (tc_loop_set(l->home->config.loop, &l->alarm, at) != TC_OK)
        tc_quic_conn_fail(l, NGTCP2_ERR_NOMEM);
}

/* Packets until fewer bytes than pending are left, or no more may leave. */
static void send_down_to(tc_link_quic *l, uint64_t pending)
{
    size_t size;
    char *room = tc_loop_write_room(l->home->config.loop, &size);
    while (l->pending >= pending && !l->failed && !l->home->blocked && one_round(l, room, size))
        ;
}

void tc_quic_flush(tc_link_quic *l)
{
    send_down_to(l, 0);
    if (l->log) tc_quic_log_metrics(l);
    set_alarm(l);
    if (l->stuck)
        l->stuck =
            l->pending >= PENDING_MOST || l->pending >= ngtcp2_conn_get_max_data_left(l->conn);
}
