/* quic.c - an endpoint: packets to the connection they are for (RFC 9000, 5.2), new connections,
 * and the socket.
 *
 * A batch of packets is read into their connections first; then those who own the connections that
 * something happened on are told, once each, and answer in batches too. */
// SPDX-License-Identifier: MIT
#include "quic/quic.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

enum {
    BATCHES_AT_ONCE = 8,          /* before others of the loop get their turn */
    TOKEN_VALID_S = 24 * 60 * 60, /* time to come back with the token of a connection */
};

const bool tc_quic_built = true;

/* X25519 first, and it alone in a first flight: who offers only that needs no second hello. */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "%DISABLE_TLS13_COMPAT_MODE:%SERVER_PRECEDENCE";

/* --- in use -------------------------------------------------------------------------------- */

static void destroy(tc_quic *q);

/* Whoever is told of a connection may free the endpoint: it goes when nobody works on it. */
static void enter(tc_quic *q)
{
    q->depth++;
}

static void leave(tc_quic *q)
{
    if (--q->depth == 0 && q->doomed) destroy(q);
}

/* --- sending ------------------------------------------------------------------------------- */

/* TC_ERR_FULL: it was kept, and nothing more may be sent before the socket is ready. Any other
 * failure is a loss, which the protocol mends. */
tc_err tc_quic_send(tc_quic *q, const tc_datagrams *d)
{
    if (q->config.send) return q->config.send(q, d);
    const tc_err err = tc_udp_send(q->io.fd, d, q->any_address, &q->segments);
    if (err != TC_ERR_FULL) return err;
    if (!q->spill_room) q->spill_room = tc_alloc(TC_UDP_BYTES);
    if (!q->spill_room || d->len > TC_UDP_BYTES || q->blocked) return TC_OK; /* lost */
    q->spill = *d;
    q->spill.at = q->spill_room;
    memcpy(q->spill_room, d->at, d->len);
    q->blocked = true;
    return TC_ERR_FULL;
}

/* What was kept, then all who have something, if the socket takes it again. */
void tc_quic_unblock(tc_quic *q)
{
    if (!q->blocked) return;
    if (tc_udp_send(q->io.fd, &q->spill, q->any_address, &q->segments) == TC_ERR_FULL) return;
    q->blocked = false;
    uint32_t cursor = 0;
    for (tc_quic_id *id; (id = tc_map_next(&q->ids, &cursor));)
        if (id->link) tc_quic_touch(q, id->link);
}

/* --- who is told --------------------------------------------------------------------------- */

void tc_quic_touch(tc_quic *q, tc_link_quic *l)
{
    if (l->touched) return;
    l->touched = true;
    l->next = NULL;
    l->at = q->touched_end;
    *q->touched_end = l;
    q->touched_end = &l->next;
}

void tc_quic_tell_all(tc_quic *q)
{
    enter(q);
    while (q->touched) {
        tc_link_quic *l = q->touched;
        q->touched = l->next;
        if (q->touched)
            q->touched->at = &q->touched;
        else
            q->touched_end = &q->touched;
        l->touched = false;
        l->link.on_ready(&l->link, TC_LINK_IN | TC_LINK_OUT); /* it may be gone after this */
    }
    q->inbox_len = 0;
    leave(q);
}

/* --- new connections ----------------------------------------------------------------------- */

/* A token of ours: of a Retry, or of an earlier connection. False: it must not be answered. */
static bool judge_token(tc_quic *q, const tc_datagrams *d, const ngtcp2_pkt_hd *hd,
                        tc_quic_came *came)
{
    const socklen_t len = tc_address_length(&d->remote);
    const uint64_t shake = q->config.limits->handshake_ms * NGTCP2_MILLISECONDS;
    came->odcid = hd->dcid;
    if (!hd->tokenlen) return true;
    if (hd->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
        if (ngtcp2_crypto_verify_retry_token2(
                &came->odcid, hd->token, hd->tokenlen, q->token_secret, sizeof q->token_secret,
                hd->version, &d->remote.any, len, &hd->dcid, shake, tc_quic_now(q)) != 0) {
            tc_quic_say_close(q, d, hd, NGTCP2_INVALID_TOKEN);
            return false;
        }
        came->retry = hd->dcid;
        came->token_type = NGTCP2_TOKEN_TYPE_RETRY;
    } else if (hd->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR &&
               ngtcp2_crypto_verify_regular_token(
                   hd->token, hd->tokenlen, q->token_secret, sizeof q->token_secret, &d->remote.any,
                   len, TOKEN_VALID_S * NGTCP2_SECONDS, tc_quic_now(q)) == 0) {
        came->token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN;
    } else {
        return true; /* somebody else's, or too old: as if there were none */
    }
    came->validated = true;
    came->token = hd->token;
    came->token_len = hd->tokenlen;
    return true;
}

