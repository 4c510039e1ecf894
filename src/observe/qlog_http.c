/* qlog_http.c - frames of HTTP/3 and 2 as events: draft-ietf-quic-qlog-h3-events, and what qvis has
 * for HTTP/2 over TCP. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "http/secret.h"
#include "observe/qlog_inside.h"

enum { H2_HEAD = 9, END_STREAM = 1, ACK = 1, DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6 };

/* What qlog says to the name of a frame; NULL: what the RFC says, in small letters. */
static const struct {
    tc_span name;
    const char *h3, *h2;
} renamed[] = {
    {{"RST_STREAM", 10}, "unknown", "reset_stream"},
    {{"GOAWAY", 6}, "goaway", "go_away"},
    {{"PRIORITY", 8}, "unknown", "priority"},
    {{"PING", 4}, "unknown", "ping"},
    {{"WINDOW_UPDATE", 13}, "unknown", "window_update"},
    {{"CONTINUATION", 12}, "unknown", "continuation"},
    {{"PRIORITY_UPDATE", 15}, "unknown", "unknown"},
    {{"PRIORITY_UPDATE_PUSH", 20}, "unknown", "unknown"},
};

static void frame_type(tc_json *j, const tc_frame *f, bool quic)
{
    const tc_span name = tc_span_str(f->name);
    const char *type = f->name ? NULL : "unknown";
    char small[32];
    if (!f->name && quic && f->type >= 0x21 && (f->type - 0x21) % 0x1f == 0) type = "reserved";
    for (size_t i = 0; f->name && i < sizeof renamed / sizeof *renamed; i++)
        if (tc_span_eq(name, renamed[i].name)) type = quic ? renamed[i].h3 : renamed[i].h2;
    const bool unknown = type && tc_span_eq(tc_span_str(type), TC_SPAN("unknown"));
    for (size_t i = 0; !type && i < sizeof small && i < name.len; i++)
        small[i] = name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] | 0x20) : name.at[i];
    tc_json_text(j, "frame_type", type ? tc_span_str(type) : tc_span_of(small, name.len));
    if (unknown) tc_json_number(j, "raw_frame_type", f->type);
    if (unknown && f->name) tc_json_text(j, "name", name);
}

static void headers(tc_qlog_trace *t, tc_span lines)
{
    tc_json *j = &t->json;
    tc_json_open(j, "headers", '[');
    while (lines.len) {
        const size_t end = tc_span_find(lines, '\n');
        const tc_span line = tc_span_first(lines, end), rest = tc_span_from(line, 1);
        const size_t name_len = 1 + tc_span_find(rest, ':'); /* a name may begin with one */
        const tc_span name = tc_span_first(line, name_len);
        const bool secret = !t->secrets && tc_secret_name(name);
        tc_json_open(j, NULL, '{');
        tc_json_text(j, "name", name);
        tc_json_text(j, "value", secret ? TC_SPAN("......") : tc_span_from(line, name_len + 2));
        tc_json_close(j, '}');
        lines = tc_span_from(lines, end + 1);
    }
    tc_json_close(j, ']');
}

static void settings(tc_json *j, const tc_frame *f)
{
    tc_json_open(j, "settings", '[');
    for (uint32_t i = 0; i < f->number_count; i++) {
        const tc_frame_number *n = &f->numbers[i];
        char name[64];
        tc_buf text;
        tc_buf_init_over(&text, name, sizeof name);
        const tc_err err = n->name ? tc_buf_printf(&text, "SETTINGS_%s", n->name)
                                   : tc_buf_printf(&text, "0x%llx", (unsigned long long)n->id);
        tc_json_open(j, NULL, '{');
        tc_json_text(j, "name", err ? TC_SPAN("unknown") : tc_buf_span(&text));
        tc_json_number(j, "value", n->value);
        tc_json_close(j, '}');
    }
    tc_json_close(j, ']');
}

static void frame(tc_qlog_trace *t, const tc_frame *f)
{
    tc_json *j = &t->json;
    tc_json_open(j, "frame", '{');
    frame_type(j, f, t->quic);
    if (!t->quic) tc_json_number(j, "byte_length", f->length);
    if (!t->quic && (f->type == DATA || f->type == HEADERS))
        tc_json_boolean(j, "stream_end", f->flags & END_STREAM);
    if (!t->quic && (f->type == SETTINGS || f->type == PING))
        tc_json_boolean(j, "ack", f->flags & ACK);
    if (f->type == SETTINGS)
        settings(j, f);
    else
        for (uint32_t i = 0; i < f->number_count; i++)
            tc_json_number(j, f->numbers[i].name, f->numbers[i].value);
    if (f->fields.len || (t->quic && f->type == HEADERS)) headers(t, f->fields);
    tc_json_close(j, '}');
}

static void owner(tc_json *j, bool ours)
{
    tc_json_text(j, "owner", ours ? TC_SPAN("local") : TC_SPAN("remote"));
}

/* What SETTINGS of HTTP/3 mean. */
static void parameters(tc_qlog_trace *t, const tc_seen *what)
{
    static const struct {
        tc_span name;
        const char *parameter;
    } names[] = {{{"QPACK_MAX_TABLE_CAPACITY", 24}, "max_table_capacity"},
                 {{"MAX_FIELD_SECTION_SIZE", 22}, "max_field_section_size"},
                 {{"QPACK_BLOCKED_STREAMS", 21}, "blocked_streams_count"},
                 {{"ENABLE_CONNECT_PROTOCOL", 23}, "enable_connect_protocol"},
                 {{"DATAGRAM", 8}, "h3_datagram"}};
    tc_qlog_event(t, what->at, "http", "parameters_set");
    owner(&t->json, what->ours);
    for (uint32_t i = 0; i < what->frame->number_count; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (tc_span_eq(tc_span_str(what->frame->numbers[i].name), names[k].name))
                tc_json_number(&t->json, names[k].parameter, what->frame->numbers[i].value);
    tc_qlog_event_end(t);
}

static void stream_type(tc_qlog_trace *t, const tc_seen *what)
{
    tc_qlog_event(t, what->at, "http", "stream_type_set");
    owner(&t->json, what->ours);
    tc_json_number(&t->json, "stream_id", what->frame->sid);
    tc_json_text(&t->json, "new", tc_span_str(what->frame->pipe));
    tc_qlog_event_end(t);
}

void tc_qlog_http(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_frame *f = what->frame;
    tc_json *j = &t->json;
    if (what->kind == TC_SEEN_ENDED) {
        t->ended = !t->quic; /* QUIC's says so itself, after its last packet */
        return;
    }
    if (f->pipe) {
        stream_type(t, what);
        return;
    }
    if (t->quic && f->type == SETTINGS) parameters(t, what);
    tc_qlog_event(t, what->at, t->quic ? "http" : "http2",
                  what->ours ? "frame_created" : "frame_parsed");
    tc_json_number(j, "stream_id", f->sid);
    if (t->quic) {
        tc_json_number(j, "length", f->length);
        tc_json_number(j, "byte_length", f->length); /* where qvis looks for it */
    } else {
        tc_json_number(j, "header_length", H2_HEAD);
        tc_json_number(j, "payload_length", f->length);
    }
    frame(t, f);
    tc_qlog_event_end(t);
}
