/* quic_log.c - a connection for those who look on. The library tells of packets only by lines of
 * text (quic_lines.h); a packet is shown when all its frames are known, and its length: that of
 * one that is sent from the bytes, since another may stand behind it in the same datagram. */
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"
#include "quic/quic_lines.h"

typedef struct tc_quic_log {
    tc_quic_lines lines;
    tc_transport_metrics last;
    const uint8_t *written;  /* the datagram that is written; NULL: none is */
    const uint8_t *datagram; /* where its next packet goes */
    size_t room;             /* for it */
    size_t taken;            /* bytes of the packets of a datagram that is read */
} tc_quic_log;

static void show(tc_link_quic *l, tc_transport *what)
{
    what->way = &l->link;
    tc_show(l->home->config.watch, &(tc_seen){.kind = TC_SEEN_TRANSPORT,
                                              .at = tc_loop_now(l->home->config.loop),
                                              .transport = what});
}

void tc_quic_log_new(tc_link_quic *l)
{
    if (tc_watched(l->home->config.watch, TC_SEEN_TRANSPORT))
        l->log = tc_alloc_zero(sizeof *l->log);
}

void tc_quic_log_free(tc_link_quic *l)
{
    tc_free(l->log);
    l->log = NULL;
}

/* --- packets ------------------------------------------------------------------------------- */

/* The packet that is open is whole. */
static void finish(tc_link_quic *l, size_t length)
{
    tc_quic_lines *lines = &l->log->lines;
    if (!lines->open) return;
    lines->open = false;
    lines->packet.length = length;
    show(l, &(tc_transport){.kind = lines->sent ? TC_TRANSPORT_SENT : TC_TRANSPORT_RECEIVED,
                            .packet = &lines->packet});
}

/* One of ours that another follows in the same datagram says how long it is. */
static void finish_sent(tc_link_quic *l)
{
    tc_quic_log *log = l->log;
    ngtcp2_pkt_hd hd;
    size_t length = 0;
    if (log->datagram) {
        const ngtcp2_ssize n = ngtcp2_pkt_decode_hd_long(&hd, log->datagram, log->room);
        if (n > 0 && hd.len <= log->room - (size_t)n) length = (size_t)n + hd.len;
        log->datagram += length;
        log->room -= length;
    }
    finish(l, length);
}

/* What came is not taken. Its number may be anything: nobody vouched for it. */
static void drop(tc_link_quic *l, const char *why)
{
    tc_quic_lines *lines = &l->log->lines;
    const bool known = lines->open && !lines->sent;
    if (known) lines->open = lines->packet.numbered = false;
    show(l, &(tc_transport){
                .kind = TC_TRANSPORT_DROPPED, .packet = known ? &lines->packet : NULL, .why = why});
}

static void on_line(tc_link_quic *l, tc_span line)
{
    tc_quic_lines *lines = &l->log->lines;
    const tc_quic_said said = tc_quic_lines_read(lines, line);
    tc_packet lost = {.type = said.type, .number = said.number, .numbered = true};
    switch (said.kind) {
    case TC_LINE_PACKET:
        if (lines->open && lines->sent)
            finish_sent(l);
        else
            finish(l, 0);
        tc_quic_lines_open(lines, line);
        break;
    case TC_LINE_READ:
        l->log->taken += (size_t)said.number;
        if (!lines->sent) finish(l, (size_t)said.number);
        break;
    case TC_LINE_CANCEL: lines->open = false; break;
    case TC_LINE_LOST: show(l, &(tc_transport){.kind = TC_TRANSPORT_LOST, .packet = &lost}); break;
    case TC_LINE_DROPPED: drop(l, said.why); break;
    case TC_LINE_KEYS:
        show(l, &(tc_transport){.kind = TC_TRANSPORT_KEYS,
                                .keys = {.level = "1rtt", .updated = true, .role = TC_CLIENT}});
        show(l, &(tc_transport){.kind = TC_TRANSPORT_KEYS,
                                .keys = {.level = "1rtt", .updated = true, .role = TC_SERVER}});
        break;
    case TC_LINE_FRAME:
    case TC_LINE_NOTHING: break;
    }
}

static void on_log(void *user, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void on_log(void *user, const char *format, ...)
{
    tc_link_quic *l = user;
    char line[TC_QUIC_LINE_BYTES];
    va_list args;
    if (!l->log) return;
    va_start(args, format);
    const int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0) on_line(l, tc_span_of(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1));
}

void tc_quic_log_read(tc_link_quic *l, size_t len)
{
    tc_quic_log *log = l->log;
    finish(l, len > log->taken ? len - log->taken : 0); /* a last one, of which no more is said */
    log->taken = 0;
    tc_quic_log_metrics(l);
}

void tc_quic_log_writes(tc_link_quic *l, const void *at, size_t room)
{
    l->log->room = room;
    l->log->datagram = at;
    l->log->written = at;
}

void tc_quic_log_wrote(tc_link_quic *l, ngtcp2_ssize n)
{
    tc_quic_log *log = l->log;
    const size_t before = (size_t)(log->datagram - log->written);
    if (n > 0 && (size_t)n > before)
        finish(l, (size_t)n - before);
    else
        log->lines.open = false; /* it was not sent after all */
    log->datagram = log->written = NULL;
}

/* --- keys ---------------------------------------------------------------------------------- */

void tc_quic_log_keys(tc_link_quic *l, ngtcp2_encryption_level level, bool sending)
{
    static const char *const names[] = {[NGTCP2_ENCRYPTION_LEVEL_INITIAL] = "initial",
                                        [NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE] = "handshake",
                                        [NGTCP2_ENCRYPTION_LEVEL_1RTT] = "1rtt",
                                        [NGTCP2_ENCRYPTION_LEVEL_0RTT] = "0rtt"};
    const bool servers = sending == l->home->server;
    show(l,
         &(tc_transport){.kind = TC_TRANSPORT_KEYS,
                         .keys = {.level = names[level], .role = servers ? TC_SERVER : TC_CLIENT}});
}

