/* read.c - heads and trailers as they arrive (RFC 9112, 2 to 5 and 7.1.2).
 *
 * A line is looked at where it lies until its CRLF is there, and no byte is looked at twice. Then
 * it is copied once, into the exchange's arena, and taken apart in place. */
// SPDX-License-Identifier: MIT
#include "h1/line.h"
#include "h1/scan.h"
#include "h1/state.h"

/* Counts the limit that err stands for. */
static void count_limit(tc_reached *r, tc_err err)
{
    if (err == TC_ERR_LINE_TOO_LONG) r->request_line++;
    if (err == TC_ERR_FIELDS_TOO_LARGE) r->fields_bytes++;
    if (err == TC_ERR_FIELDS_TOO_MANY) r->fields_count++;
    if (err == TC_ERR_HEADER_TIME) r->header_ms++;
    if (err == TC_ERR_TOO_MANY_1XX) r->informational++;
}

tc_err tc_h1_begin(tc_h1 *h, tc_exchange *x)
{
    tc_h1_stream *s = tc_exchange_alloc(x, sizeof *s);
    if (!s) return TC_ERR_NO_MEMORY;
    memset(s, 0, offsetof(tc_h1_stream, queue));
    tc_h1_facts_init(&s->facts);
    tc_run_queue_init(&s->queue);
    x->stream = s;
    h->x = x;
    return TC_OK;
}

/* Server: an exchange for the request whose first line is here. Without memory for it the
 * connection ends, because there is nothing left to answer with. */
static bool open_exchange(tc_h1 *h)
{
    tc_engine_env *env = h->engine.env;
    tc_exchange *x = tc_slab_get(env->exchanges);
    if (x) {
        tc_exchange_init(x, ++h->last_id, (size_t)env->limits->exchange_bytes);
        if (tc_h1_begin(h, x) == TC_OK) {
            x->times.begun = h->begun;
            x->theirs.scheme = env->scheme;
            return true;
        }
        tc_exchange_fini(x);
        tc_slab_put(env->exchanges, x);
    }
    h->failed = TC_ERR_NO_MEMORY;
    h->closing = true;
    h->phase = TC_H1_DEAF;
    return false;
}

void tc_h1_break(tc_h1 *h, tc_err err)
{
    const bool in_head = h->phase == TC_H1_START || h->phase == TC_H1_FIELDS;
    count_limit(h->engine.env->reached, err);
    if (!h->x && !open_exchange(h)) return;
    tc_h1_stream_of(h->x)->broken = err;
    h->phase = in_head && tc_h1_is_server(h) ? TC_H1_HEAD_READY : TC_H1_BREAK_READY;
}

/* What is wrong with a line that is (or will be) at least len bytes long. */
static tc_err line_over(const tc_h1 *h, size_t len)
{
    const tc_limits *limits = tc_h1_limits(h);
    if (h->phase == TC_H1_START) return len > limits->request_line ? TC_ERR_LINE_TOO_LONG : TC_OK;
    const uint64_t before = tc_h1_stream_of(h->x)->fields_bytes;
    return before + len > limits->fields_bytes ? TC_ERR_FIELDS_TOO_LARGE : TC_OK;
}

/* What is wrong with a line that the byte at stop is in. */
static tc_err bad_byte(const tc_h1 *h, const char *stop)
{
    if (*stop == '\r' || *stop == '\n') return TC_ERR_LINE_END;
    if (h->phase == TC_H1_START)
        return tc_h1_is_server(h) ? TC_ERR_REQUEST_LINE : TC_ERR_STATUS_LINE;
    const tc_span before = tc_span_of(h->in.at, (size_t)(stop - h->in.at));
    return tc_span_find(before, ':') < before.len ? TC_ERR_FIELD_VALUE : TC_ERR_FIELD_NAME;
}

/* What an end of input inside a line means. */
static tc_err cut(const tc_h1 *h)
{
    return h->phase == TC_H1_TRAILERS ? TC_ERR_CHUNKS_CUT : TC_ERR_HEAD_CUT;
}

/* The line at the front of the input, without its CRLF. TC_ERR_FULL: its end is not here yet. */
static tc_err find_line(tc_h1 *h, tc_span *ret_line)
{
    if (h->in.len == 0) return h->fin ? cut(h) : TC_ERR_FULL;
    const char *end = h->in.at + h->in.len;
    const char *stop = tc_h1_scan(h->in.at + h->searched, end);
    const size_t len = (size_t)(stop - h->in.at);
    const tc_err over = line_over(h, len);
    if (over) return over;
    if (stop == end || (*stop == '\r' && stop + 1 == end)) {
        h->searched = (uint32_t)len;
        return h->fin ? cut(h) : TC_ERR_FULL;
    }
    if (*stop != '\r' || stop[1] != '\n') return bad_byte(h, stop);
    *ret_line = tc_span_of(h->in.at, len);
    return TC_OK;
}

