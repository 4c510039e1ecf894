/* request.c - the head of a request (RFC 9112, 3 and 6). */
// SPDX-License-Identifier: MIT
#include "h1/write.h"
#include "http/target.h"

static tc_span target_of(const tc_message *m)
{
    if (m->method == TC_METHOD_CONNECT) return m->authority;
    return m->target.len ? m->target : m->path;
}

/* What is sent must be what a server of ours would read: nothing in it may end a line early. */
static tc_err check(const tc_message *m, tc_span method)
{
    tc_target target;
    if (!tc_is_token(method)) return TC_ERR_METHOD_SYNTAX;
    if (m->authority.len > 0 && tc_authority_check(m->authority)) return TC_ERR_HOST;
    return tc_target_parse(m->method, target_of(m), &target);
}

static bool says_zero(enum tc_method method)
{
    return method == TC_METHOD_POST || method == TC_METHOD_PUT || method == TC_METHOD_PATCH;
}

tc_err tc_h1_write_request(tc_h1 *h, tc_exchange *x, bool end)
{
    tc_h1_stream *s = tc_h1_stream_of(x);
    tc_message *m = &x->ours;
    const tc_span method = m->method ? tc_method_name(m->method) : m->method_name;
    const bool old = m->version == TC_HTTP_1_0;
    const tc_err err = check(m, method);
    if (err) return err;
    if (!old) m->version = TC_HTTP_1_1;
    if (end && m->length == TC_LENGTH_UNKNOWN) m->length = 0;
    if (end && m->length > 0) return TC_ERR_BODY_TOO_SHORT;
    const tc_span target = target_of(m);
    if (old && m->length == TC_LENGTH_UNKNOWN && m->method != TC_METHOD_CONNECT)
        return TC_ERR_NOT_SUPPORTED;

    tc_h1_tail tail = {.len = 0};
    if (m->method == TC_METHOD_CONNECT) {
        m->length = TC_LENGTH_UNKNOWN; /* of a tunnel */
    } else if (m->length == TC_LENGTH_UNKNOWN) {
        tc_h1_tail_add(&tail, TC_SPAN("Transfer-Encoding: chunked\r\n"));
        s->ours_chunked = true;
    } else if (m->length > 0 || says_zero(m->method)) {
        tc_h1_tail_length(&tail, m->length);
    }
    tc_h1_tail_add(&tail, TC_SPAN("\r\n"));

    const tc_span version = old ? TC_SPAN(" HTTP/1.0\r\n") : TC_SPAN(" HTTP/1.1\r\n");
    const bool has_host = !m->omits_host && (m->authority.len > 0 || !old);
    const tc_span host = has_host ? TC_SPAN("Host: ") : TC_SPAN("");
    const tc_span host_end = host.len > 0 ? TC_SPAN("\r\n") : TC_SPAN("");
    const size_t size = method.len + 1 + target.len + version.len + host.len + m->authority.len +
                        host_end.len + tc_h1_fields_size(&m->fields) + tail.len;
    char *head = tc_arena_bytes(&x->arena, size);
    if (!head) return TC_ERR_NO_MEMORY;
    char *at = tc_h1_put(tc_h1_put(head, method), TC_SPAN(" "));
    at = tc_h1_put(tc_h1_put(at, target), version);
    at = tc_h1_put(tc_h1_put(tc_h1_put(at, host), m->authority), host_end);
    at = tc_h1_fields_put(at, &m->fields);
    tc_h1_put(at, tc_span_of(tail.at, tail.len));
    tc_h1_send_head(h, x, tc_span_of(head, size));
    s->head_sent = true;
    s->ended = end;
    s->body_left = m->length > 0 ? (uint64_t)m->length : 0;
    return TC_OK;
}
