/* qlog.c - see qlog.h: which trace an event is for, and records into its file. */
// SPDX-License-Identifier: MIT
#include "observe/qlog.h"

#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/qlog_inside.h"

enum { BUFFER = 256 * 1024, ENOUGH = 32 * 1024 /* is written at once */, RECORD = 0x1e };

static tc_span key_of(const tc_qlog_trace *t)
{
    return tc_span_of((const char *)&t->way, sizeof t->way);
}

static tc_qlog_trace *find(const tc_qlog *q, const void *way)
{
    return tc_map_get(&q->traces, tc_span_of((const char *)&way, sizeof way));
}

void tc_qlog_hex(char *to, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = 0;
}

/* --- records ------------------------------------------------------------------------------- */

static void flush(tc_qlog *q, tc_qlog_trace *t)
{
    const tc_span all = tc_buf_span(&t->json.out);
    if (t->bytes + all.len > q->limits->qlog_bytes) {
        q->reached->qlog_bytes += !t->full;
        t->full = true;
    }
    if (!t->full && all.len) {
        t->full = q->write(q, t->file, all) != TC_OK;
        t->bytes += all.len;
    }
    tc_buf_reset(&t->json.out);
}

static void begin_record(tc_qlog_trace *t)
{
    t->mark = t->json.out.len;
    t->json.err = tc_buf_add_byte(&t->json.out, RECORD);
    tc_json_raw(&t->json, "{");
}

void tc_qlog_event(tc_qlog_trace *t, int64_t at, const char *category, const char *name)
{
    char both[64];
    (void)snprintf(both, sizeof both, "%s:%s", category, name);
    begin_record(t);
    tc_json_ms(&t->json, "time", at > t->begun ? at - t->begun : 0);
    tc_json_text(&t->json, "name", tc_span_str(both));
    tc_json_open(&t->json, "data", '{');
}

void tc_qlog_event_end(tc_qlog_trace *t)
{
    tc_json_raw(&t->json, "}}\n");
    if (t->json.err) t->json.out.len = t->mark; /* it is too long, or there is no memory */
}

/* --- traces -------------------------------------------------------------------------------- */

static void end(tc_qlog *q, tc_qlog_trace *t)
{
    flush(q, t);
    q->close(q, t->file);
    (void)tc_map_remove(&q->traces, key_of(t)); /* it is there */
    *t->at = t->next;
    if (t->next) t->next->at = t->at;
    tc_buf_fini(&t->json.out);
    tc_free(t);
}

static void head(tc_qlog_trace *t, bool server, const char *id, int64_t wall_ns)
{
    tc_json *j = &t->json;
    begin_record(t);
    tc_json_text(j, "qlog_version", TC_SPAN("0.3"));
    tc_json_text(j, "qlog_format", TC_SPAN("JSON-SEQ"));
    tc_json_text(j, "title", t->quic ? TC_SPAN("HTTP/3 over QUIC") : TC_SPAN("HTTP/2 over TCP"));
    tc_json_open(j, "trace", '{');
    tc_json_open(j, "vantage_point", '{');
    tc_json_text(j, "name", TC_SPAN("tercet " TERCET_VERSION));
    tc_json_text(j, "type", server ? TC_SPAN("server") : TC_SPAN("client"));
    tc_json_close(j, '}');
    tc_json_open(j, "common_fields", '{');
    if (t->quic) tc_json_text(j, "ODCID", tc_span_str(id));
    tc_json_key(j, "protocol_type"); /* that of TCP is qvis's */
    tc_json_raw(j, t->quic ? "[\"QUIC\",\"HTTP3\"]" : "\"TCP_HTTP2\"");
    tc_json_text(j, "time_format", TC_SPAN("relative"));
    tc_json_ms(j, "reference_time", wall_ns);
    tc_json_close(j, '}');
    tc_json_close(j, '}');
    tc_json_raw(j, "}\n");
}

