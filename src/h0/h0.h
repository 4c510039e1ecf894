/* h0.h - the engine of HTTP/0.9, both roles: "GET /path", content, close.
 *
 * There are no fields, no status and no second request. An answer of any status is its content
 * alone. Only a whole first line is taken for 0.9, so that no field can be read as one. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type tc_h0_type;

/* Is what came first on a connection a request of 0.9? MORE: it may become one. Lines that are
 * long or in any way odd are NO: the engine of 1.x refuses them with a status. */
enum tc_h0_guess { TC_H0_NO, TC_H0_YES, TC_H0_MORE };
enum tc_h0_guess tc_h0_first_line(tc_span in);
