/* quic_conn.c - one connection: how it begins, what the library tells of it, and how it ends.
 *
 * What the library calls must not call it back: it only writes down. From here it is told of
 * failures by one code alone, since others are assertions of its own. */
// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

enum {
    FAILED = NGTCP2_ERR_CALLBACK_FAILURE,
    LEAST_UDP = 1200,
    QUIC_TOKEN = 512, /* bytes of one that a client keeps; common ones have 50 to 150 */
    /* Of silence before a client says that it is there: a NAT on the way may have forgotten it, or
     * given it another port, to which the server sends nothing before it was heard from there. */
    KEEP_ALIVE_S = 15,
};

static int done(tc_err err)
{
    return err ? FAILED : 0;
}

/* --- what the library tells ---------------------------------------------------------------- */

static void on_rand(uint8_t *into, size_t len, const ngtcp2_rand_ctx *context)
{
    (void)context;
    (void)tc_quic_random(into, len); /* for greasing and probes: nothing rests on it */
}

static int on_new_id(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    (void)len; /* that of the first one: QUIC_ID */
    tc_err err = tc_quic_id_new(l->home, cid, l->home->server ? token : NULL);
    if (!err && !l->home->server && !tc_quic_random(token, NGTCP2_STATELESS_RESET_TOKENLEN))
        err = TC_ERR_SYSTEM;
    if (!err) err = tc_quic_id_add(l->home, l, cid);
    return done(err);
}

static int on_remove_id(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    tc_quic_id_remove(l->home, l, cid);
    return 0;
}

static void now_validated(tc_link_quic *l)
{
    if (l->validated) return;
    l->validated = true;
    l->home->unvalidated--;
}

/* For the next connection, so that its address need not be proved again (RFC 9000, 8.1.3). */
static void give_token(tc_link_quic *l)
{
    tc_quic *q = l->home;
    uint8_t token[NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN];
    const ngtcp2_path *path = ngtcp2_conn_get_path(l->conn);
    const ngtcp2_ssize len = ngtcp2_crypto_generate_regular_token(
        token, q->token_secret, sizeof q->token_secret, path->remote.addr, path->remote.addrlen,
        tc_quic_now(q));
    if (len > 0) (void)ngtcp2_conn_submit_new_token(l->conn, token, (size_t)len); /* or without */
}

/* The library and TLS would keep a message of 16 MB, before it is known who says it. After its
 * Finished a client has nothing more to say to TLS (RFC 9001, 4.4 and 6). */
static int on_crypto(ngtcp2_conn *conn, ngtcp2_encryption_level level, uint64_t offset,
                     const uint8_t *at, size_t len, void *user)
{
    tc_link_quic *l = user;
    const tc_quic_config *c = &l->home->config;
    if (!ngtcp2_conn_get_handshake_completed(conn) && offset + len > c->limits->quic_handshake) {
        c->reached->quic_handshake++;
        l->hello_too_long = true;
        return FAILED;
    }
    if (l->side.session)
        return ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, at, len, user);
    ngtcp2_conn_set_tls_alert(conn, GNUTLS_A_UNEXPECTED_MESSAGE);
    return NGTCP2_ERR_CRYPTO;
}

static int on_handshake(ngtcp2_conn *conn, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    tc_err err = tc_quic_tls_done(l);
    if (!err) err = tc_quic_early_over(l);
    if (err) {
        l->failed = err;
        l->refused = true;
        return FAILED;
    }
    l->opening = false;
    if (l->log) tc_quic_log_ready(l);
    if (!l->home->server) return 0;
    now_validated(l);
    give_token(l);
    return 0;
}

/* The client's first bytes can be read: they are early data that is accepted. */
static int on_read_key(ngtcp2_conn *conn, ngtcp2_encryption_level level, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    if (l->log) tc_quic_log_keys(l, level, false);
    if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT) l->early = true;
    return 0;
}

/* ... and can be answered. */
static int on_write_key(ngtcp2_conn *conn, ngtcp2_encryption_level level, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    const bool answers = l->home->server && l->early;
    if (l->log) tc_quic_log_keys(l, level, true);
    if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT && answers) l->opening = false;
    return 0;
}