/* From the time, the role and the connection; no other trace of these. */
static void *open_file(tc_qlog *q, bool server, const char *id, int64_t wall_ns)
{
    char name[TC_QLOG_NAME], when[32];
    struct tm tm;
    const time_t seconds = (time_t)(wall_ns / TC_S);
    if (!gmtime_r(&seconds, &tm) || strftime(when, sizeof when, "%Y%m%dT%H%M%S", &tm) == 0)
        return NULL;
    (void)snprintf(name, sizeof name, "%s.%03dZ-%s-%s.sqlog", when, (int)(wall_ns % TC_S / TC_MS),
                   server ? "server" : "client", id);
    return q->open(q, name);
}

static tc_qlog_trace *begin(tc_qlog *q, const void *way, bool quic, bool server, const char *id,
                            int64_t at)
{
    if (q->made >= q->limits->qlogs) {
        q->reached->qlogs++;
        return NULL;
    }
    tc_qlog_trace *t = tc_alloc_zero(sizeof *t);
    if (!t) return NULL;
    *t = (tc_qlog_trace){.way = way, .quic = quic, .secrets = q->secrets, .begun = at};
    tc_buf_init(&t->json.out, BUFFER);
    const int64_t wall_ns = q->wall_ns ? q->wall_ns() : tc_clock_wall_ns();
    t->file = open_file(q, server, id, wall_ns);
    if (!t->file || tc_map_put(&q->traces, key_of(t), t) != TC_OK) {
        if (t->file) q->close(q, t->file);
        tc_free(t);
        return NULL;
    }
    q->made++;
    t->next = q->open_traces;
    t->at = &q->open_traces;
    if (t->next) t->next->at = &t->next;
    q->open_traces = t;
    head(t, server, id, wall_ns);
    return t;
}

static tc_qlog_trace *begin_quic(tc_qlog *q, const tc_seen *what)
{
    const tc_transport *of = what->transport;
    char id[2 * TC_TRANSPORT_ID + 1];
    tc_qlog_hex(id, of->begun.id, of->begun.id_len);
    return begin(q, of->way, true, of->begun.role == TC_SERVER, id, what->at);
}

/* A session that is not QUIC's, with its first frame. */
static tc_qlog_trace *begin_tcp(tc_qlog *q, const tc_seen *what)
{
    char id[40];
    (void)snprintf(id, sizeof id, "tcp-%llu-%llu", (unsigned long long)what->session->peer_port,
                   (unsigned long long)what->session->id);
    return begin(q, what->session->way, false, what->session->role == TC_SERVER, id, what->at);
}

static void see(tc_watch *w, const tc_seen *what)
{
    tc_qlog *q = (tc_qlog *)w;
    const tc_transport *transport = what->kind == TC_SEEN_TRANSPORT ? what->transport : NULL;
    if (!transport && !what->session) return;
    tc_qlog_trace *t = find(q, transport ? transport->way : what->session->way);
    if (!t && transport && transport->kind == TC_TRANSPORT_BEGUN) t = begin_quic(q, what);
    if (!t && what->kind == TC_SEEN_FRAME && what->session->version == TC_HTTP_2)
        t = begin_tcp(q, what);
    if (!t) return;
    if (transport)
        tc_qlog_quic(t, what);
    else
        tc_qlog_http(t, what);
    if (t->ended)
        end(q, t);
    else if (t->json.out.len >= ENOUGH)
        flush(q, t);
}

void tc_qlog_init(tc_qlog *q)
{
    q->watch = (tc_watch){
        .mask = 1u << TC_SEEN_FRAME | 1u << TC_SEEN_TRANSPORT | 1u << TC_SEEN_ENDED, .see = see};
    q->open_traces = NULL;
    q->made = 0;
    tc_map_init(&q->traces, UINT32_MAX / 2, tc_hash_key_random());
}

void tc_qlog_fini(tc_qlog *q)
{
    while (q->open_traces)
        end(q, q->open_traces);
    tc_map_fini(&q->traces);
}
