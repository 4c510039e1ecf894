/* qlog_quic.c - a QUIC connection as events (draft-ietf-quic-qlog-quic-events). */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/clock.h"
#include "observe/qlog_inside.h"

/* Which members a frame has besides its type. */
enum member {
    STREAM_ID = 1,
    OFFSET = 2,
    LENGTH = 4,
    MAXIMUM = 8,
    LIMIT = 16,
    KIND = 32, /* of streams, by the lowest bit of the type */
    CODE = 64,
    FINAL_SIZE = 128,
    SEQUENCE = 256,
    DATA = 512
};

typedef struct frame_row {
    const char *name;
    unsigned members;
} frame_row;

static const frame_row rows[] = {
    [0x00] = {"padding", LENGTH},
    [0x01] = {"ping", 0},
    [0x02] = {"ack", 0},
    [0x03] = {"ack", 0},
    [0x04] = {"reset_stream", STREAM_ID | CODE | FINAL_SIZE},
    [0x05] = {"stop_sending", STREAM_ID | CODE},
    [0x06] = {"crypto", OFFSET | LENGTH},
    [0x07] = {"new_token", 0},
    [0x10] = {"max_data", MAXIMUM},
    [0x11] = {"max_stream_data", STREAM_ID | MAXIMUM},
    [0x12] = {"max_streams", KIND | MAXIMUM},
    [0x13] = {"max_streams", KIND | MAXIMUM},
    [0x14] = {"data_blocked", LIMIT},
    [0x15] = {"stream_data_blocked", STREAM_ID | LIMIT},
    [0x16] = {"streams_blocked", KIND | LIMIT},
    [0x17] = {"streams_blocked", KIND | LIMIT},
    [0x18] = {"new_connection_id", SEQUENCE},
    [0x19] = {"retire_connection_id", SEQUENCE},
    [0x1a] = {"path_challenge", DATA},
    [0x1b] = {"path_response", DATA},
    [0x1c] = {"connection_close", 0},
    [0x1d] = {"connection_close", 0},
    [0x1e] = {"handshake_done", 0},
    [0x30] = {"datagram", LENGTH},
    [0x31] = {"datagram", LENGTH},
};

static frame_row row_of(uint64_t type)
{
    if (type >= 0x08 && type <= 0x0f) return (frame_row){"stream", STREAM_ID | OFFSET | LENGTH};
    if (type < sizeof rows / sizeof *rows && rows[type].name) return rows[type];
    return (frame_row){"unknown", 0};
}

static void ack(tc_json *j, const tc_packet *p, const tc_packet_frame *f)
{
    static const char *const names[] = {"ect0", "ect1", "ce"};
    tc_json_ms(j, "ack_delay", (int64_t)f->delay * 1000);
    tc_json_open(j, "acked_ranges", '[');
    for (uint32_t i = f->range_count; i-- > 0;) { /* upwards */
        const uint64_t *r = p->ranges[f->range + i];
        tc_json_open(j, NULL, '[');
        if (!j->err)
            j->err = tc_buf_printf(&j->out, "%llu,%llu", (unsigned long long)r[0],
                                   (unsigned long long)r[1]);
        tc_json_close(j, ']');
    }
    tc_json_close(j, ']');
    for (int i = 0; i < 3 && f->type == 3; i++)
        tc_json_number(j, names[i], f->ecn[i]);
}

static void special(tc_json *j, const tc_packet *p, const tc_packet_frame *f)
{
    switch (f->type) {
    case 0x02:
    case 0x03: ack(j, p, f); break;
    case 0x07:
        tc_json_open(j, "token", '{');
        tc_json_open(j, "raw", '{');
        tc_json_number(j, "length", f->length);
        tc_json_close(j, '}');
        tc_json_close(j, '}');
        break;
    case 0x18:
        tc_json_number(j, "retire_prior_to", f->offset);
        tc_json_number(j, "connection_id_length", f->text.len / 2);
        tc_json_text(j, "connection_id", f->text);
        break;
    case 0x1c:
    case 0x1d:
        tc_json_text(j, "error_space",
                     f->type == 0x1d ? TC_SPAN("application") : TC_SPAN("transport"));
        tc_json_number(j, "error_code", f->code);
        tc_json_number(j, "raw_error_code", f->code);
        tc_json_text(j, "reason", f->text);
        if (f->type == 0x1c) tc_json_number(j, "trigger_frame_type", f->cause);
        break;
    default: break;
    }
}

