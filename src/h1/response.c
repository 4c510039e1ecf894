/* response.c - the head of a response (RFC 9112, 4 and 6; RFC 9110, 8.6), and whether the
 * connection goes on after it. */
// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "h1/write.h"

/* "HTTP/1.1 299 Success\r\n" for a code that the table does not have. */
typedef struct own_line {
    char at[64];
} own_line;

static tc_span status_line(unsigned status, own_line *own)
{
    const tc_span line = tc_status_line(status);
    if (line.len > 0) return line;
    char *at = tc_h1_put(own->at, TC_SPAN("HTTP/1.1 "));
    at += tc_text_number(at, status);
    at = tc_h1_put(tc_h1_put(at, TC_SPAN(" ")), tc_status_reason(status));
    at = tc_h1_put(at, TC_SPAN("\r\n"));
    return tc_span_of(own->at, (size_t)(at - own->at));
}

static size_t block_size(const tc_fields *f)
{
    size_t size = tc_h1_fields_size(f);
    tc_span length;
    if (tc_fields_get(f, TC_FIELD_CONTENT_LENGTH, &length))
        size += sizeof "Content-Length: \r\n" - 1 + length.len;
    return size;
}

/* The lines of a shared block, encoded at its first use. at NULL: no memory. */
static tc_span block_lines(tc_block *b, tc_arena *fallback)
{
    if (b->h1_lines.at) return b->h1_lines;
    const size_t size = block_size(&b->fields);
    char *lines = b->arena ? tc_arena_bytes(b->arena, size + 1) : NULL;
    const bool kept = lines != NULL;
    if (!kept) lines = tc_arena_bytes(fallback, size + 1);
    if (!lines) return (tc_span){0};
    char *at = tc_h1_fields_put(lines, &b->fields);
    tc_span length;
    if (tc_fields_get(&b->fields, TC_FIELD_CONTENT_LENGTH, &length)) {
        at = tc_h1_put(tc_h1_put(at, TC_SPAN("Content-Length: ")), length);
        tc_h1_put(at, TC_SPAN("\r\n"));
    }
    if (kept) b->h1_lines = tc_span_of(lines, size);
    return tc_span_of(lines, size);
}

/* A request that is not whole yet keeps the connection only if its rest is worth reading: a peer
 * that waits for 100 may or may not send it (RFC 9110, 10.1.1). */
static bool rest_is_unwanted(tc_h1 *h, const tc_h1_stream *s, const tc_message *theirs)
{
    if (h->phase != TC_H1_CONTENT) return false;
    if (theirs->expects_continue && !s->continued) return true;
    const uint64_t left = tc_h1_content_left(s);
    if (left == UINT64_MAX || left <= tc_h1_limits(h)->unread_body) return false;
    h->engine.env->reached->unread_body++;
    return true;
}

static void decide_close(tc_h1 *h, tc_exchange *x, bool until_close)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    if (rest_is_unwanted(h, s, &x->theirs)) s->close = s->unread = true;
    if (s->broken || until_close || h->draining ||
        !tc_h1_facts_persist(&s->facts, x->theirs.version))
        s->close = true;
    if (h->fin && h->phase == TC_H1_DONE && h->in.len == 0) s->close = true;
}

/* What comes behind a CONNECT that is refused may be meant for the tunnel, from somebody whom our
 * client does not trust: it is never read as a request, so the connection ends. Only who is asked
 * for credentials, and has sent nothing so far, may try again. */
static void refuse_tunnel(tc_h1 *h, tc_h1_stream *s, unsigned status)
{
    s->body = TC_H1_NO_BODY;
    h->phase = TC_H1_DONE;
    if (status != 407 || h->in.len > 0) s->close = s->unread = true;
}

/* The connection is the tunnel's from here on, to its end. */
static void begin_tunnel(tc_exchange *x)
{
    x->tunnel = true;
    x->ours.length = TC_LENGTH_UNKNOWN;
    tc_h1_stream_of(x)->close = true;
}