static int on_bytes(ngtcp2_conn *conn, uint32_t flags, int64_t sid, uint64_t offset,
                    const uint8_t *at, size_t len, void *user, void *stream)
{
    tc_quic_stream *s = stream;
    (void)conn;
    (void)sid;
    (void)offset;
    if (!s) return 0;
    return done(tc_quic_stream_came(user, s, at, len, flags & NGTCP2_STREAM_DATA_FLAG_FIN));
}

static int on_open(ngtcp2_conn *conn, int64_t sid, void *user)
{
    tc_quic_stream *s = tc_quic_stream_new(user, (uint64_t)sid);
    return s && ngtcp2_conn_set_stream_user_data(conn, sid, s) == 0 ? 0 : FAILED;
}

static int on_close(ngtcp2_conn *conn, uint32_t flags, int64_t sid, uint64_t code, void *user,
                    void *stream)
{
    tc_link_quic *l = user;
    tc_quic_stream *s = stream;
    (void)conn;
    (void)flags;
    (void)sid;
    if (!s) return 0;
    s->gone = true;
    if (!s->out_done && !s->fin_sent) tc_quic_stream_stopped(l, s, code);
    tc_quic_stream_drop_out(l, s);
    tc_quic_stream_tidy(l, s);
    return 0;
}

static int on_reset(ngtcp2_conn *conn, int64_t sid, uint64_t size, uint64_t code, void *user,
                    void *stream)
{
    tc_quic_stream *s = stream;
    (void)conn;
    (void)sid;
    (void)size;
    if (!s) return 0;
    s->reset_code = code;
    tc_quic_stream_news(user, s, NEWS_RESET);
    return 0;
}

static int on_acked(ngtcp2_conn *conn, int64_t sid, uint64_t offset, uint64_t len, void *user,
                    void *stream)
{
    (void)conn;
    (void)sid;
    if (stream) tc_quic_stream_acked(user, stream, offset + len);
    return 0;
}

static int on_stream_room(ngtcp2_conn *conn, int64_t sid, uint64_t most, void *user, void *stream)
{
    tc_quic_stream *s = stream;
    (void)conn;
    (void)sid;
    (void)most;
    if (s && s->wants_room) tc_quic_stream_news(user, s, NEWS_ROOM);
    return 0;
}

static int on_more_streams(ngtcp2_conn *conn, uint64_t most, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    (void)most;
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        for (tc_quic_stream *s = l->streams[i]; s; s = s->next)
            if (s->unopened) tc_quic_stream_news(l, s, NEWS_ROOM);
    return 0;
}

static int on_their_reset(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *reset, void *user)
{
    tc_link_quic *l = user;
    (void)conn;
    (void)reset;
    if (!l->failed) l->failed = TC_ERR_PEER_RESET;
    l->silent = true;
    return 0;
}

/* The last one is for the next time (RFC 9000, 8.1.3); what is too long is not kept. */
static int on_their_token(ngtcp2_conn *conn, const uint8_t *token, size_t len, void *user)
{
    tc_link_quic *l = user;
    char *kept = len <= QUIC_TOKEN ? tc_alloc(len) : NULL;
    (void)conn;
    if (!kept) return 0;
    memcpy(kept, token, len);
    tc_free((void *)(uintptr_t)l->token.at);
    l->token = tc_span_of(kept, len);
    return 0;
}

tc_span tc_quic_token(const tc_link_quic *l)
{
    return l->token;
}

