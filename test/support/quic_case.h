/* quic_case.h - one connection over a net of a test's own, begun and ended: for the suites of QUIC.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "support/quic_net.h"

extern quic_net the_net;
void quic_case_begin(void);
void check_all(void);
void quic_case_finish(int64_t ns);
bool to_the_server_only(quic_net *n, quic_net_packet *p);
