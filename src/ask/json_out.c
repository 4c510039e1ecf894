/* json_out.c - see json_out.h. Values that are no UTF-8 have U+FFFD for what cannot be said in
 * JSON; a body like that is base64. */
// SPDX-License-Identifier: MIT
#include "ask/json_out.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "http/secret.h"

enum { PIECE_MAX = 16 * TC_JSON_BODY }; /* an exchange; its fields have limits of their own */

typedef struct writer {
    tc_json json;
    bool secrets;
} writer;

static void text_or_null(writer *w, const char *name, tc_span value)
{
    tc_json_key(&w->json, name);
    if (value.len)
        tc_json_string(&w->json, value);
    else
        tc_json_raw(&w->json, "null");
}

/* Milliseconds between two times; null where one of them never was. */
static void span_ms(writer *w, const char *name, int64_t from, int64_t to)
{
    tc_json_key(&w->json, name);
    if (w->json.err) return;
    if (from && to && to >= from)
        w->json.err = tc_buf_printf(&w->json.out, "%.3f", (double)(to - from) / (double)TC_MS);
    else
        tc_json_raw(&w->json, "null");
}

static void field(writer *w, tc_span name, tc_span value, bool *first)
{
    if (!*first) tc_json_raw(&w->json, ",");
    *first = false;
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "name", name);
    tc_json_text(&w->json, "value",
                 !w->secrets && tc_secret_name(name) ? TC_SPAN("......") : value);
    tc_json_raw(&w->json, "}");
}

static void fields(writer *w, const char *name, const tc_fields *list, tc_span host)
{
    bool first = true;
    tc_json_key(&w->json, name);
    tc_json_raw(&w->json, "[");
    if (host.len) field(w, TC_SPAN("host"), host, &first);
    for (uint32_t i = 0; i < list->count; i++)
        field(w, list->at[i].name, list->at[i].value, &first);
    tc_json_raw(&w->json, "]");
}

/* --- parts of an exchange ------------------------------------------------------------------ */

/* p: NULL for none. */
static void protection(writer *w, const tc_protection *p)
{
    tc_json_key(&w->json, "tls");
    if (!p) {
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "version", tc_span_str(p->version));
    tc_json_text(&w->json, "cipher", tc_span_str(p->cipher));
    text_or_null(w, "group", tc_span_str(p->group));
    text_or_null(w, "protocol", tc_span_str(p->protocol));
    tc_json_boolean(&w->json, "resumed", p->resumed);
    tc_json_boolean(&w->json, "verified", !p->unverified);
    text_or_null(w, "early_data",
                 p->early == TC_EARLY_TAKEN     ? TC_SPAN("accepted")
                 : p->early == TC_EARLY_REFUSED ? TC_SPAN("rejected")
                                                : (tc_span){0});
    tc_json_raw(&w->json, "}");
}

static void proxy(writer *w, const tc_record_connection *c)
{
    tc_json_key(&w->json, "proxy");
    if (!c->proxy.len) {
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "name", c->proxy);
    protection(w, c->proxy_protected ? &c->proxy_protection : NULL);
    text_or_null(w, "tunnel", c->tunnel);
    tc_json_key(&w->json, "status");
    if (!w->json.err && c->tunnel_status)
        w->json.err = tc_buf_printf(&w->json.out, "%u", c->tunnel_status);
    else
        tc_json_raw(&w->json, "null");
    tc_json_raw(&w->json, "}");
}

