/* quic_stream.c - the streams of a connection, and what is told of them: bytes that came, what was
 * broken off, what need not be kept longer.
 *
 * Bytes that came in this turn stand in the endpoint's room; only what is not taken gets memory of
 * its stream, bounded by the window that the peer was given. */
// SPDX-License-Identifier: MIT
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

static unsigned bucket_of(uint64_t sid)
{
    return (unsigned)(sid >> 2 ^ sid << 2) % TC_QUIC_BUCKETS;
}

tc_quic_stream *tc_quic_stream_find(const tc_link_quic *l, uint64_t sid)
{
    tc_quic_stream *s = l->streams[bucket_of(sid)];
    while (s && s->sid != sid)
        s = s->next;
    return s;
}

tc_quic_stream *tc_quic_stream_new(tc_link_quic *l, uint64_t sid)
{
    tc_quic_stream *s = tc_slab_get(&l->home->streams);
    if (!s) return NULL;
    *s = (tc_quic_stream){.sid = sid, .next = l->streams[bucket_of(sid)]};
    s->runs = s->few;
    s->run_room = QUIC_RUNS;
    const bool ours = (sid & 1) == l->home->server, one_way = sid & 2;
    s->in_done = one_way && ours;
    s->out_done = one_way && !ours;
    tc_buf_init(&s->in, (size_t)l->home->config.stream_window + 1);
    l->streams[bucket_of(sid)] = s;
    return s;
}

/* --- news ---------------------------------------------------------------------------------- */

void tc_quic_stream_news(tc_link_quic *l, tc_quic_stream *s, unsigned news)
{
    s->news |= (uint8_t)news;
    if (s->in_news) return;
    s->in_news = true;
    s->next_news = NULL;
    *l->news_end = s;
    l->news_end = &s->next_news;
}

static void unlist_news(tc_link_quic *l, tc_quic_stream *s)
{
    if (!s->in_news) return;
    tc_quic_stream **at = &l->news;
    while (*at != s)
        at = &(*at)->next_news;
    *at = s->next_news;
    if (!*at) l->news_end = at;
    s->in_news = false;
}

static void unlist_out(tc_link_quic *l, tc_quic_stream *s)
{
    if (!s->in_out) return;
    tc_quic_stream **at = &l->out;
    while (*at != s)
        at = &(*at)->next_out;
    *at = s->next_out;
    if (!*at) l->out_end = at;
    s->in_out = false;
}

static void free_stream(tc_link_quic *l, tc_quic_stream *s)
{
    tc_quic_stream **at = &l->streams[bucket_of(s->sid)];
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    unlist_news(l, s);
    unlist_out(l, s);
    for (uint32_t i = 0; i < s->run_count; i++)
        if (s->runs[i].block) tc_quic_block_unref(l->home, s->runs[i].block);
    if (s->runs != s->few) tc_free(s->runs);
    tc_buf_fini(&s->in);
    if (l->lent == s) l->lent = NULL;
    tc_slab_put(&l->home->streams, s);
}

/* The library has forgotten it, and so has everybody else: the peer may open another one. */
void tc_quic_stream_tidy(tc_link_quic *l, tc_quic_stream *s)
{
    if (!s->gone || !s->in_done || s->pieces || s->news) return;
    const bool theirs = (s->sid & 1) != l->home->server;
    if (theirs && s->sid & 2)
        ngtcp2_conn_extend_max_streams_uni(l->conn, 1);
    else if (theirs)
        ngtcp2_conn_extend_max_streams_bidi(l->conn, 1);
    free_stream(l, s);
}

void tc_quic_streams_free(tc_link_quic *l)
{
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        while (l->streams[i])
            free_stream(l, l->streams[i]);
    while (l->fresh) {
        tc_quic_piece *p = l->fresh;
        l->fresh = p->next;
        if (p->own) tc_free(p);
    }
    l->fresh_end = &l->fresh;
    tc_free(l->lent_piece);
    l->lent_piece = NULL;
}