static void fill_callbacks(ngtcp2_callbacks *c, bool server)
{
    *c = (ngtcp2_callbacks){
        .recv_crypto_data = on_crypto,
        .handshake_completed = on_handshake,
        .encrypt = ngtcp2_crypto_encrypt_cb,
        .decrypt = ngtcp2_crypto_decrypt_cb,
        .hp_mask = ngtcp2_crypto_hp_mask_cb,
        .recv_stream_data = on_bytes,
        .acked_stream_data_offset = on_acked,
        .stream_open = on_open,
        .stream_close = on_close,
        .rand = on_rand,
        .get_new_connection_id = on_new_id,
        .remove_connection_id = on_remove_id,
        .update_key = ngtcp2_crypto_update_key_cb,
        .stream_reset = on_reset,
        .extend_max_stream_data = on_stream_room,
        .recv_stateless_reset = on_their_reset,
        .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
        .recv_rx_key = on_read_key,
        .recv_tx_key = on_write_key,
    };
    if (server) {
        c->recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    } else {
        c->client_initial = ngtcp2_crypto_client_initial_cb;
        c->recv_retry = ngtcp2_crypto_recv_retry_cb;
        c->recv_new_token = on_their_token;
        c->extend_max_local_streams_bidi = on_more_streams;
    }
}

/* --- beginning ----------------------------------------------------------------------------- */

static const uint32_t versions[] = {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2};

/* What is tried as the size of a packet, in this order (RFC 9000, 14.3). The interface that leads
 * back into the machine carries much more than a network, and nothing on that way carries less. */
static const uint16_t sizes[] = {QUIC_INSIDE, QUIC_CLIENT, QUIC_PACKET,
                                 1454 - 48,   1390 - 48,   1280 - 48};

static void fill_sizes(tc_link_quic *l, const tc_address *local, ngtcp2_settings *s)
{
    l->inside = tc_address_is_inside(local, &l->peer);
    const size_t first = !l->inside ? 2 : !l->home->server;
    l->packet_most = sizes[first];
    s->max_tx_udp_payload_size = l->packet_most;
    s->pmtud_probes = sizes + first;
    s->pmtud_probeslen = sizeof sizes / sizeof *sizes - first;
}

static void fill(const tc_quic *q, ngtcp2_settings *s, ngtcp2_transport_params *p)
{
    const tc_quic_config *c = &q->config;
    ngtcp2_settings_default(s);
    s->initial_ts = tc_quic_now(q);
    s->cc_algo = NGTCP2_CC_ALGO_CUBIC;
    s->handshake_timeout = c->limits->handshake_ms * NGTCP2_MILLISECONDS;
    s->preferred_versions = s->available_versions = versions;
    s->preferred_versionslen = s->available_versionslen = sizeof versions / sizeof *versions;
    ngtcp2_transport_params_default(p);
    p->initial_max_stream_data_bidi_local = c->stream_window;
    p->initial_max_stream_data_bidi_remote = c->stream_window;
    p->initial_max_stream_data_uni = c->stream_window;
    p->initial_max_data = c->window;
    p->initial_max_streams_bidi = q->server ? c->streams : 0;
    p->initial_max_streams_uni = c->uni_streams;
    p->max_idle_timeout = (ngtcp2_duration)c->idle_ns;
    p->active_connection_id_limit = 4;
    p->grease_quic_bit = 1;
}

static tc_err start(tc_quic *q, tc_link_quic *l, const tc_address *peer)
{
    memset(l, 0, sizeof *l);
    l->link.type = &tc_link_quic_type;
    l->home = q;
    l->peer = *peer;
    l->code = 0x100; /* H3_NO_ERROR: what an application that says nothing means */
    l->opening = true;
    l->alarm.ring = tc_quic_conn_ring;
    l->alarm.timer.deadline = TC_NEVER;
    l->news_end = &l->news;
    l->out_end = &l->out;
    l->fresh_end = &l->fresh;
    tc_quic_log_new(l);
    l->memory = tc_quic_memory_new(q);
    return l->memory ? TC_OK : TC_ERR_NO_MEMORY;
}

/* What was begun and did not succeed. */
static tc_err undo(tc_link_quic *l, tc_err err)
{
    tc_quic *q = l->home;
    tc_quic_ids_free(q, l->ids);
    l->ids = NULL;
    if (l->conn) ngtcp2_conn_del(l->conn);
    tc_free(l->memory);
    tc_tls_side_forget(&l->side, true);
    if (l->side.session) gnutls_deinit(l->side.session);
    tc_quic_log_free(l);
    l->conn = NULL;
    l->side.session = NULL;
    return err;
}

