/* write.c - heads of responses and requests, content and trailers as bytes (RFC 9112, 2 to 7).
 *
 * A head is one run: what its blocks cache, its own fields and the framing, copied together once.
 * That is cheaper than a run for each, and leaves nothing to keep for them. */
// SPDX-License-Identifier: MIT
#include "h1/write.h"

#include <assert.h>

#include "base/ascii.h"
#include "base/text.h"

static bool is_ours(const tc_field *f)
{
    return f->id == TC_FIELD_CONTENT_LENGTH || f->id == TC_FIELD_HOST ||
           (f->id != TC_FIELD_OTHER && tc_field_flags(f->id) & TC_FIELD_HOP);
}

static size_t line_size(const tc_field *f)
{
    return f->name.len + f->value.len + sizeof ": \r\n" - 1;
}

/* A name in the spelling that people know, or with each word capitalised. */
static char *put_name(char *at, const tc_field *f)
{
    if (f->id != TC_FIELD_OTHER) return tc_h1_put(at, tc_field_spelling(f->id));
    tc_field_spell(at, f->name);
    return at + f->name.len;
}

static char *put_line(char *at, const tc_field *f)
{
    assert(tc_is_token(f->name) && tc_is_field_value(f->value));
    at = tc_h1_put(put_name(at, f), TC_SPAN(": "));
    return tc_h1_put(tc_h1_put(at, f->value), TC_SPAN("\r\n"));
}

size_t tc_h1_fields_size(const tc_fields *f)
{
    size_t size = 0;
    for (uint32_t i = 0; i < f->count; i++)
        if (!is_ours(&f->at[i])) size += line_size(&f->at[i]);
    return size;
}

char *tc_h1_fields_put(char *at, const tc_fields *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!is_ours(&f->at[i])) at = put_line(at, &f->at[i]);
    return at;
}

void tc_h1_tail_add(tc_h1_tail *t, tc_span line)
{
    assert(line.len <= sizeof t->at - t->len);
    memcpy(t->at + t->len, line.at, line.len);
    t->len += line.len;
}

void tc_h1_tail_length(tc_h1_tail *t, int64_t length)
{
    char digits[20];
    const size_t n = tc_text_number(digits, (uint64_t)length);
    tc_h1_tail_add(t, TC_SPAN("Content-Length: "));
    tc_h1_tail_add(t, tc_span_of(digits, n));
    tc_h1_tail_add(t, TC_SPAN("\r\n"));
}

/* For NOTEs: these lines are given one by one, after those that were not given yet. */
static void note_lines(tc_h1_stream *s, tc_arena *a, tc_span lines)
{
    char *both = tc_arena_bytes(a, s->note_ours.len + lines.len);
    if (!both) return; /* whoever looks on misses some lines */
    tc_h1_put(tc_h1_put(both, s->note_ours), lines);
    s->note_ours = tc_span_of(both, s->note_ours.len + lines.len);
}

void tc_h1_send_head(tc_h1 *h, tc_exchange *x, tc_span head)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_run_queue_add(&s->queue, tc_run_bytes(head));
    if (h->engine.env->notes & TC_NOTES_WORDS) note_lines(s, &x->arena, head);
}

/* The chunk-size line for a run, in the memory that goes with its place in the queue. */
static tc_span chunk_size(tc_h1_stream *s, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    char *line = s->sizes[s->queue.end % TC_RUN_QUEUE], *at = line;
    int shift = 60;
    if (s->chunk_sent) at = tc_h1_put(at, TC_SPAN("\r\n"));
    while (shift > 0 && size >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = hex[size >> shift & 15];
    at = tc_h1_put(at, TC_SPAN("\r\n"));
    return tc_span_of(line, (size_t)(at - line));
}

/* The last chunk, the trailers and the empty line. */
static tc_err last_chunk(const tc_h1 *h, tc_exchange *x)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_span last = TC_SPAN("\r\n0\r\n\r\n");
    const tc_fields *trailers = &x->ours.trailers;
    if (trailers->count > 0) {
        const size_t size = last.len + tc_h1_fields_size(trailers);
        char *all = tc_arena_bytes(&x->arena, size);
        if (!all) return TC_ERR_NO_MEMORY;
        char *at = tc_h1_put(all, TC_SPAN("\r\n0\r\n"));
        tc_h1_put(tc_h1_fields_put(at, trailers), TC_SPAN("\r\n"));
        last = tc_span_of(all, size);
        if (h->engine.env->notes & TC_NOTES_WORDS)
            note_lines(s, &x->arena, tc_span_from(last, sizeof "\r\n0\r\n" - 1));
    }
    tc_run_queue_add(&s->queue, tc_run_bytes(tc_span_from(last, s->chunk_sent ? 0 : 2)));
    return TC_OK;
}

static tc_err write_chunk(const tc_h1 *h, tc_exchange *x, tc_run run, bool end)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    const uint32_t need = (run.len > 0 ? 2u : 0u) + (end ? 1u : 0u);
    if (tc_run_queue_room(&s->queue) < need) return TC_ERR_FULL;
    if (!s->sizes) s->sizes = tc_exchange_alloc(x, TC_RUN_QUEUE * sizeof *s->sizes);
    if (!s->sizes) return TC_ERR_NO_MEMORY;
    if (run.len > 0) {
        tc_run_queue_add(&s->queue, tc_run_bytes(chunk_size(s, run.len)));
        tc_run_queue_add(&s->queue, run);
        s->chunk_sent = true;
    }
    return end ? last_chunk(h, x) : TC_OK;
}

/* Content of a stated length, or until the connection closes. */
static tc_err write_plain(tc_exchange *x, tc_run run, bool end)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    if (x->ours.length >= 0) {
        if (run.len > s->body_left) return TC_ERR_BODY_TOO_LONG;
        if (end && run.len < s->body_left) return TC_ERR_BODY_TOO_SHORT;
    }
    if (run.len > 0 && tc_run_queue_room(&s->queue) == 0) return TC_ERR_FULL;
    if (x->ours.length >= 0) s->body_left -= run.len;
    tc_run_queue_add(&s->queue, run);
    return TC_OK;
}

tc_err tc_h1_write_body(const tc_h1 *h, tc_exchange *x, tc_run run, bool end)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    if (s->stopped || s->aborted) return TC_OK;
    if (!s->head_sent) return TC_ERR_HEAD_MISSING;
    if (x->ours.method == TC_METHOD_CONNECT && !x->tunnel) return TC_ERR_FULL; /* not yet */
    if (s->ended) return run.len > 0 ? TC_ERR_BODY_TOO_LONG : TC_OK;
    tc_err err = TC_OK;
    if (!s->no_content)
        err = s->ours_chunked ? write_chunk(h, x, run, end) : write_plain(x, run, end);
    if (err) return err;
    s->lent |= run.len > 0;
    s->ended = end;
    x->whole = end && s->queue.written == s->queue.queued;
    return TC_OK;
}