/* Never qlog_write: that of this library can be made to overflow. */
void tc_quic_log_settings(ngtcp2_settings *s)
{
    s->log_printf = on_log;
}

/* --- the connection ------------------------------------------------------------------------ */

static void address(const ngtcp2_addr *a, char text[56], uint16_t *port)
{
    const bool v6 = a->addr->sa_family == AF_INET6;
    const struct sockaddr_in *v4_at = (const void *)a->addr;
    const struct sockaddr_in6 *v6_at = (const void *)a->addr;
    *port = ntohs(v6 ? v6_at->sin6_port : v4_at->sin_port);
    const void *at = v6 ? (const void *)&v6_at->sin6_addr : &v4_at->sin_addr;
    if (!inet_ntop(v6 ? AF_INET6 : AF_INET, at, text, 56)) text[0] = 0;
}

void tc_quic_log_begun(tc_link_quic *l, const ngtcp2_path *path)
{
    tc_transport t = {.kind = TC_TRANSPORT_BEGUN,
                      .begun.role = l->home->server ? TC_SERVER : TC_CLIENT};
    const ngtcp2_cid *first = ngtcp2_conn_get_client_initial_dcid(l->conn);
    if (l->home->server) first = &ngtcp2_conn_get_local_transport_params(l->conn)->original_dcid;
    t.begun.id_len = (uint8_t)first->datalen;
    memcpy(t.begun.id, first->data, first->datalen);
    address(&path->local, t.begun.local, &t.begun.local_port);
    address(&path->remote, t.begun.remote, &t.begun.remote_port);
    show(l, &t);
}

static void parameters(tc_link_quic *l, const ngtcp2_transport_params *p, bool ours)
{
    const tc_transport_parameters said = {
        .stream_window_ours = p->initial_max_stream_data_bidi_local,
        .stream_window_theirs = p->initial_max_stream_data_bidi_remote,
        .stream_window_uni = p->initial_max_stream_data_uni,
        .window = p->initial_max_data,
        .streams = p->initial_max_streams_bidi,
        .uni_streams = p->initial_max_streams_uni,
        .udp_payload = p->max_udp_payload_size,
        .ack_delay_exponent = p->ack_delay_exponent,
        .id_limit = p->active_connection_id_limit,
        .idle_ns = (int64_t)p->max_idle_timeout,
        .ack_delay_ns = (int64_t)p->max_ack_delay,
        .no_migration = p->disable_active_migration,
        .grease = p->grease_quic_bit};
    show(l, &(tc_transport){.kind = TC_TRANSPORT_PARAMETERS, .ours = ours, .parameters = &said});
}

void tc_quic_log_ready(tc_link_quic *l)
{
    const ngtcp2_transport_params *theirs = ngtcp2_conn_get_remote_transport_params(l->conn);
    parameters(l, ngtcp2_conn_get_local_transport_params(l->conn), true);
    if (theirs) parameters(l, theirs, false);
    show(l, &(tc_transport){.kind = TC_TRANSPORT_READY});
}

void tc_quic_log_metrics(tc_link_quic *l)
{
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(l->conn, &info);
    const bool measured = info.min_rtt < UINT64_MAX / 2;
    tc_transport t = {.kind = TC_TRANSPORT_METRICS,
                      .metrics = {.least_rtt_ns = measured ? (int64_t)info.min_rtt : 0,
                                  .rtt_ns = measured ? (int64_t)info.smoothed_rtt : 0,
                                  .latest_rtt_ns = measured ? (int64_t)info.latest_rtt : 0,
                                  .deviation_ns = measured ? (int64_t)info.rttvar : 0,
                                  .window = info.cwnd,
                                  .in_flight = info.bytes_in_flight,
                                  .threshold = info.ssthresh}};
    if (memcmp(&t.metrics, &l->log->last, sizeof t.metrics) == 0) return;
    l->log->last = t.metrics;
    show(l, &t);
}

void tc_quic_log_moved(tc_link_quic *l, uint64_t sid, size_t n, bool out)
{
    show(l, &(tc_transport){.kind = TC_TRANSPORT_MOVED, .moved = {sid, n, out}});
}

static const char *trigger_of(const tc_link_quic *l)
{
    switch (l->liberr) {
    case 0: return l->failed == TC_ERR_PEER_RESET ? "stateless_reset" : "clean";
    case NGTCP2_ERR_IDLE_CLOSE: return "idle_timeout";
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: return "handshake_timeout";
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
    case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE: return "version_mismatch";
    default: return "error";
    }
}

void tc_quic_log_closed(tc_link_quic *l)
{
    const bool theirs = l->liberr == NGTCP2_ERR_DRAINING;
    const ngtcp2_ccerr *said = ngtcp2_conn_get_ccerr(l->conn);
    tc_transport t = {.kind = TC_TRANSPORT_CLOSED, .ours = !theirs};
    if (theirs) {
        t.closed.application = said->type == NGTCP2_CCERR_TYPE_APPLICATION;
        t.closed.code = said->error_code;
    } else if (l->liberr == 0) {
        t.closed.application = true;
        t.closed.code = l->code;
    } else {
        t.closed.code = l->liberr == NGTCP2_ERR_CRYPTO
                            ? 0x100u + ngtcp2_conn_get_tls_alert(l->conn)
                            : ngtcp2_err_infer_quic_transport_error_code(l->liberr);
    }
    t.closed.trigger = theirs ? (t.closed.application ? "application" : "error") : trigger_of(l);
    show(l, &t);
}