static ngtcp2_path path_of(const tc_datagrams *d)
{
    return (ngtcp2_path){
        .local = {(struct sockaddr *)(uintptr_t)&d->local.any, tc_address_length(&d->local)},
        .remote = {(struct sockaddr *)(uintptr_t)&d->remote.any, tc_address_length(&d->remote)}};
}

tc_err tc_quic_conn_accept(tc_quic *q, tc_link_quic *l, const tc_datagrams *d,
                           const ngtcp2_pkt_hd *hd, const tc_quic_came *came)
{
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid ours;
    const ngtcp2_path path = path_of(d);
    tc_err err = start(q, l, &d->remote);
    l->side.why = q->config.why;
    fill_callbacks(&callbacks, true);
    fill(q, &settings, &params);
    fill_sizes(l, &d->local, &settings);
    if (l->log) tc_quic_log_settings(&settings);
    settings.token = came->token;
    settings.tokenlen = came->token_len;
    settings.token_type = came->token_type;
    params.original_dcid = came->odcid;
    params.original_dcid_present = 1;
    params.retry_scid = came->retry;
    params.retry_scid_present = came->retry.datalen > 0;
    params.stateless_reset_token_present = 1;
    if (!err) err = tc_quic_id_new(q, &ours, params.stateless_reset_token);
    if (!err && ngtcp2_conn_server_new(&l->conn, &hd->scid, &ours, &path, hd->version, &callbacks,
                                       &settings, &params, &l->memory->library, l) != 0)
        err = TC_ERR_NO_MEMORY;
    if (!err) err = tc_quic_id_add(q, l, &ours);
    if (!err) err = tc_quic_id_add(q, l, &hd->dcid);
    if (!err) err = tc_quic_tls_begin(q, l, NULL);
    if (err) return undo(l, err);
    if (l->log) tc_quic_log_begun(l, &path);
    l->validated = came->validated;
    q->unvalidated += !l->validated;
    q->links++;
    return TC_OK;
}

tc_err tc_quic_connect(tc_quic *q, tc_link_quic *l, const tc_address *peer, const char *host,
                       char *why, void (*on_ready)(tc_link *l, unsigned what))
{
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid ours, theirs = {.datalen = NGTCP2_MIN_INITIAL_DCIDLEN + 8};
    const tc_datagrams way = {.local = q->local, .remote = *peer};
    const ngtcp2_path path = path_of(&way);
    tc_err err = start(q, l, peer);
    l->link.on_ready = on_ready;
    l->side.why = why;
    l->validated = true;
    fill_callbacks(&callbacks, false);
    fill(q, &settings, &params);
    fill_sizes(l, &q->local, &settings);
    if (l->log) tc_quic_log_settings(&settings);
    settings.token = (const uint8_t *)q->config.back_token.at;
    settings.tokenlen = q->config.back_token.len;
    settings.token_type =
        settings.tokenlen ? NGTCP2_TOKEN_TYPE_NEW_TOKEN : NGTCP2_TOKEN_TYPE_UNKNOWN;
    if (!err) err = tc_quic_id_new(q, &ours, NULL);
    if (!err && !tc_quic_random(theirs.data, theirs.datalen)) err = TC_ERR_SYSTEM;
    if (!err && ngtcp2_conn_client_new(&l->conn, &theirs, &ours, &path, NGTCP2_PROTO_VER_V1,
                                       &callbacks, &settings, &params, &l->memory->library, l) != 0)
        err = TC_ERR_NO_MEMORY;
    if (!err) err = tc_quic_id_add(q, l, &ours);
    if (!err) err = tc_quic_tls_begin(q, l, host);
    if (err) return undo(l, err);
    if (l->log) tc_quic_log_begun(l, &path);
    ngtcp2_conn_set_keep_alive_timeout(l->conn, KEEP_ALIVE_S * NGTCP2_SECONDS);
    q->links++;
    q->single = l;
    if (!l->early) tc_quic_flush(l); /* else with the first request */
    return TC_OK;
}

