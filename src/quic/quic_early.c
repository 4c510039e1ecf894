/* quic_early.c - early data, 0-RTT (RFC 8446, 8; RFC 9001, 4.6): what a client may come back with,
 * and a server's memory of the tickets that came with it, so that none is good for it twice.
 *
 * The library refuses early data whose hello is older than the window says, or whose ticket was
 * made before this endpoint; so a ticket need not be remembered for longer than the window. */
// SPDX-License-Identifier: MIT
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

enum { TICKET_HEAD = 8, PSK_EXTENSION = 41, EARLY_DATA_EXTENSION = 42, ID_HEAD = 4, PARAMS = 256 };

/* --- tickets that came --------------------------------------------------------------------- */

typedef struct seen {
    uint8_t ticket[TC_QUIC_TICKET];
    int64_t until; /* monotonic ns: who sends it again then comes too late anyway */
} seen;

struct tc_quic_once {
    pthread_mutex_t lock;
    tc_map map;
    seen *ring;
    uint64_t most, begin, count;
};

tc_err tc_quic_once_new(uint64_t most, tc_quic_once **ret)
{
    tc_quic_once *o = tc_alloc_zero(sizeof *o);
    if (!o) return TC_ERR_NO_MEMORY;
    (void)pthread_mutex_init(&o->lock, NULL); /* cannot fail here */
    o->most = most < UINT32_MAX / 4 ? most : UINT32_MAX / 4;
    tc_map_init(&o->map, (uint32_t)o->most, tc_hash_key_random());
    o->ring = o->most ? tc_alloc((size_t)o->most * sizeof *o->ring) : NULL;
    if (o->most && !o->ring) {
        tc_quic_once_free(o);
        return TC_ERR_NO_MEMORY;
    }
    *ret = o;
    return TC_OK;
}

void tc_quic_once_free(tc_quic_once *o)
{
    if (!o) return;
    tc_map_fini(&o->map);
    pthread_mutex_destroy(&o->lock);
    tc_free(o->ring);
    tc_free(o);
}

static tc_span key_of(const seen *s)
{
    return tc_span_of((const char *)s->ticket, sizeof s->ticket);
}

/* The oldest one makes room, if it is over. */
static bool make_room(tc_quic_once *o, int64_t now)
{
    if (o->count < o->most) return true;
    if (!o->most || o->ring[o->begin].until > now) return false;
    (void)tc_map_remove(&o->map, key_of(&o->ring[o->begin]));
    o->begin = (o->begin + 1) % o->most;
    o->count--;
    return true;
}

tc_err tc_quic_once_take(tc_quic_once *o, const uint8_t ticket[TC_QUIC_TICKET], int64_t now,
                         int64_t window_ns)
{
    tc_err err = TC_ERR_REFUSED;
    pthread_mutex_lock(&o->lock);
    if (!tc_map_get(&o->map, tc_span_of((const char *)ticket, TC_QUIC_TICKET)))
        err = make_room(o, now) ? TC_OK : TC_ERR_FULL;
    if (!err) {
        seen *s = &o->ring[(o->begin + o->count) % o->most];
        memcpy(s->ticket, ticket, sizeof s->ticket);
        s->until = now + window_ns;
        err = tc_map_put(&o->map, key_of(s), s);
    }
    o->count += !err;
    pthread_mutex_unlock(&o->lock);
    return err;
}

/* --- a server ------------------------------------------------------------------------------ */

/* Identities: how many bytes, then of each its length and it (RFC 8446, 4.2.11). Only early data
 * that goes with the first one counts. */
static int see_extension(void *into, unsigned number, const unsigned char *data, unsigned size)
{
    uint8_t sum[32];
    if (number != PSK_EXTENSION || size < ID_HEAD) return 0;
    const size_t len = (size_t)data[2] << 8 | data[3];
    if (len > size - ID_HEAD) return 0;
    const int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, data + ID_HEAD, len, sum);
    if (rc >= 0) memcpy(into, sum, TC_QUIC_TICKET);
    return rc;
}

