/* quic_answer.c - what is said to those who have no connection: which versions there are, that an
 * address has to be proved, that a connection is unknown or over (RFC 9000, 6, 8.1, 10.2, 10.3).
 *
 * All of it keeps no state, is smaller than what it answers, and together bounded in time. */
// SPDX-License-Identifier: MIT
#include <string.h>

#include "quic/quic_inside.h"

enum {
    PACKET = 1200,
    RESET_LEAST = 43, /* shorter ones are not answered: two who have forgotten each other would go
                         on for ever */
    RESET_MOST = 64,
};

bool tc_quic_may_answer(tc_quic *q)
{
    const int64_t now = tc_loop_now(q->config.loop);
    if (now - q->answers_since >= TC_S) {
        q->answers_since = now;
        q->answers = 0;
    }
    if (q->answers < q->config.limits->quic_answers) {
        q->answers++;
        return true;
    }
    q->config.reached->quic_answers++;
    return false;
}

static void answer(tc_quic *q, const tc_datagrams *to, uint8_t *packet, size_t len)
{
    const tc_datagrams d = {
        .local = to->local, .remote = to->remote, .at = (char *)packet, .len = len, .segment = len};
    if (!q->blocked) (void)tc_quic_send(q, &d); /* a loss: they ask again */
}

void tc_quic_say_versions(tc_quic *q, const tc_datagrams *d, const ngtcp2_version_cid *v)
{
    uint8_t packet[PACKET], random;
    const uint32_t versions[] = {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2};
    if (!tc_quic_may_answer(q) || !tc_quic_random(&random, 1)) return;
    const ngtcp2_ssize n = ngtcp2_pkt_write_version_negotiation(
        packet, sizeof packet, random, v->scid, v->scidlen, v->dcid, v->dcidlen, versions, 2);
    if (n > 0) answer(q, d, packet, (size_t)n);
}

void tc_quic_say_reset(tc_quic *q, const tc_datagrams *d, const uint8_t *id, size_t id_len)
{
    uint8_t packet[RESET_MOST], random[RESET_MOST], token[NGTCP2_STATELESS_RESET_TOKENLEN];
    ngtcp2_cid cid;
    if (d->len < RESET_LEAST || !tc_quic_may_answer(q)) return;
    const size_t size = d->len - 1 < sizeof packet ? d->len - 1 : sizeof packet;
    const size_t filling = size - sizeof token - 1;
    ngtcp2_cid_init(&cid, id, id_len);
    if (!tc_quic_random(random, filling) ||
        ngtcp2_crypto_generate_stateless_reset_token(token, q->reset_secret, sizeof q->reset_secret,
                                                     &cid) != 0)
        return;
    const ngtcp2_ssize n = ngtcp2_pkt_write_stateless_reset(packet, size, token, random, filling);
    if (n > 0 && (size_t)n < d->len) answer(q, d, packet, (size_t)n);
}

void tc_quic_say_retry(tc_quic *q, const tc_datagrams *d, const ngtcp2_pkt_hd *hd)
{
    uint8_t packet[PACKET], token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2];
    ngtcp2_cid ours;
    if (tc_quic_id_new(q, &ours, NULL) != TC_OK) return;
    const ngtcp2_ssize len = ngtcp2_crypto_generate_retry_token2(
        token, q->token_secret, sizeof q->token_secret, hd->version, &d->remote.any,
        tc_address_length(&d->remote), &ours, &hd->dcid, tc_quic_now(q));
    if (len < 0) return;
    const ngtcp2_ssize n = ngtcp2_crypto_write_retry(packet, sizeof packet, hd->version, &hd->scid,
                                                     &ours, &hd->dcid, token, (size_t)len);
    if (n > 0 && (size_t)n < d->len) answer(q, d, packet, (size_t)n);
}

void tc_quic_say_close(tc_quic *q, const tc_datagrams *d, const ngtcp2_pkt_hd *hd, uint64_t code)
{
    uint8_t packet[PACKET];
    if (!tc_quic_may_answer(q)) return;
    const ngtcp2_ssize n = ngtcp2_crypto_write_connection_close(
        packet, sizeof packet, hd->version, &hd->scid, &hd->dcid, code, NULL, 0);
    if (n > 0 && (size_t)n < d->len) answer(q, d, packet, (size_t)n);
}

/* --- closed connections -------------------------------------------------------------------- */

static void set_bury(tc_quic *q)
{
    if (!q->oldest) {
        tc_loop_clear(q->config.loop, &q->bury);
        return;
    }
    /* without memory for the timer they stay until the next one is buried */
    (void)(tc_loop_set(q->config.loop, &q->bury, q->oldest->until) == TC_OK);
}

static void bury_oldest(tc_quic *q)
{
    tc_quic_tomb *t = q->oldest;
    q->oldest = t->next;
    if (!q->oldest) q->newest = &q->oldest;
    tc_quic_ids_free(q, t->ids);
    tc_slab_put(&q->tombs, t);
}

/* Takes over the ids of l; keeps the packet that closed it. len 0: the peer closed, or is gone. */
void tc_quic_bury(tc_quic *q, tc_link_quic *l, const char *packet, size_t len, int64_t for_ns)
{
    tc_quic_tomb *t = q->tombs.count < q->config.limits->quic_tombs ? tc_slab_get(&q->tombs) : NULL;
    if (!t) {
        q->config.reached->quic_tombs += q->tombs.count >= q->config.limits->quic_tombs;
        tc_quic_ids_free(q, l->ids);
        l->ids = NULL;
        return;
    }
    *t = (tc_quic_tomb){.ids = l->ids, .until = tc_loop_now(q->config.loop) + for_ns};
    if (len && len <= sizeof t->packet) {
        memcpy(t->packet, packet, len);
        t->len = (uint16_t)len;
    }
    for (tc_quic_id *id = t->ids; id; id = id->next) {
        id->link = NULL;
        id->tomb = t;
    }
    l->ids = NULL;
    *q->newest = t;
    q->newest = &t->next;
    if (q->oldest == t) set_bury(q);
}

/* Answers ever more rarely: 1, 2, 4, 8 ... packets later. */
void tc_quic_knock(tc_quic *q, tc_quic_tomb *t, const tc_datagrams *d)
{
    t->heard++;
    if (!t->len || t->len >= d->len || t->heard & (t->heard - 1) || !tc_quic_may_answer(q)) return;
    t->answered++;
    answer(q, d, (uint8_t *)t->packet, t->len);
}

void tc_quic_bury_ring(tc_alarm *alarm)
{
    tc_quic *q = (tc_quic *)((char *)alarm - offsetof(tc_quic, bury));
    const int64_t now = tc_loop_now(q->config.loop);
    while (q->oldest && q->oldest->until <= now)
        bury_oldest(q);
    set_bury(q);
}

void tc_quic_bury_all(tc_quic *q)
{
    while (q->oldest)
        bury_oldest(q);
    set_bury(q);
}