/* --- bytes that came ----------------------------------------------------------------------- */

tc_err tc_quic_stream_came(tc_link_quic *l, tc_quic_stream *s, const uint8_t *at, size_t len,
                           bool fin)
{
    tc_quic *q = l->home;
    const size_t align = _Alignof(tc_quic_piece);
    const size_t size = (sizeof(tc_quic_piece) + len + align - 1) / align * align;
    const bool fits = QUIC_INBOX - q->inbox_len >= size; /* a gap that closes brings much at once */
    tc_quic_piece *p = fits ? (void *)(q->inbox + q->inbox_len) : tc_alloc(size);
    if (!p) return TC_ERR_NO_MEMORY;
    if (fits) q->inbox_len += size;
    *p = (tc_quic_piece){.stream = s, .len = len, .fin = fin, .own = !fits};
    if (len) memcpy(p + 1, at, len);
    s->pieces++;
    *l->fresh_end = p;
    l->fresh_end = &p->next;
    return TC_OK;
}

/* So a client cannot send more than a window of early data. */
void tc_quic_stream_credit(tc_link_quic *l, uint64_t n)
{
    if (l->early)
        l->owed += n;
    else
        ngtcp2_conn_extend_max_offset(l->conn, n);
}

/* The peer may send as much more. */
static void credit(tc_link_quic *l, const tc_quic_stream *s, size_t n)
{
    if (!n) return;
    tc_quic_stream_credit(l, n);
    if (!s->gone && !s->fin)
        (void)ngtcp2_conn_extend_max_stream_offset(l->conn, (int64_t)s->sid, n);
}

/* What came and was not taken goes. */
void tc_quic_stream_drop_in(tc_link_quic *l, tc_quic_stream *s)
{
    if (s->in.len) tc_quic_stream_credit(l, s->in.len);
    tc_buf_fini(&s->in);
    s->in_done = true;
    s->parked = false;
    s->news &= (uint8_t)~NEWS_AGAIN;
}

static void lend(tc_link_quic *l, tc_quic_stream *s, tc_span in, tc_link_news *ret)
{
    l->lent = s;
    l->lent_in = in;
    s->parked = false;
    *ret = (tc_link_news){.kind = TC_NEWS_BYTES, .sid = s->sid, .in = in, .fin = s->fin};
}

/* The next piece of this turn. False: it is of a stream that nobody listens to. */
static tc_err give_piece(tc_link_quic *l, tc_link_news *ret, bool *ret_given)
{
    tc_quic_piece *p = l->fresh;
    tc_quic_stream *s = p->stream;
    const tc_span bytes = tc_span_of((const char *)(p + 1), p->len);
    l->fresh = p->next;
    if (!l->fresh) l->fresh_end = &l->fresh;
    s->pieces--;
    if (p->own) l->lent_piece = p; /* until the next news */
    *ret_given = !s->in_done;
    if (s->in_done) {
        tc_quic_stream_credit(l, p->len);
        tc_quic_stream_tidy(l, s);
        return TC_OK;
    }
    s->fin |= p->fin;
    if (s->in.len == 0) {
        lend(l, s, bytes, ret);
        return TC_OK;
    }
    const tc_err err = tc_buf_add(&s->in, bytes);
    lend(l, s, tc_buf_span(&s->in), ret);
    return err ? TC_ERR_NO_MEMORY : TC_OK;
}

