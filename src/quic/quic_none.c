/* quic_none.c - instead of the files quic*.c, where the library for QUIC is missing or not wanted.
 */
// SPDX-License-Identifier: MIT
#include "quic/quic.h"

#include <string.h>

const bool tc_quic_built = false;

tc_err tc_quic_new(const tc_quic_config *config, int fd, const tc_address *local,
                   tc_quic **ret_quic)
{
    (void)config;
    (void)fd;
    (void)local;
    (void)ret_quic;
    return TC_ERR_NOT_SUPPORTED;
}

void tc_quic_free(tc_quic *q)
{
    (void)q;
}

tc_quic_config *tc_quic_config_of(tc_quic *q)
{
    (void)q;
    return NULL;
}

void tc_quic_drain(tc_quic *q)
{
    (void)q;
}

void tc_quic_listen(tc_quic *q, bool yes)
{
    (void)q;
    (void)yes;
}

const tc_address *tc_quic_local(const tc_quic *q)
{
    (void)q;
    return NULL;
}

uint32_t tc_quic_count(const tc_quic *q)
{
    (void)q;
    return 0;
}

void tc_quic_input(tc_quic *q, const tc_datagrams *d)
{
    (void)q;
    (void)d;
}

void tc_quic_secret_make(tc_tls *tls, tc_quic_secret *ret_secret)
{
    (void)tls;
    memset(ret_secret, 0, sizeof *ret_secret);
}

tc_err tc_quic_connect(tc_quic *q, tc_link_quic *l, const tc_address *peer, const char *host,
                       char *why, void (*on_ready)(tc_link *l, unsigned what))
{
    (void)q;
    (void)l;
    (void)peer;
    (void)host;
    (void)why;
    (void)on_ready;
    return TC_ERR_NOT_SUPPORTED;
}

tc_err tc_quic_ticket(const tc_link_quic *l, void **ret_memory, tc_span *ret_session,
                      tc_span *ret_params)
{
    (void)l;
    (void)ret_memory;
    (void)ret_session;
    (void)ret_params;
    return TC_ERR_NOTHING;
}

tc_span tc_quic_token(const tc_link_quic *l)
{
    (void)l;
    return (tc_span){0};
}

tc_err tc_quic_once_new(uint64_t most, tc_quic_once **ret_once)
{
    (void)most;
    *ret_once = NULL;
    return TC_OK;
}

void tc_quic_once_free(tc_quic_once *o)
{
    (void)o;
}

void tc_quic_describe(const tc_link_quic *l, tc_quic_facts *ret_facts)
{
    (void)l;
    memset(ret_facts, 0, sizeof *ret_facts);
}
