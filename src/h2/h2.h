/* h2.h - the engine of HTTP/2 (RFC 9113), both ends. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type tc_h2_type;

/* What a client says first (RFC 9113, 3.4). */
#define TC_H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum tc_h2_guess { TC_H2_NO, TC_H2_MORE, TC_H2_YES };
/* Does a connection that begins so speak HTTP/2 by prior knowledge (3.3)? MORE: it may yet. */
enum tc_h2_guess tc_h2_first_bytes(tc_span in);