/* One thing of a stream that something happened on. False: there was none that still counts. */
static bool give_news(tc_link_quic *l, tc_quic_stream *s, tc_link_news *ret)
{
    *ret = (tc_link_news){.sid = s->sid};
    if (s->news & NEWS_ACKED) {
        s->news &= (uint8_t)~NEWS_ACKED;
        ret->kind = TC_NEWS_ACKED;
        ret->n = s->told - s->shown;
        s->shown = s->told;
        return ret->n > 0;
    }
    if (s->news & NEWS_RESET) {
        s->news &= (uint8_t)~NEWS_RESET;
        const bool heard = !s->in_done;
        tc_quic_stream_drop_in(l, s);
        ret->kind = TC_NEWS_RESET;
        ret->n = s->reset_code;
        return heard;
    }
    if (s->news & NEWS_STOPPED) {
        s->news &= (uint8_t)~NEWS_STOPPED;
        ret->kind = TC_NEWS_STOPPED;
        ret->n = s->stop_code;
        return true;
    }
    if (s->news & NEWS_ROOM) {
        s->news &= (uint8_t)~NEWS_ROOM;
        const bool wanted = s->wants_room;
        s->wants_room = false;
        ret->kind = TC_NEWS_ROOM;
        return wanted;
    }
    s->news = 0; /* AGAIN */
    if (s->in_done || !s->parked) return false;
    lend(l, s, tc_buf_span(&s->in), ret);
    return true;
}

static tc_err news(tc_link *link, tc_link_news *ret)
{
    tc_link_quic *l = tc_quic_of(link);
    bool given = false;
    while (l->fresh) {
        tc_free(l->lent_piece);
        l->lent_piece = NULL;
        const tc_err err = give_piece(l, ret, &given);
        if (err || given) return err;
    }
    while (l->news) {
        tc_quic_stream *s = l->news;
        given = give_news(l, s, ret);
        if (!s->news) {
            unlist_news(l, s);
            if (ret->kind != TC_NEWS_BYTES) tc_quic_stream_tidy(l, s);
        }
        if (given) return TC_OK;
    }
    *ret = (tc_link_news){0};
    return l->failed;
}

static void took(tc_link *link, uint64_t sid, size_t n)
{
    tc_link_quic *l = tc_quic_of(link);
    tc_quic_stream *s = l->lent;
    l->lent = NULL;
    if (!s || s->sid != sid || s->in_done) return; /* broken off meanwhile */
    if (l->log && n) tc_quic_log_moved(l, sid, n, false);
    credit(l, s, n);
    if (s->in.len)
        tc_buf_drop(&s->in, n);
    else if (n < l->lent_in.len && tc_buf_add(&s->in, tc_span_from(l->lent_in, n)) != TC_OK)
        tc_quic_conn_fail(l, NGTCP2_ERR_NOMEM);
    s->parked = s->in.len > 0;
    if (!s->parked) tc_buf_fini(&s->in);
    if (!s->parked && s->fin) s->in_done = true;
    tc_quic_stream_tidy(l, s);
}

static void again(tc_link *link)
{
    tc_link_quic *l = tc_quic_of(link);
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        for (tc_quic_stream *s = l->streams[i]; s; s = s->next)
            if (s->parked) tc_quic_stream_news(l, s, NEWS_AGAIN);
}

/* --- what we sent -------------------------------------------------------------------------- */

/* Up to where nobody has to keep anything: what is acknowledged, and what we keep ourselves. */
void tc_quic_stream_tell(tc_link_quic *l, tc_quic_stream *s)
{
    uint64_t at = s->acked;
    for (uint32_t i = 0; i < s->run_count; i++) {
        if (!s->runs[i].block) break;
        at += s->runs[i].len;
    }
    if (at > s->told) s->told = at;
    if (s->told > s->shown) tc_quic_stream_news(l, s, NEWS_ACKED);
}

static void drop_runs(tc_link_quic *l, tc_quic_stream *s, uint64_t n)
{
    uint32_t gone = 0;
    while (n && gone < s->run_count) {
        tc_quic_run *r = &s->runs[gone];
        if (n < r->len) {
            r->at += n;
            r->len -= n;
            break;
        }
        n -= r->len;
        if (r->block) tc_quic_block_unref(l->home, r->block);
        gone++;
    }
    s->run_count -= gone;
    memmove(s->runs, s->runs + gone, s->run_count * sizeof *s->runs);
    if (s->run_count || s->runs == s->few) return;
    tc_free(s->runs);
    s->runs = s->few;
    s->run_room = QUIC_RUNS;
}

