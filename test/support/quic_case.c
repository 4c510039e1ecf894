/* quic_case.c - see quic_case.h. */
// SPDX-License-Identifier: MIT
#include "support/quic_case.h"

#include "support/check.h"

quic_net the_net;

void quic_case_begin(void)
{
    quic_net_begin(&the_net);
    if (!quic_net_run(&the_net, quic_net_is_open, 20 * TC_S) || !the_net.open)
        fail_msg("seed %llu: no handshake (%s: %s)", (unsigned long long)the_net.seed,
                 tc_err_name(the_net.why), the_net.reason);
}

void check_all(void)
{
    for (unsigned i = 0; i < the_net.asked_count; i++) {
        const quic_net_asked *a = &the_net.asked[i];
        if (!a->closed || a->err || a->got != a->want || !a->ended)
            fail_msg("seed %llu, request %u: %s, %llu of %llu bytes%s",
                     (unsigned long long)the_net.seed, i, tc_err_name(a->err),
                     (unsigned long long)a->got, (unsigned long long)a->want,
                     a->closed ? "" : ", not closed");
    }
}

void quic_case_finish(int64_t ns)
{
    (void)quic_net_run(&the_net, quic_net_all_closed, ns);
    check_all();
}

bool to_the_server_only(quic_net *n, quic_net_packet *p)
{
    (void)n;
    return p->to_server;
}