static void connection(writer *w, const tc_record_exchange *e)
{
    const tc_record_connection *c = e->connection;
    tc_json_key(&w->json, "connection");
    if (!c) {
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    tc_json_number(&w->json, "number", c->number);
    tc_json_boolean(&w->json, "reused", e->place > 1);
    tc_json_number(&w->json, "exchange", e->place);
    tc_json_text(&w->json, "host", c->host);
    text_or_null(w, "address", c->address);
    text_or_null(w, "link", tc_span_str(c->link));
    proxy(w, c);
    text_or_null(w, "version", c->version ? tc_version_name(c->version) : (tc_span){0});
    text_or_null(w, "version_why", c->choice);
    protection(w, c->secure ? &c->protection : NULL);
    tc_json_key(&w->json, "attempts");
    tc_json_raw(&w->json, "[");
    for (unsigned i = 0; i < c->attempt_count; i++) {
        const tc_record_attempt *a = &c->attempts[i];
        char why[96];
        tc_json_raw(&w->json, i ? ",{" : "{");
        tc_json_text(&w->json, "address", a->address);
        tc_json_text(&w->json, "link", a->quic ? TC_SPAN("quic") : TC_SPAN("tcp"));
        span_ms(w, "ms", a->begun, a->ended);
        text_or_null(w, "error",
                     a->error ? tc_span_str(strerror_r(a->error, why, sizeof why))
                     : a->err ? tc_span_str(tc_err_sentence(a->err))
                              : (tc_span){0});
        tc_json_raw(&w->json, "}");
    }
    tc_json_raw(&w->json, "]}");
}

static void phases(writer *w, const tc_record_exchange *e)
{
    const tc_record_connection *c = e->place > 1 ? NULL : e->connection;
    const int64_t sent = e->request_end ? e->request_end : e->request_head;
    tc_json_key(&w->json, "phases");
    tc_json_raw(&w->json, "{");
    tc_json_key(&w->json, "connect");
    tc_json_raw(&w->json, "{");
    span_ms(w, "lookup_ms", c ? c->begun : 0, c ? c->resolved : 0);
    span_ms(w, "connect_ms", c ? c->resolved : 0, c ? c->connected : 0);
    const int64_t spoken = !c ? 0 : c->proxy_protected ? c->proxy_protected : c->connected;
    const int64_t stands = c && c->tunneled ? c->tunneled : spoken;
    span_ms(w, "proxy_tls_ms", c && c->proxy_protected ? c->connected : 0, spoken);
    span_ms(w, "tunnel_ms", c && c->tunneled ? spoken : 0, stands);
    span_ms(w, "tls_ms", c && c->secure ? stands : 0, c ? c->ready : 0);
    span_ms(w, "before_ms", c && c->since < c->begun ? c->since : 0, c ? c->begun : 0);
    span_ms(w, "ms", c ? c->since : 0, c ? c->ready : 0);
    tc_json_raw(&w->json, "}");
    tc_json_key(&w->json, "request");
    tc_json_raw(&w->json, "{");
    span_ms(w, "ms", e->begun, sent);
    tc_json_raw(&w->json, "}");
    tc_json_key(&w->json, "response");
    tc_json_raw(&w->json, "{");
    span_ms(w, "first_byte_ms", e->begun, e->response_head);
    span_ms(w, "ms", e->begun, e->response_end);
    tc_json_raw(&w->json, "}");
    span_ms(w, "total_ms", c ? c->since : e->begun, e->over);
    tc_json_raw(&w->json, "}");
}

static void url(writer *w, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    if (!m->path.len || !m->authority.len) {
        tc_json_text(&w->json, "url", e->url);
        return;
    }
    tc_buf whole;
    tc_buf_init(&whole, m->scheme.len + m->authority.len + m->path.len + 3);
    tc_err err = tc_buf_add(&whole, m->scheme);
    if (!err) err = tc_buf_add(&whole, TC_SPAN("://"));
    if (!err) err = tc_buf_add(&whole, m->authority);
    if (!err && m->path.at[0] == '/') err = tc_buf_add(&whole, m->path); /* not "*" */
    if (err) w->json.err = err;
    tc_json_text(&w->json, "url", tc_buf_span(&whole));
    tc_buf_fini(&whole);
}

static void request(writer *w, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    tc_json_key(&w->json, "request");
    if (!m->path.len) { /* it did not come to one */
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "method", m->method_name);
    tc_json_text(&w->json, "target", m->target.len ? m->target : m->path);
    tc_json_text(&w->json, "version", tc_version_name(m->version));
    fields(w, "fields", &m->fields, m->authority);
    tc_json_number(&w->json, "content_bytes", e->content_out);
    tc_json_number(&w->json, "wire_bytes", e->wire_out);
    tc_json_raw(&w->json, "}");
}

static void body(writer *w, const tc_record_exchange *e)
{
    const tc_span kept = tc_buf_span(&e->body);
    const bool is_text = tc_text_is_utf8(kept);
    tc_json_key(&w->json, "body");
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "encoding", is_text ? TC_SPAN("text") : TC_SPAN("base64"));
    tc_json_number(&w->json, "length", e->content_in);
    tc_json_boolean(&w->json, "truncated", e->content_in > kept.len);
    tc_json_key(&w->json, "data");
    if (is_text) {
        tc_json_string(&w->json, kept);
    } else {
        tc_json_raw(&w->json, "\"");
        if (!w->json.err) w->json.err = tc_text_base64(&w->json.out, kept);
        tc_json_raw(&w->json, "\"");
    }
    tc_json_raw(&w->json, "}");
}

