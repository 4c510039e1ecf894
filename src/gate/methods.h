/* methods.h - requests that are about the server or the way to it, not about a resource: OPTIONS of
 * "*" (RFC 9110, 9.3.7) and TRACE (9.3.8). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

/* OPTIONS of "*": what the server can at all. True: x has its handler. */
bool tc_asterisk_gate(tc_exchange *x);

/* TRACE, where it is allowed (else the handler says 405): the request as it came, as message/http,
 * without what is nobody else's business. True: x has its handler. */
bool tc_trace_gate(bool allowed, tc_exchange *x);
/* Where it is allowed: an answer that says what else is (Allow) says so, as it leaves. */
tc_err tc_trace_answer(bool allowed, tc_exchange *x) TC_MUST_USE;