static tc_link_quic *accept_one(tc_quic *q, const tc_datagrams *d, const uint8_t *at, size_t len)
{
    ngtcp2_pkt_hd hd;
    tc_quic_came came = {0};
    if (ngtcp2_accept(&hd, at, len) != 0) return NULL;
    if (!judge_token(q, d, &hd, &came)) return NULL;
    if (q->draining) {
        tc_quic_say_close(q, d, &hd, NGTCP2_CONNECTION_REFUSED);
        return NULL;
    }
    if (!came.validated && q->unvalidated >= q->config.limits->quic_unvalidated) {
        q->config.reached->quic_unvalidated++;
        tc_quic_say_retry(q, d, &hd);
        return NULL;
    }
    bool prove = false;
    tc_link_quic *l = q->config.room(q, &d->remote, came.validated, &prove);
    if (!l && prove) {
        tc_quic_say_retry(q, d, &hd);
        return NULL;
    }
    if (!l) {
        tc_quic_say_close(q, d, &hd, NGTCP2_CONNECTION_REFUSED);
        return NULL;
    }
    if (tc_quic_conn_accept(q, l, d, &hd, &came) != TC_OK) {
        q->config.unused(q, l);
        return NULL;
    }
    q->config.begin(q, l);
    return l;
}

/* --- packets ------------------------------------------------------------------------------- */

static void to_stranger(tc_quic *q, const tc_datagrams *d, const ngtcp2_version_cid *v, char *at,
                        size_t len)
{
    const unsigned number = tc_quic_id_socket(v->dcid, v->dcidlen);
    const uint8_t generation = tc_quic_id_generation(q, v->dcid, v->dcidlen);
    const tc_datagrams one = {.local = d->local,
                              .remote = d->remote,
                              .ecn = d->ecn,
                              .at = at,
                              .len = len,
                              .segment = len};
    const bool is_short = !((unsigned char)*at & 0x80);
    if (generation != q->config.generation && q->config.foreign && number < q->config.sockets &&
        q->config.foreign(q, generation, &one))
        return;
    if (number != q->config.socket && number < q->config.sockets &&
        generation == q->config.generation && (is_short || q->config.stray)) {
        if (q->config.stray) q->config.stray(q, number, &one); /* in a handshake, too */
        return;
    }
    if (is_short && q->single) {
        tc_quic_conn_read(q->single, &one, at, len); /* a stateless reset looks like this */
        return;
    }
    if (is_short) {
        if (q->server) tc_quic_say_reset(q, &one, v->dcid, v->dcidlen);
        return;
    }
    ngtcp2_pkt_hd hd;
    tc_link_quic *l = q->server ? accept_one(q, &one, (uint8_t *)at, len) : NULL;
    if (!l) return;
    tc_quic_conn_read(l, &one, at, len);
    if (l->liberr == NGTCP2_ERR_RETRY && ngtcp2_accept(&hd, (uint8_t *)at, len) == 0)
        tc_quic_say_retry(q, &one, &hd); /* the library cannot begin with this one */
}

static void one_packet(tc_quic *q, const tc_datagrams *d, char *at, size_t len)
{
    ngtcp2_version_cid v;
    const int rc = ngtcp2_pkt_decode_version_cid(&v, (uint8_t *)at, len, QUIC_ID);
    if (rc == NGTCP2_ERR_VERSION_NEGOTIATION && q->server) tc_quic_say_versions(q, d, &v);
    if (rc != 0) return; /* no packet of QUIC */
    tc_quic_id *id = tc_quic_id_find(q, v.dcid, v.dcidlen);
    if (!id)
        to_stranger(q, d, &v, at, len);
    else if (id->link)
        tc_quic_conn_read(id->link, d, at, len);
    else if (id->tomb)
        tc_quic_knock(q, id->tomb, d);
}

static void take_in(tc_quic *q, const tc_datagrams *d)
{
    for (size_t off = 0; off < d->len; off += d->segment) {
        const size_t left = d->len - off;
        if (q->inbox_len > QUIC_INBOX / 2) tc_quic_tell_all(q);
        one_packet(q, d, d->at + off, left < d->segment ? left : d->segment);
        if (d->segment == 0) break;
    }
}

void tc_quic_input(tc_quic *q, const tc_datagrams *d)
{
    if (d->len == 0) return;
    enter(q);
    take_in(q, d);
    tc_quic_tell_all(q);
    leave(q);
}

/* Packets of an endpoint of one connection are refused by the other machine. */
static void refused(tc_quic *q)
{
    tc_link_quic *l = q->single;
    if (!l || !l->opening || l->any_in || l->failed) return;
    l->failed = TC_ERR_CONNECT;
    l->silent = true;
    tc_quic_touch(q, l);
}

