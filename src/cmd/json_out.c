/* json_out.c - see json_out.h. Values that are no UTF-8 have U+FFFD for what cannot be said in
 * JSON; a body like that is base64. */
// SPDX-License-Identifier: MIT
#include "cmd/json_out.h"

#include "base/clock.h"
#include "base/text.h"
#include "http/secret.h"

enum { PIECE_MAX = 16 * TC_JSON_BODY }; /* an exchange; its fields have limits of their own */

/* Writing stops at the first error and goes on for show, so that it is asked for once. */
typedef struct writer {
    tc_buf out;
    tc_err err;
    bool secrets;
} writer;

static void raw(writer *w, const char *text)
{
    if (!w->err) w->err = tc_buf_add(&w->out, tc_span_str(text));
}

static void string(writer *w, tc_span s)
{
    if (!w->err) w->err = tc_text_json(&w->out, s);
}

/* ,"name": where something stands before it in the object */
static void key(writer *w, const char *name)
{
    if (w->err) return;
    const char last = w->out.at[w->out.len - 1];
    if (last != '{') raw(w, ",");
    raw(w, "\"");
    raw(w, name);
    raw(w, "\":");
}

static void text(writer *w, const char *name, tc_span value)
{
    key(w, name);
    string(w, value);
}

static void text_or_null(writer *w, const char *name, tc_span value)
{
    key(w, name);
    if (value.len)
        string(w, value);
    else
        raw(w, "null");
}

static void number(writer *w, const char *name, uint64_t value)
{
    key(w, name);
    if (!w->err) w->err = tc_buf_printf(&w->out, "%llu", (unsigned long long)value);
}

static void boolean(writer *w, const char *name, bool value)
{
    key(w, name);
    raw(w, value ? "true" : "false");
}

/* Milliseconds between two times; null where one of them never was. */
static void span_ms(writer *w, const char *name, int64_t from, int64_t to)
{
    key(w, name);
    if (w->err) return;
    if (from && to && to >= from)
        w->err = tc_buf_printf(&w->out, "%.3f", (double)(to - from) / (double)TC_MS);
    else
        raw(w, "null");
}

static void field(writer *w, tc_span name, tc_span value, bool *first)
{
    if (!*first) raw(w, ",");
    *first = false;
    raw(w, "{");
    text(w, "name", name);
    text(w, "value", !w->secrets && tc_secret_name(name) ? TC_SPAN("......") : value);
    raw(w, "}");
}

static void fields(writer *w, const char *name, const tc_fields *list, tc_span host)
{
    bool first = true;
    key(w, name);
    raw(w, "[");
    if (host.len) field(w, TC_SPAN("host"), host, &first);
    for (uint32_t i = 0; i < list->count; i++)
        field(w, list->at[i].name, list->at[i].value, &first);
    raw(w, "]");
}

/* --- parts of an exchange ------------------------------------------------------------------ */

static void protection(writer *w, const tc_record_connection *c)
{
    const tc_protection *p = &c->protection;
    key(w, "tls");
    if (!c->secure) {
        raw(w, "null");
        return;
    }
    raw(w, "{");
    text(w, "version", tc_span_str(p->version));
    text(w, "cipher", tc_span_str(p->cipher));
    text_or_null(w, "group", tc_span_str(p->group));
    text_or_null(w, "protocol", tc_span_str(p->protocol));
    boolean(w, "resumed", p->resumed);
    boolean(w, "verified", !p->unverified);
    raw(w, "}");
}

static void connection(writer *w, const tc_record_exchange *e)
{
    const tc_record_connection *c = e->connection;
    key(w, "connection");
    if (!c) {
        raw(w, "null");
        return;
    }
    raw(w, "{");
    number(w, "number", c->number);
    boolean(w, "reused", e->place > 1);
    number(w, "exchange", e->place);
    text(w, "host", c->host);
    text_or_null(w, "address", c->address);
    text_or_null(w, "link", tc_span_str(c->link));
    text_or_null(w, "version", c->version ? tc_version_name(c->version) : (tc_span){0});
    text_or_null(w, "version_why", c->choice);
    protection(w, c);
    key(w, "attempts");
    raw(w, "[");
    for (unsigned i = 0; i < c->attempt_count; i++) {
        const tc_record_attempt *a = &c->attempts[i];
        char why[96];
        raw(w, i ? ",{" : "{");
        text(w, "address", a->address);
        span_ms(w, "ms", a->begun, a->ended);
        text_or_null(w, "error",
                     a->error ? tc_span_str(strerror_r(a->error, why, sizeof why))
                     : a->err ? tc_span_str(tc_err_sentence(a->err))
                              : (tc_span){0});
        raw(w, "}");
    }
    raw(w, "]}");
}