static void frame(tc_json *j, const tc_packet *p, const tc_packet_frame *f)
{
    const frame_row row = row_of(f->type);
    const unsigned m = row.members;
    const bool unknown = tc_span_eq(tc_span_str(row.name), TC_SPAN("unknown"));
    const bool stream = f->type >= 0x08 && f->type <= 0x0f;
    tc_json_open(j, NULL, '{');
    tc_json_text(j, "frame_type", tc_span_str(row.name));
    if (unknown) tc_json_number(j, "raw_frame_type", f->type);
    if (m & STREAM_ID) tc_json_number(j, "stream_id", f->id);
    if (m & KIND)
        tc_json_text(j, "stream_type",
                     f->type & 1 ? TC_SPAN("unidirectional") : TC_SPAN("bidirectional"));
    if (m & OFFSET) tc_json_number(j, "offset", f->offset);
    if (m & LENGTH) tc_json_number(j, "length", f->length);
    if (stream && f->type & 1) tc_json_boolean(j, "fin", true);
    if (m & MAXIMUM) tc_json_number(j, "maximum", f->most);
    if (m & LIMIT) tc_json_number(j, "limit", f->most);
    if (m & CODE) tc_json_number(j, "error_code", f->code);
    if (m & FINAL_SIZE) tc_json_number(j, "final_size", f->most);
    if (m & SEQUENCE) tc_json_number(j, "sequence_number", f->id);
    if (m & DATA) tc_json_text(j, "data", f->text);
    special(j, p, f);
    tc_json_close(j, '}');
}

static void header(tc_json *j, const tc_packet *p)
{
    static const char *const types[] = {[TC_PACKET_INITIAL] = "initial",
                                        [TC_PACKET_0RTT] = "0RTT",
                                        [TC_PACKET_HANDSHAKE] = "handshake",
                                        [TC_PACKET_RETRY] = "retry",
                                        [TC_PACKET_1RTT] = "1RTT",
                                        [TC_PACKET_VERSIONS] = "version_negotiation",
                                        [TC_PACKET_RESET] = "stateless_reset",
                                        [TC_PACKET_UNKNOWN] = "unknown"};
    char version[12];
    tc_json_open(j, "header", '{');
    tc_json_text(j, "packet_type", tc_span_str(types[p->type]));
    if (p->numbered) tc_json_number(j, "packet_number", p->number);
    if (p->version) {
        (void)snprintf(version, sizeof version, "%x", (unsigned)p->version);
        tc_json_text(j, "version", tc_span_str(version));
    }
    if (p->scid.len) tc_json_number(j, "scil", p->scid.len / 2);
    if (p->scid.len) tc_json_text(j, "scid", p->scid);
    if (p->dcid.len) tc_json_number(j, "dcil", p->dcid.len / 2);
    if (p->dcid.len) tc_json_text(j, "dcid", p->dcid);
    tc_json_close(j, '}');
}

static void packet(tc_qlog_trace *t, const tc_seen *what, const char *name)
{
    tc_json *j = &t->json;
    const tc_packet *p = what->transport->packet;
    tc_qlog_event(t, what->at, "transport", name);
    header(j, p);
    tc_json_open(j, "frames", '[');
    for (uint32_t i = 0; i < p->frame_count; i++)
        frame(j, p, &p->frames[i]);
    tc_json_close(j, ']');
    if (p->cut) tc_json_boolean(j, "frames_cut", true);
    if (p->length) {
        tc_json_open(j, "raw", '{');
        tc_json_number(j, "length", p->length);
        tc_json_close(j, '}');
    }
    tc_qlog_event_end(t);
}

static void lost(tc_qlog_trace *t, const tc_seen *what)
{
    tc_qlog_event(t, what->at, "recovery", "packet_lost");
    header(&t->json, what->transport->packet);
    tc_qlog_event_end(t);
}

static void dropped(tc_qlog_trace *t, const tc_seen *what)
{
    tc_qlog_event(t, what->at, "transport", "packet_dropped");
    if (what->transport->packet) header(&t->json, what->transport->packet);
    tc_json_text(&t->json, "trigger", tc_span_str(what->transport->why));
    tc_qlog_event_end(t);
}

static void parameters(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_transport_parameters *p = what->transport->parameters;
    tc_json *j = &t->json;
    tc_qlog_event(t, what->at, "transport", "parameters_set");
    tc_json_text(j, "owner", what->transport->ours ? TC_SPAN("local") : TC_SPAN("remote"));
    tc_json_boolean(j, "disable_active_migration", p->no_migration);
    tc_json_number(j, "max_idle_timeout", (uint64_t)(p->idle_ns / TC_MS));
    tc_json_number(j, "max_udp_payload_size", p->udp_payload);
    tc_json_number(j, "ack_delay_exponent", p->ack_delay_exponent);
    tc_json_number(j, "max_ack_delay", (uint64_t)(p->ack_delay_ns / TC_MS));
    tc_json_number(j, "active_connection_id_limit", p->id_limit);
    tc_json_number(j, "initial_max_data", p->window);
    tc_json_number(j, "initial_max_stream_data_bidi_local", p->stream_window_ours);
    tc_json_number(j, "initial_max_stream_data_bidi_remote", p->stream_window_theirs);
    tc_json_number(j, "initial_max_stream_data_uni", p->stream_window_uni);
    tc_json_number(j, "initial_max_streams_bidi", p->streams);
    tc_json_number(j, "initial_max_streams_uni", p->uni_streams);
    tc_json_boolean(j, "grease_quic_bit", p->grease);
    tc_qlog_event_end(t);
}

