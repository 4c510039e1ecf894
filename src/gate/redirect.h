/* redirect.h - http:// requests are sent on to https://, with 308, which keeps method and content
 * (RFC 9110, 15.4.9). self of the handler points to the port, a uint16_t. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

extern const tc_handler tc_to_https_handler;
/* Whether there is an address to send it on to: not for "*". */
bool tc_to_https_wanted(const tc_exchange *x);
