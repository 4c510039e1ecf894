/* clients.c - see clients.h. */
// SPDX-License-Identifier: MIT
#include "server/clients.h"

#include "base/clock.h"

tc_err tc_clients_init(tc_clients *c, const tc_server_config *config)
{
    char why[TC_NETWORK_WHY];
    const tc_limits *l = &config->limits;
    const uint64_t shakes = l->client_handshakes < TC_S ? l->client_handshakes : TC_S;
    *c = (tc_clients){.most = config->client_connections,
                      .key = tc_hash_key_random(),
                      .bits = l->client_bits < 128 ? (unsigned)l->client_bits : 128,
                      .trust = config->trust};
    tc_err err = TC_OK;
    if (c->most) err = tc_tally_new(l->rate_clients, &c->tally);
    if (err || !config->tls) return err;
    c->rate = tc_rate_of(shakes ? shakes : 1, TC_S, shakes ? shakes : 1);
    err = tc_rate_table_new(l->rate_clients, &c->shakes);
    if (!err) err = tc_networks_add(&c->loopback, TC_SPAN("loopback"), why);
    tc_networks_seal(&c->loopback);
    return err;
}

void tc_clients_fini(tc_clients *c)
{
    tc_tally_free(c->tally);
    tc_rate_table_free(c->shakes);
    tc_networks_fini(&c->loopback);
    *c = (tc_clients){0};
}

static uint64_t key_of(const tc_clients *c, const tc_ip *ip)
{
    const tc_ip network = tc_ip_network(ip, 32, c->bits);
    return tc_hash(&c->key, tc_span_of((const char *)network.at, sizeof network.at));
}

static bool is_proxy(const tc_clients *c, const tc_ip *ip)
{
    return c->trust && tc_networks_have(c->trust, ip);
}

bool tc_clients_enter(tc_clients *c, const tc_ip *ip, bool proven, tc_reached *reached,
                      uint32_t *ret_place)
{
    *ret_place = 0;
    if (!c->tally || is_proxy(c, ip)) return true;
    const uint32_t most = proven ? c->most : c->most / 2;
    if (tc_tally_take(c->tally, key_of(c, ip), most, ret_place) != TC_OK) {
        reached->refused.client_connections += proven;
        return false;
    }
    reached->rate_clients += !*ret_place;
    return true;
}

void tc_clients_leave(tc_clients *c, uint32_t place)
{
    if (place) tc_tally_drop(c->tally, place);
}

bool tc_clients_shake(tc_clients *c, const tc_ip *ip, bool proven, int64_t now, tc_reached *reached)
{
    if (!c->shakes || tc_networks_have(&c->loopback, ip) || is_proxy(c, ip)) return true;
    if (!proven) return tc_rate_look(c->shakes, &c->rate, key_of(c, ip), now) == 0;
    if (tc_rate_take(c->shakes, &c->rate, key_of(c, ip), now, &reached->rate_clients) == 0)
        return true;
    reached->client_handshakes++;
    return false;
}
