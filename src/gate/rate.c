/* rate.c - see rate.h. */
// SPDX-License-Identifier: MIT
#include "gate/rate.h"

#include "base/clock.h"
#include "page/error_page.h"
#include "session/session.h"

const char tc_rate_words[] =
    "a rate is NUMBER/s, NUMBER/m or NUMBER/h, and perhaps \" burst NUMBER\": 10/s burst 20";

tc_err tc_rate_home_init(tc_rate_home *h, const tc_limits *limits)
{
    *h = (tc_rate_home){.key = tc_hash_key_random()};
    h->client_bits = limits->client_bits < 128 ? (unsigned)limits->client_bits : 128;
    return tc_rate_table_new(limits->rate_clients, &h->table);
}

void tc_rate_home_fini(tc_rate_home *h)
{
    tc_rate_table_free(h->table);
    h->table = NULL;
}

uint64_t tc_rate_key(const tc_rate_home *h, uint32_t rule, const tc_ip *client)
{
    char bytes[sizeof(tc_ip) + sizeof rule];
    const tc_ip network = tc_ip_network(client, 32, h->client_bits);
    memcpy(bytes, network.at, sizeof network.at);
    memcpy(bytes + sizeof network.at, &rule, sizeof rule);
    return tc_hash(&h->key, tc_span_of(bytes, sizeof bytes));
}

tc_err tc_rate_rule_make(tc_rate_home *h, tc_span text, tc_rate_rule *ret_rule)
{
    tc_rate rate;
    if (!tc_rate_parse(text, &rate)) return TC_ERR_USAGE;
    *ret_rule = (tc_rate_rule){rate, h, h->rules++};
    return TC_OK;
}

tc_err tc_rate_refuse(tc_exchange *x, unsigned status, int64_t ns, tc_span detail)
{
    const int64_t seconds = (ns + TC_S - 1) / TC_S;
    const tc_span after = tc_arena_printf(&x->arena, "%lld", (long long)(seconds ? seconds : 1));
    if (!after.at) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_RETRY_AFTER, after);
    return err ? err : tc_error_page(x, status, detail);
}

static tc_err too_many(void *self, tc_exchange *x)
{
    return tc_rate_refuse(x, 429, (int64_t)(intptr_t)self * TC_MS,
                          TC_SPAN("Too many requests came from your address."));
}

static const tc_handler handler = {.name = "rate", .on_head = too_many};

bool tc_rate_gate(const tc_rate_rule *r, tc_exchange *x, tc_reached *reached)
{
    const tc_ip ip = tc_session_asker(x).ip;
    if (x->pushed) return false; /* it counted with the one that promised it */
    /* The loops of two workers need not agree on what time it is. */
    const int64_t wait =
        tc_rate_take(r->home->table, &r->rate, tc_rate_key(r->home, r->number, &ip), tc_clock_now(),
                     &reached->rate_clients);
    if (!wait) return false;
    reached->refused.rate++;
    x->handler = &handler;
    x->self = (void *)(intptr_t)(wait / TC_MS + 1);
    return true;
}
