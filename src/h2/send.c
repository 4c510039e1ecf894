/* send.c - the output: frames in order, and whose content goes next (RFC 9113, 5.2; RFC 9218).
 *
 * What is short is copied to c->out; long runs of content are spliced in between, uncopied. The
 * most urgent stream goes first; among equals one after another, those that are incremental in
 * turns. */
// SPDX-License-Identifier: MIT
#include "h2/send.h"

#include <assert.h>

enum { UPDATED = 512 }; /* bytes that pay for a frame: readers in small steps open both windows */

char *tc_h2_frame(tc_h2 *c, tc_h2_head head)
{
    char *at;
    if (c->out.len > c->env->limits->h2_output) {
        c->env->reached->h2_output++;
        tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, TC_ERR_TOO_BUSY, "");
        if (head.type != TC_H2_GOAWAY) return NULL;
    }
    if (tc_buf_reserve(&c->out, TC_H2_FRAME_HEAD + head.length, &at) != TC_OK) {
        tc_h2_fail(c, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
        return NULL;
    }
    tc_h2_head_write(at, head);
    c->out.len += TC_H2_FRAME_HEAD + head.length;
    return at + TC_H2_FRAME_HEAD;
}

/* --- who may send --------------------------------------------------------------------------- */

static bool can_send(const tc_h2_stream *s)
{
    if (!s->head_sent || s->end_sent || s->closing) return false;
    return s->run_count > 0 ? s->send_window > 0 : s->ended;
}

/* It has content, but no window for it; and none opens when the peer has ended. */
static void note_stall(tc_h2 *c, tc_h2_stream *s)
{
    const uint64_t ms = c->env->limits->h2_stall_ms;
    if (c->deaf) {
        tc_h2_close(c, s, TC_ERR_PEER_CLOSED);
        return;
    }
    if (s->stalled || s->x->tunnel) return; /* a tunnel may rest as long as its owner lets it */
    s->stalled = c->now;
    s->sent_mark = s->sent;
    if (!c->stall_at) c->stall_at = c->now + (int64_t)(ms < INT32_MAX ? ms : INT32_MAX) * TC_MS;
}

void tc_h2_unready(tc_h2 *c, tc_h2_stream *s)
{
    if (!s->ready) return;
    const unsigned u = s->priority.urgency;
    *(s->before ? &s->before->after : &c->ready[u]) = s->after;
    *(s->after ? &s->after->before : &c->ready_last[u]) = s->before;
    s->before = s->after = NULL;
    s->ready = false;
}