/* A copy of the line with its CRLF behind it, and the line taken off the input. NULL without
 * memory. */
static char *take_line(tc_h1 *h, tc_span line)
{
    char *copy = tc_arena_bytes(&h->x->arena, line.len + 2);
    if (copy) memcpy(copy, line.at, line.len + 2);
    if (h->engine.env->notes & TC_NOTES_WORDS) tc_h1_stream_of(h->x)->note_theirs = line;
    tc_h1_take(h, line.len + 2);
    return copy;
}

/* Waits for the first byte of a head. A server steps over one empty line (RFC 9112, 2.2). */
static bool head_begins(tc_h1 *h)
{
    if (tc_h1_is_server(h) && !h->skipped && h->in.len > 0 && h->in.at[0] == '\r') {
        if (h->in.len == 1 && !h->fin) return false;
        if (h->in.len > 1 && h->in.at[1] == '\n') {
            tc_h1_take(h, 2);
            h->skipped = true;
        }
    }
    if (h->in.len == 0) {
        if (!h->x || !h->fin) return false;
        tc_h1_break(h, TC_ERR_EMPTY_REPLY);
        return false;
    }
    h->begun = h->now > 0 ? h->now : 1; /* 0 means that no head has begun */
    return true;
}

static tc_err request_line(tc_exchange *x, tc_span line)
{
    tc_target target = {0};
    tc_message *m = &x->theirs;
    const tc_err err = tc_h1_request_line(line, m, &target);
    if (err) return err;
    if (target.form == TC_ABSOLUTE_FORM) m->scheme = target.scheme;
    m->authority = target.authority;
    if (m->path.len > 0 && m->path.at[0] == '?') { /* "http://host?query" */
        char *path = tc_arena_bytes(&x->arena, m->path.len + 1);
        if (!path) return TC_ERR_NO_MEMORY;
        path[0] = '/';
        memcpy(path + 1, m->path.at, m->path.len);
        m->path = tc_span_of(path, m->path.len + 1);
    }
    return TC_OK;
}

/* Clears what an interim response left. */
static tc_err status_line(tc_exchange *x, tc_span line)
{
    tc_fields fields = x->theirs.fields;
    fields.count = 0;
    fields.present = 0;
    x->theirs = (tc_message){.fields = fields};
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_h1_facts_init(&s->facts);
    s->fields_bytes = s->field_lines = 0;
    return tc_h1_status_line(line, &x->theirs);
}

/* What begins with neither a status line nor SETTINGS of HTTP/2 (length, type 4, no flags, stream
 * 0; RFC 9113, 3.4) is an answer in HTTP/0.9. */
static tc_err check_reply(const tc_h1 *h)
{
    static const char settings[] = {4, 0, 0, 0, 0, 0};
    const tc_span in = h->in, type = tc_span_first(tc_span_from(in, 3), sizeof settings);
    if (tc_span_starts(in, tc_span_first(TC_SPAN("HTTP/"), in.len))) return TC_OK;
    if (in.at[0] != 0 || (type.len && memcmp(type.at, settings, type.len) != 0))
        return TC_ERR_REPLY_09;
    if (type.len == sizeof settings) return TC_ERR_REPLY_2;
    return h->fin ? TC_ERR_REPLY_09 : TC_ERR_FULL;
}

static tc_err read_start(tc_h1 *h)
{
    const bool server = tc_h1_is_server(h);
    if (!server) {
        if (tc_h1_stream_of(h->x)->queue.written == 0) return TC_ERR_UNASKED;
        const tc_err none = h->in.len ? check_reply(h) : TC_OK;
        if (none) return none;
    }
    tc_span line;
    const tc_err err = find_line(h, &line);
    if (err) return err;
    if (!h->x && !open_exchange(h)) return TC_ERR_FULL;
    const char *copy = take_line(h, line);
    if (!copy) return TC_ERR_NO_MEMORY;
    line.at = copy;
    const tc_err bad = server ? request_line(h->x, line) : status_line(h->x, line);
    if (!bad) h->phase = TC_H1_FIELDS;
    return bad;
}