/* --- in between ---------------------------------------------------------------------------- */

static tc_err what_peer_said(const tc_link_quic *l)
{
    const ngtcp2_ccerr *said = ngtcp2_conn_get_ccerr(l->conn);
    const bool fine = said->type == NGTCP2_CCERR_TYPE_APPLICATION
                          ? said->error_code == 0x100 || said->error_code == 0
                          : said->error_code == NGTCP2_NO_ERROR;
    return fine ? TC_ERR_PEER_CLOSED : TC_ERR_QUIC_CLOSED;
}

static tc_err reason_of(tc_link_quic *l, int liberr)
{
    switch (liberr) {
    case NGTCP2_ERR_NOMEM:
    case NGTCP2_ERR_CALLBACK_FAILURE: return TC_ERR_NO_MEMORY;
    case NGTCP2_ERR_IDLE_CLOSE: return l->opening ? TC_ERR_TLS_TIME : TC_ERR_IDLE_TIME;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: return TC_ERR_TLS_TIME;
    case NGTCP2_ERR_RETRY: return TC_ERR_PEER_CLOSED; /* nobody's fault: it begins anew */
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
    case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE: return TC_ERR_QUIC_VERSION;
    default: break;
    }
    int alert;
    if (liberr == NGTCP2_ERR_CRYPTO ||
        (liberr == NGTCP2_ERR_DRAINING && (l->opening || tc_quic_tls_said(l, &alert))))
        return tc_quic_tls_why(l, liberr);
    return liberr == NGTCP2_ERR_DRAINING ? what_peer_said(l) : TC_ERR_QUIC_RULES;
}

void tc_quic_conn_fail(tc_link_quic *l, int liberr)
{
    if (l->liberr) return;
    if (l->hello_too_long) liberr = NGTCP2_ERR_CRYPTO_BUFFER_EXCEEDED;
    l->liberr = liberr;
    l->memory->unbounded = true; /* so that it can be said */
    if (!l->failed) l->failed = reason_of(l, liberr);
    l->silent = liberr == NGTCP2_ERR_DRAINING || liberr == NGTCP2_ERR_IDLE_CLOSE ||
                liberr == NGTCP2_ERR_DROP_CONN || liberr == NGTCP2_ERR_HANDSHAKE_TIMEOUT ||
                liberr == NGTCP2_ERR_RECV_VERSION_NEGOTIATION || liberr == NGTCP2_ERR_RETRY;
    tc_quic_touch(l->home, l);
}

void tc_quic_conn_read(tc_link_quic *l, const tc_datagrams *d, char *at, size_t len)
{
    const ngtcp2_path path = path_of(d);
    const ngtcp2_pkt_info info = {.ecn = d->ecn};
    if (l->failed) return;
    l->any_in = true;
    const int rc =
        ngtcp2_conn_read_pkt(l->conn, &path, &info, (uint8_t *)at, len, tc_quic_now(l->home));
    if (l->log) tc_quic_log_read(l, len);
    if (rc != 0) tc_quic_conn_fail(l, rc);
    tc_quic_touch(l->home, l);
}

/* A way may come to carry less, and say nothing of it (RFC 8899, 4.3; the library does not look).
 * Where all that was sent stays without an answer, packets are as small from here on as any way
 * must carry them. */
static void fear_black_hole(tc_link_quic *l)
{
    enum { SIGNS = 3 };
    const uint64_t now = tc_quic_now(l->home), pto = ngtcp2_conn_get_pto(l->conn);
    const uint64_t patience = SIGNS * pto > TC_S ? SIGNS * pto : TC_S;
    if (l->unacked > l->pending && now - l->moved > patience && l->packet_most > LEAST_UDP)
        l->packet_most = LEAST_UDP;
}