static void metrics(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_transport_metrics *m = &what->transport->metrics;
    tc_json *j = &t->json;
    tc_qlog_event(t, what->at, "recovery", "metrics_updated");
    if (m->least_rtt_ns) {
        tc_json_ms(j, "min_rtt", m->least_rtt_ns);
        tc_json_ms(j, "smoothed_rtt", m->rtt_ns);
        tc_json_ms(j, "latest_rtt", m->latest_rtt_ns);
        tc_json_ms(j, "rtt_variance", m->deviation_ns);
    }
    tc_json_number(j, "congestion_window", m->window);
    tc_json_number(j, "bytes_in_flight", m->in_flight);
    if (m->threshold < INT64_MAX) tc_json_number(j, "ssthresh", m->threshold);
    tc_qlog_event_end(t);
}

static void keys(tc_qlog_trace *t, const tc_seen *what)
{
    char type[48];
    const tc_transport *of = what->transport;
    (void)snprintf(type, sizeof type, "%s_%s_secret",
                   of->keys.role == TC_SERVER ? "server" : "client", of->keys.level);
    tc_qlog_event(t, what->at, "security", "key_updated");
    tc_json_text(&t->json, "key_type", tc_span_str(type));
    tc_json_text(&t->json, "trigger", of->keys.updated ? TC_SPAN("remote_update") : TC_SPAN("tls"));
    tc_qlog_event_end(t);
}

static void state(tc_qlog_trace *t, int64_t at, const char *now)
{
    tc_qlog_event(t, at, "connectivity", "connection_state_updated");
    tc_json_text(&t->json, "new", tc_span_str(now));
    tc_qlog_event_end(t);
}

static void begun(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_transport *of = what->transport;
    const bool server = of->begun.role == TC_SERVER;
    const tc_span local = tc_span_str(of->begun.local), remote = tc_span_str(of->begun.remote);
    tc_json *j = &t->json;
    tc_qlog_event(t, what->at, "connectivity", "connection_started");
    const bool v6 = tc_span_find(remote, ':') < remote.len;
    tc_json_text(j, "ip_version", v6 ? TC_SPAN("v6") : TC_SPAN("v4"));
    tc_json_text(j, "src_ip", server ? remote : local);
    tc_json_text(j, "dst_ip", server ? local : remote);
    tc_json_text(j, "protocol", TC_SPAN("QUIC"));
    tc_json_number(j, "src_port", server ? of->begun.remote_port : of->begun.local_port);
    tc_json_number(j, "dst_port", server ? of->begun.local_port : of->begun.remote_port);
    tc_qlog_event_end(t);
    state(t, what->at, "attempted");
}

static void moved(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_transport *of = what->transport;
    const tc_span up = TC_SPAN("application"), down = TC_SPAN("transport");
    tc_qlog_event(t, what->at, "transport", "data_moved");
    tc_json_number(&t->json, "stream_id", of->moved.sid);
    tc_json_number(&t->json, "length", of->moved.length);
    tc_json_text(&t->json, "from", of->moved.out ? up : down);
    tc_json_text(&t->json, "to", of->moved.out ? down : up);
    tc_qlog_event_end(t);
}

static void closed(tc_qlog_trace *t, const tc_seen *what)
{
    const tc_transport *of = what->transport;
    tc_qlog_event(t, what->at, "connectivity", "connection_closed");
    tc_json_text(&t->json, "owner", of->ours ? TC_SPAN("local") : TC_SPAN("remote"));
    tc_json_number(&t->json, of->closed.application ? "application_code" : "connection_code",
                   of->closed.code);
    tc_json_text(&t->json, "trigger", tc_span_str(of->closed.trigger));
    tc_qlog_event_end(t);
    state(t, what->at, "closed");
    t->ended = true;
}

void tc_qlog_quic(tc_qlog_trace *t, const tc_seen *what)
{
    switch (what->transport->kind) {
    case TC_TRANSPORT_BEGUN: begun(t, what); break;
    case TC_TRANSPORT_PARAMETERS: parameters(t, what); break;
    case TC_TRANSPORT_SENT: packet(t, what, "packet_sent"); break;
    case TC_TRANSPORT_RECEIVED: packet(t, what, "packet_received"); break;
    case TC_TRANSPORT_DROPPED: dropped(t, what); break;
    case TC_TRANSPORT_LOST: lost(t, what); break;
    case TC_TRANSPORT_METRICS: metrics(t, what); break;
    case TC_TRANSPORT_KEYS: keys(t, what); break;
    case TC_TRANSPORT_READY: state(t, what->at, "handshake_complete"); break;
    case TC_TRANSPORT_MOVED: moved(t, what); break;
    case TC_TRANSPORT_CLOSED: closed(t, what); break;
    }
}