static int hear_hello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
    const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);
    tc_quic *q = ((const tc_link_quic *)ref->user_data)->home;
    if (incoming) {
        memset(q->ticket, 0, sizeof q->ticket);
        (void)gnutls_ext_raw_parse(q->ticket, see_extension, message,
                                   GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
    }
    return tc_tls_side_hear(session, type, when, incoming, message);
}

/* The library asks whether early data with the hello that was just heard is the first. */
static int ask_once(void *self, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
    tc_quic *q = self;
    (void)until, (void)key, (void)data;
    const int64_t window = (int64_t)q->config.limits->quic_early_ms * TC_MS;
    const tc_err err =
        tc_quic_once_take(q->config.once, q->ticket, tc_loop_now(q->config.loop), window);
    if (err == TC_ERR_FULL) q->config.reached->quic_early++;
    return err ? GNUTLS_E_DB_ENTRY_EXISTS : 0;
}

tc_err tc_quic_early_init(tc_quic *q)
{
    const uint64_t window = q->config.limits->quic_early_ms;
    if (!q->config.once) return TC_OK;
    if (gnutls_anti_replay_init(&q->replay) < 0) return TC_ERR_NO_MEMORY;
    gnutls_anti_replay_set_window(q->replay, window < INT32_MAX ? (unsigned)window : INT32_MAX);
    gnutls_anti_replay_set_add_function(q->replay, ask_once);
    gnutls_anti_replay_set_ptr(q->replay, q);
    return TC_OK;
}

void tc_quic_early_fini(tc_quic *q)
{
    if (q->replay) gnutls_anti_replay_deinit(q->replay);
    q->replay = NULL;
}

void tc_quic_early_serve(tc_link_quic *l)
{
    if (!l->home->replay || l->side.tls->config.client_authorities) return; /* who is it? */
    gnutls_handshake_set_hook_function(l->side.session, GNUTLS_HANDSHAKE_CLIENT_HELLO,
                                       GNUTLS_HOOK_PRE, hear_hello);
    gnutls_anti_replay_enable(l->side.session, l->home->replay);
    (void)gnutls_record_set_max_early_data_size(l->side.session, UINT32_MAX); /* RFC 9001, 4.6.1 */
}

/* --- a client ------------------------------------------------------------------------------ */

static bool skip(tc_span *s, size_t length_bytes)
{
    size_t len = 0;
    if (s->len < length_bytes) return false;
    for (size_t i = 0; i < length_bytes; i++)
        len = len << 8 | (uint8_t)s->at[i];
    (void)tc_span_take(s, length_bytes);
    return tc_span_take(s, len).len == len;
}

/* A ticket says if it is good for early data (RFC 8446, 4.6.1), and nothing else of the library's
 * does. */
static int hear_ticket(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);
    tc_link_quic *l = ref->user_data;
    tc_span s = tc_span_of((const char *)message->data, message->size);
    (void)type, (void)when;
    l->ticket_early = false;
    if (!incoming || s.len < TICKET_HEAD) return 0;
    (void)tc_span_take(&s, TICKET_HEAD); /* its lifetime, and what its age is hidden by */
    if (!skip(&s, 1) || !skip(&s, 2) || s.len < 2) return 0; /* nonce, ticket */
    (void)tc_span_take(&s, 2);                               /* the extensions are the rest */
    while (s.len >= 4) {
        const unsigned kind = (unsigned)(uint8_t)s.at[0] << 8 | (uint8_t)s.at[1];
        (void)tc_span_take(&s, 2);
        l->ticket_early |= kind == EARLY_DATA_EXTENSION;
        if (!skip(&s, 2)) return 0;
    }
    return 0;
}

