/* h2_case.h - one connection to a server of HTTP/2 and what its client says: for the suites of
 * servers. */
// SPDX-License-Identifier: MIT
#pragma once
#include "support/h2_peer.h"

enum { NONE = -1, ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS, OPEN = TC_H2_END_HEADERS };

extern h2_peer h2_client;
extern conn h2_conn;
void h2_case_begin(void);
void h2_case_end(void);
extern const tc_span h2_nothing;
void h2_case_windows(int i);