static void phases(writer *w, const tc_record_exchange *e)
{
    const tc_record_connection *c = e->place > 1 ? NULL : e->connection;
    const int64_t sent = e->request_end ? e->request_end : e->request_head;
    key(w, "phases");
    raw(w, "{");
    key(w, "connect");
    raw(w, "{");
    span_ms(w, "lookup_ms", c ? c->begun : 0, c ? c->resolved : 0);
    span_ms(w, "connect_ms", c ? c->resolved : 0, c ? c->connected : 0);
    span_ms(w, "tls_ms", c && c->secure ? c->connected : 0, c ? c->ready : 0);
    span_ms(w, "ms", c ? c->begun : 0, c ? c->ready : 0);
    raw(w, "}");
    key(w, "request");
    raw(w, "{");
    span_ms(w, "ms", e->begun, sent);
    raw(w, "}");
    key(w, "response");
    raw(w, "{");
    span_ms(w, "first_byte_ms", e->begun, e->response_head);
    span_ms(w, "ms", e->begun, e->response_end);
    raw(w, "}");
    span_ms(w, "total_ms", c ? c->begun : e->begun, e->over);
    raw(w, "}");
}

static void url(writer *w, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    if (!m->path.len || !m->authority.len) {
        text(w, "url", e->url);
        return;
    }
    tc_buf whole;
    tc_buf_init(&whole, m->scheme.len + m->authority.len + m->path.len + 3);
    tc_err err = tc_buf_add(&whole, m->scheme);
    if (!err) err = tc_buf_add(&whole, TC_SPAN("://"));
    if (!err) err = tc_buf_add(&whole, m->authority);
    if (!err) err = tc_buf_add(&whole, m->path);
    if (err) w->err = err;
    text(w, "url", tc_buf_span(&whole));
    tc_buf_fini(&whole);
}

static void request(writer *w, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    key(w, "request");
    if (!m->path.len) { /* it did not come to one */
        raw(w, "null");
        return;
    }
    raw(w, "{");
    text(w, "method", m->method_name);
    text(w, "target", m->path);
    text(w, "version", tc_version_name(m->version));
    fields(w, "fields", &m->fields, m->authority);
    number(w, "content_bytes", e->content_out);
    number(w, "wire_bytes", e->wire_out);
    raw(w, "}");
}

static void body(writer *w, const tc_record_exchange *e)
{
    const tc_span kept = tc_buf_span(&e->body);
    const bool is_text = tc_text_is_utf8(kept);
    key(w, "body");
    raw(w, "{");
    text(w, "encoding", is_text ? TC_SPAN("text") : TC_SPAN("base64"));
    number(w, "length", e->content_in);
    boolean(w, "truncated", e->content_in > kept.len);
    key(w, "data");
    if (is_text) {
        string(w, kept);
    } else {
        raw(w, "\"");
        if (!w->err) w->err = tc_text_base64(&w->out, kept);
        raw(w, "\"");
    }
    raw(w, "}");
}

static void status(writer *w, const tc_message *m)
{
    number(w, "status", m->status);
    text(w, "reason", m->reason.at ? m->reason : tc_status_reason(m->status));
    text(w, "class", tc_status_class(m->status));
    text(w, "version", tc_version_name(m->version));
    fields(w, "fields", &m->fields, (tc_span){0});
}

static void response(writer *w, const tc_record_exchange *e)
{
    key(w, "informational");
    raw(w, "[");
    for (const tc_record_interim *i = e->interims; i; i = i->next) {
        raw(w, i == e->interims ? "{" : ",{");
        status(w, &i->head);
        raw(w, "}");
    }
    raw(w, "]");
    key(w, "response");
    if (!e->response.status) {
        raw(w, "null");
        return;
    }
    raw(w, "{");
    status(w, &e->response);
    fields(w, "trailers", &e->response.trailers, (tc_span){0});
    number(w, "wire_bytes", e->wire_in);
    boolean(w, "complete", e->response_end != 0);
    body(w, e);
    raw(w, "}");
}

static void failure(writer *w, const tc_record_exchange *e)
{
    key(w, "error");
    if (!e->err) {
        raw(w, "null");
        return;
    }
    raw(w, "{");
    text(w, "name", tc_span_str(tc_err_name(e->err)));
    text(w, "sentence", tc_span_str(tc_err_sentence(e->err)));
    text_or_null(w, "phase", tc_span_str(e->phase));
    text_or_null(w, "why", e->why);
    number(w, "exit_code", (uint64_t)tc_err_exit(e->err));
    raw(w, "}");
}

static void exchange(writer *w, const tc_record_exchange *e)
{
    raw(w, "{");
    url(w, e);
    boolean(w, "pushed", e->pushed);
    connection(w, e);
    phases(w, e);
    request(w, e);
    response(w, e);
    failure(w, e);
    raw(w, "}");
}

tc_err tc_json_write(const tc_record *r, bool secrets, tc_err (*put)(void *self, tc_span bytes),
                     void *self)
{
    writer w = {.secrets = secrets};
    tc_buf_init(&w.out, PIECE_MAX);
    if (!w.err) w.err = tc_buf_printf(&w.out, "{\"version\":%d,\"exchanges\":[", TC_JSON_VERSION);
    for (const tc_record_exchange *e = r->exchanges; e && !w.err; e = e->next) {
        exchange(&w, e);
        raw(&w, e->next ? "," : "");
        if (!w.err) w.err = put(self, tc_buf_span(&w.out));
        tc_buf_reset(&w.out);
    }
    raw(&w, r->incomplete ? "],\"incomplete\":true}\n" : "]}\n");
    if (!w.err) w.err = put(self, tc_buf_span(&w.out));
    tc_buf_fini(&w.out);
    return w.err;
}