tc_err tc_quic_ticket(const tc_link_quic *l, void **ret_memory, tc_span *ret_session,
                      tc_span *ret_params)
{
    gnutls_datum_t data;
    uint8_t params[PARAMS];
    if (l->opening || l->early || l->failed || !l->home->config.tickets ||
        !(gnutls_session_get_flags(l->side.session) & GNUTLS_SFLAGS_SESSION_TICKET))
        return TC_ERR_NOTHING;
    const bool good = l->ticket_early;
    const ngtcp2_ssize n =
        good ? ngtcp2_conn_encode_0rtt_transport_params(l->conn, params, sizeof params) : 0;
    if ((good && n <= 0) || gnutls_session_get_data2(l->side.session, &data) < 0)
        return TC_ERR_NOTHING;
    char *memory = tc_alloc(data.size + (size_t)n);
    if (memory) {
        memcpy(memory, data.data, data.size);
        memcpy(memory + data.size, params, (size_t)n);
        *ret_session = tc_span_of(memory, data.size);
        *ret_params = tc_span_of(memory + data.size, (size_t)n);
        *ret_memory = memory;
    }
    gnutls_memset(data.data, 0, data.size);
    gnutls_free(data.data);
    return memory ? TC_OK : TC_ERR_NO_MEMORY;
}

bool tc_quic_early_begin(tc_link_quic *l)
{
    const tc_quic_config *c = &l->home->config;
    gnutls_handshake_set_hook_function(l->side.session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET,
                                       GNUTLS_HOOK_PRE, hear_ticket);
    if (!c->back_session.len) return true;
    if (gnutls_session_set_data(l->side.session, c->back_session.at, c->back_session.len) < 0)
        return false;
    if (!c->back_params.len) return true; /* nothing goes out before the handshake is over */
    if (ngtcp2_conn_decode_and_set_0rtt_transport_params(
            l->conn, (const uint8_t *)c->back_params.at, c->back_params.len) != 0)
        return false;
    l->early = true;
    l->opening = false;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = (*(tc_quic_stream *const *)a)->sid, y = (*(tc_quic_stream *const *)b)->sid;
    return (x > y) - (x < y);
}

/* The same stream once more, with all that was ever written to it: none of it was acknowledged. */
static bool open_again(tc_link_quic *l, tc_quic_stream *s)
{
    int64_t got = -1;
    const bool uni = s->sid & 2;
    if (s->unopened || s->gone) return true;
    const int rc = uni ? ngtcp2_conn_open_uni_stream(l->conn, &got, s)
                       : ngtcp2_conn_open_bidi_stream(l->conn, &got, s);
    if (rc != 0 || (uint64_t)got != s->sid ||
        ngtcp2_conn_get_max_stream_data_left(l->conn, got) < s->end)
        return false;
    l->pending += s->sent;
    s->sent = 0;
    s->fin_sent = false;
    if (s->out_done)
        (void)ngtcp2_conn_shutdown_stream(l->conn, 0, got, l->code); /* nobody waits for it */
    else if (s->end || s->fin_asked)
        tc_quic_queue(l, s);
    return true;
}

/* The server did not take what was sent early, or it never left: it goes out again. */
static tc_err send_again(tc_link_quic *l)
{
    size_t count = 0, at = 0;
    if (ngtcp2_conn_tls_early_data_rejected(l->conn) != 0) return TC_ERR_NO_MEMORY;
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        for (tc_quic_stream *s = l->streams[i]; s; s = s->next)
            count++;
    tc_quic_stream **all = tc_alloc((count + 1) * sizeof *all);
    if (!all) return TC_ERR_NO_MEMORY;
    for (int i = 0; i < TC_QUIC_BUCKETS; i++)
        for (tc_quic_stream *s = l->streams[i]; s; s = s->next)
            all[at++] = s;
    qsort(all, count, sizeof *all, by_number);
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = open_again(l, all[i]);
    good &= l->pending <= ngtcp2_conn_get_max_data_left(l->conn);
    tc_free(all);
    return good ? TC_OK : TC_ERR_REFUSED; /* it allows less than it did: on a new connection */
}

tc_err tc_quic_early_over(tc_link_quic *l)
{
    tc_err err = TC_OK;
    if (!l->early) return TC_OK;
    l->early = false;
    const bool taken = gnutls_session_get_flags(l->side.session) & GNUTLS_SFLAGS_EARLY_DATA;
    l->early_was = l->home->server || taken ? TC_EARLY_TAKEN : TC_EARLY_REFUSED;
    if (!l->home->server && !taken) err = send_again(l);
    if (l->owed) ngtcp2_conn_extend_max_offset(l->conn, l->owed);
    l->owed = 0;
    return err;
}