void tc_quic_conn_ring(tc_alarm *alarm)
{
    tc_link_quic *l = (tc_link_quic *)((char *)alarm - offsetof(tc_link_quic, alarm));
    tc_quic *q = l->home;
    if (l->failed) return;
    tc_quic_unblock(q); /* after ENOBUFS the socket says nothing */
    fear_black_hole(l);
    const int rc = ngtcp2_conn_handle_expiry(l->conn, tc_quic_now(q));
    if (rc != 0)
        tc_quic_conn_fail(l, rc);
    else
        tc_quic_touch(q, l);
    tc_quic_tell_all(q);
}

void tc_quic_describe(const tc_link_quic *l, tc_quic_facts *ret)
{
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(l->conn, &info);
    *ret = (tc_quic_facts){.version = ngtcp2_conn_get_negotiated_version(l->conn),
                           .rtt_ns = (int64_t)info.smoothed_rtt,
                           .least_rtt_ns = (int64_t)info.min_rtt,
                           .window = info.cwnd,
                           .in_flight = info.bytes_in_flight};
}

/* --- ending -------------------------------------------------------------------------------- */

/* The packet that says why; *ret_len 0: none can be made, or none is owed. */
static void last_packet(tc_link_quic *l, char *packet, size_t size, size_t *ret_len)
{
    ngtcp2_ccerr why;
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info;
    *ret_len = 0;
    if (l->silent) return;
    const bool refused = l->liberr == NGTCP2_ERR_CALLBACK_FAILURE && l->refused;
    if (l->liberr == NGTCP2_ERR_CRYPTO || refused)
        ngtcp2_ccerr_set_tls_alert(&why, ngtcp2_conn_get_tls_alert(l->conn), NULL, 0);
    else if (l->liberr)
        ngtcp2_ccerr_set_liberr(&why, l->liberr, NULL, 0);
    else
        ngtcp2_ccerr_set_application_error(&why, l->code, NULL, 0);
    ngtcp2_path_storage_zero(&path);
    if (l->log) tc_quic_log_writes(l, packet, size);
    const ngtcp2_ssize n = ngtcp2_conn_write_connection_close(
        l->conn, &path.path, &info, (uint8_t *)packet, size, &why, tc_quic_now(l->home));
    if (l->log) tc_quic_log_wrote(l, n);
    if (n <= 0) return;
    tc_datagrams d = {.at = packet, .len = (size_t)n, .segment = (size_t)n};
    memcpy(&d.local, path.path.local.addr, path.path.local.addrlen);
    memcpy(&d.remote, path.path.remote.addr, path.path.remote.addrlen);
    if (!l->home->blocked) (void)tc_quic_send(l->home, &d); /* lost: the tomb says it again */
    *ret_len = (size_t)n;
}

void tc_quic_conn_close(tc_link_quic *l)
{
    tc_quic *q = l->home;
    char packet[LEAST_UDP];
    size_t len;
    last_packet(l, packet, sizeof packet, &len);
    if (l->log) tc_quic_log_closed(l);
    const int64_t pto = (int64_t)ngtcp2_conn_get_pto(l->conn);
    if (l->touched) {
        *l->at = l->next;
        if (l->next)
            l->next->at = l->at;
        else
            q->touched_end = l->at;
    }
    tc_loop_clear(q->config.loop, &l->alarm);
    if (!l->validated) q->unvalidated--;
    if (q->single == l) q->single = NULL;
    /* a connection that did not begin: the same client may still begin it */
    const bool never = l->liberr == NGTCP2_ERR_RETRY || l->liberr == NGTCP2_ERR_DROP_CONN;
    if (q->server && !never)
        tc_quic_bury(q, l, packet, len, 3 * (pto < TC_S ? pto : TC_S));
    else
        tc_quic_ids_free(q, l->ids);
    l->ids = NULL;
    tc_quic_streams_free(l);
    ngtcp2_conn_del(l->conn);
    tc_free(l->memory);
    tc_free((void *)(uintptr_t)l->token.at);
    tc_tls_side_forget(&l->side, true);
    if (l->side.session) gnutls_deinit(l->side.session);
    tc_quic_log_free(l);
    l->conn = NULL;
    l->side.session = NULL;
    q->links--;
}