static void read_some(tc_quic *q)
{
    tc_datagrams d[TC_UDP_BATCH];
    unsigned count = 1;
    (void)tc_loop_tick(q->config.loop);
    for (int i = 0; i < BATCHES_AT_ONCE && !q->doomed; i++) {
        const tc_err err = tc_udp_receive(q->io.fd, &q->local, q->room, d, &count);
        if (err == TC_ERR_CONNECT) refused(q);
        for (unsigned j = 0; j < count; j++)
            if (d[j].len) take_in(q, &d[j]);
        tc_quic_tell_all(q);
        if (!err && count == 0) return;
    }
    if (!q->doomed) tc_loop_after(q->config.loop, &q->more);
}

static void read_more(tc_task *task)
{
    tc_quic *q = (tc_quic *)((char *)task - offsetof(tc_quic, more));
    enter(q);
    if (!q->deaf) read_some(q);
    leave(q);
}

static void socket_ready(tc_io *io, unsigned what)
{
    tc_quic *q = (tc_quic *)((char *)io - offsetof(tc_quic, io));
    enter(q);
    if (what & TC_READY_OUT) tc_quic_unblock(q);
    if (!q->deaf) read_some(q);
    leave(q);
}

/* --- making it ----------------------------------------------------------------------------- */

static void release(tc_quic *q)
{
    if (q->priority) gnutls_priority_deinit(q->priority);
    tc_quic_early_fini(q);
    if (q->open_block) tc_quic_block_unref(q, q->open_block);
    tc_map_fini(&q->ids);
    tc_slab_fini(&q->id_slab);
    tc_slab_fini(&q->streams);
    tc_slab_fini(&q->blocks);
    tc_slab_fini(&q->tombs);
    tc_udp_room_free(q->room);
    tc_free(q->inbox);
    tc_free(q->spill_room);
    tc_free(q);
}

tc_err tc_quic_new(const tc_quic_config *config, int fd, const tc_address *local,
                   tc_quic **ret_quic)
{
    tc_quic *q = tc_alloc_zero(sizeof *q);
    if (!q) return TC_ERR_NO_MEMORY;
    q->config = *config;
    q->server = config->tls->server;
    q->local = *local;
    q->any_address = tc_address_is_any(local);
    q->segments = true;
    q->io = (tc_io){fd, socket_ready};
    q->more.run = read_more;
    q->bury.ring = tc_quic_bury_ring;
    q->bury.timer.deadline = TC_NEVER;
    q->touched_end = &q->touched;
    q->newest = &q->oldest;
    q->key = tc_hash_key_random();
    tc_map_init(&q->ids, UINT32_MAX / 2, q->key);
    tc_slab_init(&q->id_slab, sizeof(tc_quic_id), UINT32_MAX);
    tc_slab_init(&q->streams, sizeof(tc_quic_stream), UINT32_MAX);
    tc_slab_init(&q->blocks, sizeof(tc_quic_block), UINT32_MAX);
    tc_slab_init(&q->tombs, sizeof(tc_quic_tomb), UINT32_MAX);
    q->inbox = tc_alloc(QUIC_INBOX);
    tc_err err = q->inbox ? TC_OK : TC_ERR_NO_MEMORY;
    if (!err && fd >= 0) {
        q->room = tc_udp_room_new();
        if (!q->room) err = TC_ERR_NO_MEMORY;
    }
    if (!err && gnutls_priority_init2(&q->priority, priorities, NULL, 0) < 0)
        err = TC_ERR_NO_MEMORY;
    if (!err && q->server) tc_quic_secrets_use(q);
    if (!err && q->server) err = tc_quic_early_init(q);
    if (!err && fd >= 0) err = tc_loop_add(config->loop, &q->io);
    if (err) {
        release(q);
        return err;
    }
    *ret_quic = q;
    return TC_OK;
}

void tc_quic_free(tc_quic *q)
{
    if (!q) return;
    q->doomed = true;
    if (q->depth == 0) destroy(q);
}

static void destroy(tc_quic *q)
{
    tc_quic_bury_all(q);
    tc_loop_cancel(q->config.loop, &q->more);
    if (q->io.fd >= 0) {
        tc_loop_remove(q->config.loop, &q->io); /* others may have the socket, too */
        close(q->io.fd);
    }
    release(q);
}

tc_quic_config *tc_quic_config_of(tc_quic *q)
{
    return &q->config;
}

void tc_quic_drain(tc_quic *q)
{
    q->draining = true;
}

void tc_quic_listen(tc_quic *q, bool yes)
{
    q->deaf = !yes;
    if (yes) tc_loop_after(q->config.loop, &q->more); /* what waits there is no news */
}

const tc_address *tc_quic_local(const tc_quic *q)
{
    return &q->local;
}

uint32_t tc_quic_count(const tc_quic *q)
{
    return q->links;
}