void tc_quic_stream_acked(tc_link_quic *l, tc_quic_stream *s, uint64_t offset)
{
    if (offset <= s->acked || s->out_done) return;
    drop_runs(l, s, offset - s->acked);
    l->unacked -= offset - s->acked;
    l->moved = tc_quic_now(l->home);
    s->acked = offset;
    tc_quic_stream_tell(l, s);
}

/* Nothing more of ours is sent: what was borrowed goes back. */
void tc_quic_stream_drop_out(tc_link_quic *l, tc_quic_stream *s)
{
    if (s->out_done) return;
    s->out_done = true;
    l->pending -= s->end - s->sent;
    l->unacked -= s->end - s->acked;
    drop_runs(l, s, s->end - s->acked);
    unlist_out(l, s);
    s->acked = s->sent = s->told = s->end;
    if (s->told > s->shown) tc_quic_stream_news(l, s, NEWS_ACKED);
}

/* Streams that both sides have ended, of which the peer may not have heard our end. */
uint64_t tc_quic_streams_ending(const tc_link_quic *l)
{
    uint64_t count = 0;
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        for (const tc_quic_stream *s = l->streams[i]; s; s = s->next)
            count += s->fin && s->fin_sent && !s->gone;
    return count;
}

/* The peer wants no more of ours. The library does not say so: it has reset our half by itself, and
 * that is seen where more is written, or when the stream closes. */
void tc_quic_stream_stopped(tc_link_quic *l, tc_quic_stream *s, uint64_t code)
{
    s->stop_code = code;
    tc_quic_stream_drop_out(l, s);
    tc_quic_stream_news(l, s, NEWS_STOPPED);
}

/* --- orders -------------------------------------------------------------------------------- */

/* One of ours for both ways that may still be opened. */
static bool is_to_come(const tc_link_quic *l, uint64_t sid)
{
    return !l->home->server && !(sid & 3) && sid >= l->next_sid;
}

static tc_quic_stream *begin_later(tc_link_quic *l, uint64_t sid)
{
    tc_quic_stream *s = tc_quic_stream_new(l, sid);
    if (s) s->unopened = true;
    return s;
}

/* The next stream that the peer lets us open: whoever writes to it first. */
static tc_err open_next(tc_link_quic *l)
{
    int64_t sid = -1;
    if (ngtcp2_conn_open_bidi_stream(l->conn, &sid, NULL) != 0) return TC_ERR_NO_MEMORY;
    l->next_sid = (uint64_t)sid + 4;
    tc_quic_stream *s = tc_quic_stream_find(l, (uint64_t)sid);
    if (!s) s = tc_quic_stream_new(l, (uint64_t)sid);
    if (!s || ngtcp2_conn_set_stream_user_data(l->conn, sid, s) != 0) return TC_ERR_NO_MEMORY;
    const bool waits = s->unopened && !s->out_done;
    s->unopened = false;
    if (waits)
        tc_quic_stream_news(l, s, NEWS_ROOM);
    else if (s->out_done) /* broken off before */
        (void)ngtcp2_conn_shutdown_stream(l->conn, 0, sid, s->reset_code);
    return TC_OK;
}

/* Streams are opened in the order of their ids, and written to in any. */
static tc_quic_stream *stream_for(tc_link_quic *l, uint64_t sid)
{
    tc_quic_stream *s = tc_quic_stream_find(l, sid);
    if (!s && is_to_come(l, sid)) s = begin_later(l, sid);
    while (s && s->unopened && ngtcp2_conn_get_streams_bidi_left(l->conn))
        if (open_next(l) != TC_OK) {
            tc_quic_conn_fail(l, NGTCP2_ERR_NOMEM);
            break;
        }
    return s;
}

