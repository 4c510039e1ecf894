/* fuzz_datagram.c - datagrams: whatever comes to a server of QUIC, and a connection whose packets
 * are lost, cut, changed, doubled and mixed with others as the input says. Only what must not
 * happen is looked for: everything comes back, and what arrives as content is right. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "support/quic_net.h"
#include "support/toy_streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;

static uint8_t next(void)
{
    return at < end ? *at++ : 0;
}

static bool meddle(quic_net *net, quic_net_packet *p)
{
    const uint8_t how = next();
    const size_t where = (size_t)(next() << 8 | next()) % p->d.len;
    (void)net;
    switch (how & 7) {
    case 1: return false;
    case 2: p->d.at[where] = (char)next(); break;
    case 3: p->d.len = p->d.segment = where + 1; break;
    case 4: p->due += (int64_t)next() * TC_MS; break;
    case 5: p->d.ecn = next() & 3; break;
    case 6: p->d.remote.v4.sin_port ^= next(); break; /* it comes from elsewhere */
    default: break;
    }
    return true;
}

/* The input itself, cut into datagrams. */
static void strangers(quic_net *net)
{
    char room[1500];
    while (at + 2 < end) {
        size_t len = (size_t)(next() << 8 | next()) % sizeof room + 1;
        const bool filled = len & 1; /* Initial packets count from 1200 bytes on */
        const size_t have = (size_t)(end - at) < len ? (size_t)(end - at) : len;
        memcpy(room, at, have);
        at += have;
        if (filled && len < 1200) len = 1200;
        memset(room + have, 0, len - have);
        const tc_datagrams d = {.local = net->server_at,
                                .remote = net->client_at,
                                .at = room,
                                .len = len,
                                .segment = len};
        tc_quic_input(net->server, &d);
    }
}

static bool never(quic_net *net)
{
    return net->over;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static quic_net net;
    if (size < 2) return 0;
    at = data + 1;
    end = data + size;
    quic_net_init(&net, &toy_streams_type);
    net.keep_tls = true;
    net.limits.idle_ms = 2000;
    net.limits.handshake_ms = 2000;
    if (data[0] & 1) net.limits.quic_unvalidated = 0;
    if (data[0] & 2) net.meddle = meddle;
    quic_net_begin(&net);
    if (!net.meddle) strangers(&net);
    (void)quic_net_run(&net, quic_net_is_open, 3 * TC_S);
    if (net.open) {
        quic_net_ask(&net, 3000, 0);
        quic_net_ask(&net, 10, 2000);
        (void)quic_net_run(&net, quic_net_all_closed, TC_S);
        for (unsigned i = 0; i < net.asked_count; i++)
            if (net.asked[i].err == TC_ERR_BODY_CUT || net.asked[i].got > net.asked[i].want)
                abort();
    }
    (void)quic_net_run(&net, never, TC_S);
    quic_net_fini(&net);
    return 0;
}
