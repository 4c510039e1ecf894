/* h1.h - the engine of HTTP/1.0 and 1.1, both roles (RFC 9112).
 *
 * Serial: one exchange at a time. Requests that are sent ahead stay untaken in the input until the
 * exchange before them is CLOSED, so answers cannot get out of order and a connection is small. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type tc_h1_type;