static tc_err stream_write(tc_link *link, uint64_t sid, const tc_run *runs, size_t count, bool fin,
                           size_t *ret_taken, bool *ret_all)
{
    tc_link_quic *l = tc_quic_of(link);
    tc_quic_stream *s = stream_for(l, sid);
    size_t taken = 0, total = 0;
    for (size_t i = 0; i < count; i++)
        total += runs[i].len;
    if (l->failed) return l->failed;
    if (!s || s->out_done) {
        *ret_taken = total;
        *ret_all = true;
        if (s) s->shown = s->told = s->end += total; /* they count as acknowledged */
        return TC_OK;
    }
    tc_err err = TC_OK;
    for (size_t i = 0; i < count && !err && !s->unopened; i++) {
        size_t n = 0;
        if (!runs[i].len) continue;
        err = tc_quic_take(l, s, &runs[i], runs[i].len, &n);
        taken += n;
        if (n < runs[i].len) break;
    }
    if (err) return err;
    const bool all = taken == total && !s->unopened;
    if (all && fin) s->fin_asked = true;
    if (!all && !l->stuck) s->wants_room = true;
    if (taken || (all && fin)) tc_quic_queue(l, s);
    if (taken) tc_quic_stream_tell(l, s);
    *ret_taken = taken;
    *ret_all = all;
    return TC_OK;
}

static tc_err stream_open(tc_link *link, uint64_t *ret_sid)
{
    tc_link_quic *l = tc_quic_of(link);
    int64_t sid;
    if (l->failed) return l->failed;
    const int rc = ngtcp2_conn_open_uni_stream(l->conn, &sid, NULL);
    if (rc == NGTCP2_ERR_STREAM_ID_BLOCKED) return TC_ERR_FULL;
    if (rc != 0) return TC_ERR_NO_MEMORY;
    tc_quic_stream *s = tc_quic_stream_new(l, (uint64_t)sid);
    if (!s || ngtcp2_conn_set_stream_user_data(l->conn, sid, s) != 0) return TC_ERR_NO_MEMORY;
    *ret_sid = (uint64_t)sid;
    return TC_OK;
}

static void stream_reset(tc_link *link, uint64_t sid, uint64_t code)
{
    tc_link_quic *l = tc_quic_of(link);
    tc_quic_stream *s = tc_quic_stream_find(l, sid);
    if (!s && is_to_come(l, sid)) s = begin_later(l, sid); /* or it would be opened and stay */
    if (!s || s->out_done) return;
    tc_quic_stream_drop_out(l, s);
    s->shown = s->told;
    if (s->unopened) {
        s->in_done = true;
        s->reset_code = code;
    } else if (!s->gone) {
        (void)ngtcp2_conn_shutdown_stream_write(l->conn, 0, (int64_t)sid, code); /* or it is gone */
    }
    tc_quic_stream_tidy(l, s);
}

static void stream_stop(tc_link *link, uint64_t sid, uint64_t code)
{
    tc_link_quic *l = tc_quic_of(link);
    tc_quic_stream *s = tc_quic_stream_find(l, sid);
    if (!s || s->in_done) return;
    tc_quic_stream_drop_in(l, s);
    if (!s->gone && !s->unopened && !s->fin)
        (void)ngtcp2_conn_shutdown_stream_read(l->conn, 0, (int64_t)sid, code);
    tc_quic_stream_tidy(l, s);
}

static void stream_code(tc_link *link, uint64_t code)
{
    tc_quic_of(link)->code = code;
}

const tc_link_streams tc_quic_streams = {
    .news = news,
    .took = took,
    .again = again,
    .write = stream_write,
    .open = stream_open,
    .reset = stream_reset,
    .stop = stream_stop,
    .code = stream_code,
};