void tc_h2_ready(tc_h2 *c, tc_h2_stream *s)
{
    if (s->run_count == 0) s->stalled = 0;
    if (!can_send(s)) {
        if (s->run_count > 0 && !s->closing && s->head_sent) note_stall(c, s);
        tc_h2_unready(c, s);
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

static tc_h2_stream *pick(tc_h2 *c)
{
    for (int u = 0; u < TC_URGENCIES; u++) {
        for (tc_h2_stream *s = c->ready[u], *after; s; s = after) {
            after = s->after;
            if (s->run_count == 0 || c->send_window > 0) return s;
            note_stall(c, s);
        }
    }
    return NULL;
}

/* --- frames of content ---------------------------------------------------------------------- */

static bool has_trailers(const tc_h2_stream *s)
{
    return s->x->ours.trailers.count > 0;
}

static void end_went(tc_h2 *c, tc_h2_stream *s)
{
    s->end_sent = s->x->whole = true;
    tc_h2_unready(c, s);
    tc_h2_settle(c, s);
}

/* Nothing is left but the end. */
static void send_end(tc_h2 *c, tc_h2_stream *s)
{
    const tc_h2_head head = {0, s->id, TC_H2_DATA, TC_H2_END_STREAM};
    if (has_trailers(s)) {
        const tc_err err =
            tc_h2_send_block(c, s, NULL, &s->x->ours.trailers, NULL, 0, TC_LENGTH_UNKNOWN, true, 0);
        if (err) {
            tc_h2_break(c, s, TC_H2_INTERNAL_ERROR, err, false);
            return;
        }
    } else {
        if (!tc_h2_frame(c, head)) return;
        tc_h2_note(c, true, &head, (tc_span){0});
        s->x->wire_out += TC_H2_FRAME_HEAD;
    }
    end_went(c, s);
}

static void splice(tc_h2 *c, tc_h2_stream *s, tc_run run)
{
    c->splices[c->splice_count++] =
        (tc_h2_splice){.at = c->out_done + c->out.len, .run = run, .stream = s};
    c->spliced += run.len;
    s->splices++;
}

static void run_went(tc_h2_stream *s, size_t n)
{
    tc_run *run = &s->runs[0];
    run->len -= n;
    if (run->kind == TC_RUN_BYTES)
        run->at += n;
    else
        run->off += n;
    if (run->len > 0) return;
    s->run_count--;
    memmove(s->runs, s->runs + 1, s->run_count * sizeof *s->runs);
}

static void send_content(tc_h2 *c, tc_h2_stream *s)
{
    tc_run run = s->runs[0];
    if (run.len > TC_H2_FRAME_MAX) run.len = TC_H2_FRAME_MAX;
    if ((int64_t)run.len > s->send_window) run.len = (size_t)s->send_window;
    if ((int64_t)run.len > c->send_window) run.len = (size_t)c->send_window;
    const bool last = run.len == s->runs[0].len && s->run_count == 1 && s->ended;
    const bool end = last && !has_trailers(s);
    const bool copied = run.kind == TC_RUN_BYTES && run.len <= TC_H2_COPIED_MAX;
    const tc_h2_head head = {(uint32_t)run.len, s->id, TC_H2_DATA, end ? TC_H2_END_STREAM : 0};
    char *at;
    if (tc_buf_reserve(&c->out, TC_H2_FRAME_HEAD + (copied ? run.len : 0), &at) != TC_OK) {
        tc_h2_fail(c, TC_H2_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
        return;
    }
    tc_h2_head_write(at, head);
    c->out.len += TC_H2_FRAME_HEAD;
    if (copied) {
        memcpy(at + TC_H2_FRAME_HEAD, run.at, run.len);
        c->out.len += run.len;
    } else {
        splice(c, s, run);
    }
    tc_h2_note(c, true, &head, (tc_span){0});
    tc_h2_credit(c, 2 + run.len / UPDATED);
    s->send_window -= (int64_t)run.len;
    c->send_window -= (int64_t)run.len;
    s->sent += run.len;
    s->x->wire_out += TC_H2_FRAME_HEAD + run.len;
    run_went(s, run.len);
    if (s->priority.incremental) tc_h2_unready(c, s); /* to the end of its list */
    if (s->run_count == 0) tc_h2_say(c, s);           /* perhaps all is released */
    if (end)
        end_went(c, s);
    else
        tc_h2_ready(c, s);
}

void tc_h2_fill(tc_h2 *c)
{
    while (c->splice_count < TC_H2_SPLICES && c->out.len + c->spliced < TC_H2_FILL) {
        tc_h2_stream *s = pick(c);
        if (!s) return;
        if (s->run_count > 0)
            send_content(c, s);
        else
            send_end(c, s);
    }
}

/* --- runs for the link ---------------------------------------------------------------------- */

static bool add_run(tc_run *runs, size_t *count, size_t max, size_t *budget, tc_run run)
{
    if (run.len == 0) return true;
    if (*count == max || *budget == 0) return false;
    const bool whole = run.len <= *budget;
    if (!whole) run.len = *budget;
    runs[(*count)++] = run;
    *budget -= run.len;
    return whole;
}

size_t tc_h2_output(tc_h2 *c, tc_run *runs, size_t max, size_t budget)
{
    size_t count = 0, off = 0;
    tc_h2_fill(c);
    for (uint32_t i = 0; i < c->splice_count; i++) {
        const tc_h2_splice *p = &c->splices[i];
        const size_t until = (size_t)(p->at - c->out_done);
        if (!add_run(runs, &count, max, &budget,
                     tc_run_bytes(tc_span_of(c->out.at + off, until - off))) ||
            !add_run(runs, &count, max, &budget, p->run))
            return count;
        off = until;
    }
    if (c->out.len > off)
        (void)add_run(runs, &count, max, &budget,
                      tc_run_bytes(tc_span_of(c->out.at + off, c->out.len - off)));
    return count;
}

static size_t splice_went(tc_h2 *c, size_t n)
{
    tc_h2_splice *p = &c->splices[0];
    const size_t went = n < p->run.len ? n : p->run.len;
    p->run.len -= went;
    if (p->run.kind == TC_RUN_BYTES)
        p->run.at += went;
    else
        p->run.off += went;
    c->spliced -= went;
    if (p->run.len > 0) return went;
    if (--p->stream->splices == 0) tc_h2_say(c, p->stream);
    c->splice_count--;
    memmove(c->splices, c->splices + 1, c->splice_count * sizeof *c->splices);
    return went;
}

void tc_h2_wrote(tc_h2 *c, size_t n)
{
    while (n > 0) {
        size_t bytes = c->out.len;
        if (c->splice_count > 0) bytes = (size_t)(c->splices[0].at - c->out_done);
        if (bytes == 0) {
            assert(c->splice_count > 0);
            n -= splice_went(c, n);
            continue;
        }
        const size_t went = n < bytes ? n : bytes;
        tc_buf_drop(&c->out, went);
        c->out_done += went;
        n -= went;
    }
    if (c->out.len == 0 && c->out.size > TC_H2_FILL) tc_buf_fini(&c->out);
}
