/* push_case.h - an end of HTTP/2 and a peer that says frames: for the suites of promises. */
// SPDX-License-Identifier: MIT
#pragma once
#include "support/h2_peer.h"

enum { ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS, OPEN = TC_H2_END_HEADERS };

#define NONE UINT32_MAX

#define PROMISE ":method: GET\n:scheme: http\n:authority: a\n:path: /p\n"

extern h2_peer push_peer;
extern conn push_conn;
extern const tc_span push_nothing;
void push_case_end(void);

enum { EXCHANGES = 20, ROUNDS = 25, BODY = 60000 };

extern char push_letters[BODY];