static void status(writer *w, const tc_message *m)
{
    if (m->version == TC_HTTP_0_9) { /* there is no such thing */
        tc_json_key(&w->json, "status");
        tc_json_raw(&w->json, "null");
        text_or_null(w, "reason", (tc_span){0});
        text_or_null(w, "class", (tc_span){0});
    } else {
        tc_json_number(&w->json, "status", m->status);
        tc_json_text(&w->json, "reason", m->reason.at ? m->reason : tc_status_reason(m->status));
        tc_json_text(&w->json, "class", tc_status_class(m->status));
    }
    tc_json_text(&w->json, "version", tc_version_name(m->version));
    fields(w, "fields", &m->fields, (tc_span){0});
}

static void response(writer *w, const tc_record_exchange *e)
{
    tc_json_key(&w->json, "informational");
    tc_json_raw(&w->json, "[");
    for (const tc_record_interim *i = e->interims; i; i = i->next) {
        tc_json_raw(&w->json, i == e->interims ? "{" : ",{");
        status(w, &i->head);
        tc_json_raw(&w->json, "}");
    }
    tc_json_raw(&w->json, "]");
    tc_json_key(&w->json, "response");
    if (!e->response.status) {
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    status(w, &e->response);
    fields(w, "trailers", &e->response.trailers, (tc_span){0});
    tc_json_number(&w->json, "wire_bytes", e->wire_in);
    tc_json_boolean(&w->json, "complete", e->response_end != 0);
    body(w, e);
    tc_json_raw(&w->json, "}");
}

static void failure(writer *w, const tc_record_exchange *e)
{
    tc_json_key(&w->json, "error");
    if (!e->err) {
        tc_json_raw(&w->json, "null");
        return;
    }
    tc_json_raw(&w->json, "{");
    tc_json_text(&w->json, "name", tc_span_str(tc_err_name(e->err)));
    tc_json_text(&w->json, "sentence", tc_span_str(tc_err_sentence(e->err)));
    text_or_null(w, "phase", tc_span_str(e->phase));
    text_or_null(w, "why", e->why);
    tc_json_number(&w->json, "exit_code", (uint64_t)tc_err_exit(e->err));
    tc_json_raw(&w->json, "}");
}

static void exchange(writer *w, const tc_record_exchange *e)
{
    tc_json_raw(&w->json, "{");
    url(w, e);
    tc_json_boolean(&w->json, "pushed", e->pushed);
    connection(w, e);
    phases(w, e);
    request(w, e);
    response(w, e);
    failure(w, e);
    tc_json_raw(&w->json, "}");
}

tc_err tc_json_write(const tc_record *r, bool secrets, tc_err (*put)(void *self, tc_span bytes),
                     void *self)
{
    writer w = {.secrets = secrets};
    tc_buf_init(&w.json.out, PIECE_MAX);
    if (!w.json.err)
        w.json.err = tc_buf_printf(&w.json.out, "{\"version\":%d,\"exchanges\":[", TC_JSON_VERSION);
    for (const tc_record_exchange *e = r->exchanges; e && !w.json.err; e = e->next) {
        exchange(&w, e);
        tc_json_raw(&w.json, e->next ? "," : "");
        if (!w.json.err) w.json.err = put(self, tc_buf_span(&w.json.out));
        tc_buf_reset(&w.json.out);
    }
    tc_json_raw(&w.json, r->incomplete ? "],\"incomplete\":true}\n" : "]}\n");
    if (!w.json.err) w.json.err = put(self, tc_buf_span(&w.json.out));
    tc_buf_fini(&w.json.out);
    return w.json.err;
}
