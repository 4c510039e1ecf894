/* send.c - what is to be written, and whose content goes next (RFC 9114, 6.2; RFC 9218).
 *
 * What the peer has to know first goes first: settings, then entries of the table, then requests
 * and answers. Of these the most urgent goes first; among equals one after another, those that are
 * incremental in turns. */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

#include <assert.h>

#include "base/alloc.h"

/* --- our unidirectional streams -------------------------------------------------------------- */

void tc_h3_pipe_init(tc_h3_pipe *p, tc_buf *from)
{
    *p = (tc_h3_pipe){.from = from, .sid = TC_NO_STREAM};
}

void tc_h3_pipe_fini(tc_h3_pipe *p)
{
    tc_free(p->ring);
    p->ring = NULL;
}

void tc_h3_rest(tc_h3 *c)
{
    if (c->alive > 0) return;
    for (int i = 0; i < TC_H3_PIPES; i++)
        if (c->pipes[i].acked == c->pipes[i].end) tc_h3_pipe_fini(&c->pipes[i]);
    if (c->scratch.len == 0) tc_buf_fini(&c->scratch);
    tc_qpack_decoder_rest(&c->decoder);
}

void tc_h3_control_frame(tc_h3 *c, uint64_t type, tc_span payload)
{
    char head[TC_H3_FRAME_HEAD];
    const tc_h3_head h = {type, payload.len};
    const char *end = tc_h3_head_put(head, h);
    if (tc_buf_add(&c->control, tc_span_of(head, (size_t)(end - head))) != TC_OK ||
        tc_buf_add(&c->control, payload) != TC_OK)
        tc_h3_fail(c, TC_H3_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
    else
        tc_h3_note(c, true, c->pipes[TC_H3_CONTROL].sid, h, payload);
}

bool tc_h3_is_quiet(const tc_h3 *c)
{
    const tc_h3_pipe *p = &c->pipes[TC_H3_CONTROL];
    return p->from->len == 0 && p->acked == p->end;
}

static bool fill(tc_h3 *c, tc_h3_pipe *p)
{
    if (p->from->len == 0) return true;
    if (!p->ring) p->ring = tc_alloc(TC_H3_RING);
    if (!p->ring) {
        tc_h3_fail(c, TC_H3_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
        return false;
    }
    while (p->from->len > 0 && p->end - p->acked < TC_H3_RING) {
        const size_t at = p->end % TC_H3_RING, room = TC_H3_RING - (size_t)(p->end - p->acked);
        size_t n = TC_H3_RING - at < room ? TC_H3_RING - at : room;
        if (n > p->from->len) n = p->from->len;
        memcpy(p->ring + at, p->from->at, n);
        tc_buf_drop(p->from, n);
        p->end += n;
    }
    return true;
}

static size_t pipe_output(const tc_h3_pipe *p, tc_run *runs, size_t max)
{
    size_t count = 0;
    for (uint64_t from = p->sent; from < p->end && count < max;) {
        const size_t at = from % TC_H3_RING;
        size_t n = (size_t)(p->end - from);
        if (n > TC_H3_RING - at) n = TC_H3_RING - at;
        runs[count++] = tc_run_bytes(tc_span_of(p->ring + at, n));
        from += n;
    }
    return count;
}

static tc_h3_pipe *pipe_of(tc_h3 *c, uint64_t sid)
{
    for (int i = 0; i < TC_H3_PIPES; i++)
        if (c->pipes[i].open && c->pipes[i].sid == sid) return &c->pipes[i];
    return NULL;
}

/* --- who may send ---------------------------------------------------------------------------- */

static bool has_more(const tc_h3_stream *s)
{
    return s->out.written < s->out.queued || (s->ended && !s->fin_sent);
}

void tc_h3_unready(tc_h3 *c, tc_h3_stream *s)
{
    if (!s->ready) return;
    const unsigned u = s->priority.urgency;
    *(s->before ? &s->before->after : &c->ready[u]) = s->after;
    *(s->after ? &s->after->before : &c->ready_last[u]) = s->before;
    s->before = s->after = NULL;
    s->ready = false;
}

void tc_h3_ready(tc_h3 *c, tc_h3_stream *s)
{
    const bool more = has_more(s) && !s->closing && !s->our_reset;
    if (!more || !s->blocked || s->x->tunnel) { /* which may rest as long as its owner lets it */
        s->stalled = 0;
    } else if (!s->stalled) {
        s->stalled = c->now;
        s->sent_mark = s->out.written;
        tc_h3_watch(c, c->env->limits->h3_stall_ms);
    }
    if (!more || s->blocked) {
        tc_h3_unready(c, s);
        return;
    }
    if (s->ready) return;
    const unsigned u = s->priority.urgency;
    s->before = c->ready_last[u];
    s->after = NULL;
    *(s->before ? &s->before->after : &c->ready[u]) = s;
    c->ready_last[u] = s;
    s->ready = true;
}

static size_t stream_output(const tc_h3_stream *s, tc_run *runs, size_t max, size_t budget,
                            bool *ret_fin)
{
    uint64_t total = 0;
    if (s->priority.incremental && budget > TC_H3_TURN) budget = TC_H3_TURN;
    const size_t count = tc_run_queue_output(&s->out, runs, max, budget);
    for (size_t i = 0; i < count; i++)
        total += runs[i].len;
    *ret_fin = s->ended && s->out.written + total == s->out.queued;
    if (count > 0) return count;
    runs[0] = tc_run_bytes((tc_span){0}); /* nothing is left but the end */
    return 1;
}

static size_t next_output(tc_h3 *c, uint64_t *ret_sid, tc_run *runs, size_t max, size_t budget,
                          bool *ret_fin)
{
    for (int i = 0; i < TC_H3_PIPES; i++) {
        tc_h3_pipe *p = &c->pipes[i];
        if (!p->open || p->blocked) continue;
        if (!fill(c, p)) return 0;
        *ret_sid = p->sid;
        const size_t count = pipe_output(p, runs, max);
        if (count > 0) return count;
    }
    for (int u = 0; u < TC_URGENCIES; u++) {
        if (!c->ready[u]) continue;
        *ret_sid = c->ready[u]->id;
        return stream_output(c->ready[u], runs, max, budget, ret_fin);
    }
    return 0;
}

/* --- to the link and back -------------------------------------------------------------------- */

static bool tell(tc_h3 *c)
{
    const tc_err err = tc_qpack_decoder_tell(&c->decoder);
    if (err == TC_OK) return true;
    c->env->reached->h3_output += err == TC_ERR_FULL;
    tc_h3_fail(c, err == TC_ERR_FULL ? TC_H3_EXCESSIVE_LOAD : TC_H3_INTERNAL_ERROR,
               err == TC_ERR_FULL ? TC_ERR_TOO_BUSY : err, "acknowledgements are not read");
    return false;
}

size_t tc_h3_output(tc_h3 *c, uint64_t *ret_sid, tc_run *runs, size_t max, size_t budget,
                    bool *ret_fin)
{
    *ret_fin = false;
    *ret_sid = TC_NO_STREAM;
    if (c->deaf || max == 0 || budget == 0 || !tell(c)) return 0;
    const size_t count = next_output(c, ret_sid, runs, max, budget, ret_fin);
    c->offered_sid = *ret_sid;
    c->offered_fin = *ret_fin;
    c->offered = 0;
    for (size_t i = 0; i < count; i++)
        c->offered += runs[i].len;
    return count;
}

void tc_h3_wrote(tc_h3 *c, uint64_t sid, size_t n)
{
    tc_h3_pipe *p = pipe_of(c, sid);
    if (p) {
        p->sent += n;
        assert(p->sent <= p->end);
        return;
    }
    tc_h3_stream *s = tc_h3_find(c, sid);
    if (!s || s->closing) return;
    tc_run_queue_wrote(&s->out, n);
    s->x->wire_out += n;
    tc_h3_credit(c, 2);
    if (c->offered_fin && c->offered_sid == sid && c->offered == n)
        s->fin_sent = s->x->whole = true;
    if (s->priority.incremental) tc_h3_unready(c, s); /* to the end of its list */
    tc_h3_ready(c, s);
    if (s->fin_sent) tc_h3_say(c, s);
}

void tc_h3_acked(tc_h3 *c, uint64_t sid, size_t n)
{
    tc_h3_pipe *p = pipe_of(c, sid);
    tc_h3_stream *s = p ? NULL : tc_h3_find(c, sid);
    if (p) {
        p->acked += n;
        assert(p->acked <= p->sent);
        tc_h3_rest(c);
    } else if (s && !s->our_reset && !s->closing) {
        tc_run_queue_acked(&s->out, n);
        if (s->out.acked == s->out.queued) tc_h3_say(c, s);
    }
}