/* Framing fields, Connection and the empty line. */
static tc_err make_tail(tc_h1 *h, tc_exchange *x, int64_t length, bool stated, tc_h1_tail *tail)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    const tc_message *m = &x->ours;
    const bool old = x->theirs.version == TC_HTTP_1_0;
    const bool silent = m->status == 204 || m->status == 304;
    tail->len = 0;
    if (x->tunnel) {
        tc_h1_tail_add(tail, TC_SPAN("\r\n"));
        return TC_OK;
    }
    if (silent || x->theirs.method == TC_METHOD_HEAD) s->no_content = true;
    if (length == TC_LENGTH_UNKNOWN && !silent && !old) {
        tc_h1_tail_add(tail, TC_SPAN("Transfer-Encoding: chunked\r\n"));
        s->ours_chunked = true;
    } else if (length >= 0 && !silent && !stated) {
        tc_h1_tail_length(tail, length);
    }
    decide_close(h, x, length == TC_LENGTH_UNKNOWN && old && !s->no_content);
    if (s->close && (!old || s->broken))
        tc_h1_tail_add(tail, TC_SPAN("Connection: close\r\n"));
    else if (!s->close && old)
        tc_h1_tail_add(tail, TC_SPAN("Connection: keep-alive\r\n"));
    tc_h1_tail_add(tail, TC_SPAN("\r\n"));
    return TC_OK;
}

static tc_err compose(tc_h1 *h, tc_exchange *x, const tc_span *parts, size_t count, tc_span tail)
{
    size_t size = tail.len + tc_h1_fields_size(&x->ours.fields);
    for (size_t i = 0; i < count; i++)
        size += parts[i].len;
    char *head = tc_arena_bytes(&x->arena, size), *at = head;
    if (!head) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        at = tc_h1_put(at, parts[i]);
    tc_h1_put(tc_h1_fields_put(at, &x->ours.fields), tail);
    tc_h1_send_head(h, x, tc_span_of(head, size));
    return TC_OK;
}

/* A 1xx response; one to a client of 1.0 is not sent (RFC 9110, 15.2). */
static tc_err inform(tc_h1 *h, tc_exchange *x)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    if (x->ours.status == 101) return TC_ERR_NOT_SUPPORTED;
    if (x->theirs.version != TC_HTTP_1_1 || s->broken) return TC_OK;
    if (tc_run_queue_room(&s->queue) <= TC_RUN_QUEUE / 2) return TC_ERR_FULL;
    own_line own;
    const tc_span line = status_line(x->ours.status, &own);
    if (x->ours.status == 100) s->continued = true;
    return compose(h, x, &line, 1, TC_SPAN("\r\n"));
}

tc_err tc_h1_write_response(tc_h1 *h, tc_exchange *x, bool end)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_message *m = &x->ours;
    if (s->head_sent) return TC_ERR_HEAD_TWICE;
    if (m->status < 200) return inform(h, x);
    if (end && m->length == TC_LENGTH_UNKNOWN) m->length = 0;
    if (tc_makes_tunnel(x->theirs.method, m->status))
        begin_tunnel(x);
    else if (h->phase == TC_H1_CONTENT && s->body == TC_H1_TUNNEL)
        refuse_tunnel(h, s, m->status);

    own_line own;
    tc_span parts[1 + TC_BLOCKS] = {status_line(m->status, &own)};
    size_t count = 1;
    bool stated = false;
    for (int i = 0; i < TC_BLOCKS; i++) {
        tc_block *b = m->blocks[i];
        if (!b) continue;
        if (b->length != TC_LENGTH_UNKNOWN) {
            if (b->length != m->length) return TC_ERR_FIELD_INVALID;
            stated = true;
        }
        parts[count] = block_lines(b, &x->arena);
        if (!parts[count++].at) return TC_ERR_NO_MEMORY;
    }
    tc_h1_tail tail;
    tc_err err = make_tail(h, x, m->length, stated, &tail);
    if (!err && end && m->length > 0 && !s->no_content) err = TC_ERR_BODY_TOO_SHORT;
    if (!err) err = compose(h, x, parts, count, tc_span_of(tail.at, tail.len));
    if (err) return err;
    s->head_sent = true;
    s->ended = end;
    s->body_left = m->length > 0 ? (uint64_t)m->length : 0;
    return TC_OK;
}