/* The authority of a request: the target's before Host's (RFC 9112, 3.2). */
static tc_err settle_host(const tc_h1_facts *f, tc_message *m)
{
    if (!f->has_host) return m->version == TC_HTTP_1_1 ? TC_ERR_HOST : TC_OK;
    if (f->host.len == 0) return m->authority.len > 0 ? TC_ERR_HOST : TC_OK;
    const tc_err err = tc_authority_check(f->host);
    if (!err && m->authority.len == 0) m->authority = f->host;
    return err;
}

static tc_err end_of_head(tc_h1 *h)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    tc_message *m = &h->x->theirs;
    tc_err err;
    if (tc_h1_is_server(h)) {
        err = settle_host(&s->facts, m);
        if (!err) err = tc_h1_facts_request(&s->facts, m, &s->body);
    } else if (m->status == 101) {
        err = TC_ERR_SWITCH_UNASKED;
    } else if (m->status < 200 && ++s->informational > tc_h1_limits(h)->informational) {
        err = TC_ERR_TOO_MANY_1XX;
    } else {
        err = tc_h1_facts_response(&s->facts, m, h->x->ours.method, &s->body);
    }
    if (err) return err;
    if (s->body == TC_H1_LENGTH) s->left = (uint64_t)m->length;
    h->phase = TC_H1_HEAD_READY;
    return TC_OK;
}

/* A field line off the input and apart. */
static tc_err take_field(tc_h1 *h, tc_span line, tc_field *ret_field)
{
    tc_h1_stream *s = tc_h1_stream_of(h->x);
    s->fields_bytes += line.len + 2;
    if (++s->field_lines > tc_h1_limits(h)->fields_count) return TC_ERR_FIELDS_TOO_MANY;
    char *copy = take_line(h, line);
    return copy ? tc_h1_field_line(copy, line.len, ret_field) : TC_ERR_NO_MEMORY;
}

static tc_err read_field(tc_h1 *h)
{
    tc_span line;
    tc_err err = find_line(h, &line);
    if (err) return err;
    if (line.len == 0) {
        if (h->engine.env->notes & TC_NOTES_WORDS) tc_h1_stream_of(h->x)->note_theirs = line;
        tc_h1_take(h, 2);
        return end_of_head(h);
    }
    tc_field field;
    bool keep;
    tc_exchange *x = h->x;
    const enum tc_role from = tc_h1_is_server(h) ? TC_CLIENT : TC_SERVER;
    err = take_field(h, line, &field);
    if (!err)
        err = tc_h1_facts_note(&tc_h1_stream_of(x)->facts, tc_h1_limits(h), from, x->theirs.version,
                               &field, &keep);
    if (!err && keep) err = tc_fields_push(&x->theirs.fields, &x->arena, field);
    return err;
}

bool tc_h1_read_head(tc_h1 *h)
{
    if (h->phase == TC_H1_START && h->begun == 0 && !head_begins(h)) return h->phase != TC_H1_START;
    const bool notes =
        h->engine.env->notes & TC_NOTES_WORDS; /* each line is given before the next is read */
    tc_err err = h->late ? TC_ERR_HEADER_TIME : TC_OK;
    if (!err && h->phase == TC_H1_START) {
        err = read_start(h);
        if (!err && notes) return true;
    }
    while (!err && h->phase == TC_H1_FIELDS) {
        err = read_field(h);
        if (notes) break;
    }
    if (err == TC_ERR_FULL) return h->phase == TC_H1_DEAF;
    if (err) tc_h1_break(h, err);
    return true;
}

static tc_err read_trailer(tc_h1 *h)
{
    tc_span line;
    tc_err err = find_line(h, &line);
    if (err) return err;
    if (line.len == 0) {
        if (h->engine.env->notes & TC_NOTES_WORDS) tc_h1_stream_of(h->x)->note_theirs = line;
        tc_h1_take(h, 2);
        h->phase = TC_H1_END_READY;
        return TC_OK;
    }
    tc_field field;
    err = take_field(h, line, &field);
    if (err) return err;
    if (field.id == TC_FIELD_CONTENT_LENGTH || field.id == TC_FIELD_TRANSFER_ENCODING ||
        field.id == TC_FIELD_HOST)
        return TC_ERR_TRAILER_FIELD;
    if (tc_field_flags(field.id) & (TC_FIELD_HOP | TC_FIELD_NO_TRAIL)) return TC_OK;
    return tc_fields_push(&h->x->theirs.trailers, &h->x->arena, field);
}

bool tc_h1_read_trailers(tc_h1 *h)
{
    const tc_err err = read_trailer(h);
    if (err == TC_ERR_FULL) return false;
    if (err) tc_h1_break(h, err);
    return true;
}
