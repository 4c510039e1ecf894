/* toy_engine.h - a version of HTTP that nobody speaks: two streams on one connection, so that the
 * contract of http/engine.h is kept honest before HTTP/2 comes.
 *
 * A frame: stream (0, 1), kind, length (2 bytes, big-endian), payload. Kinds: H head ("GET /path"
 * or "200"), D content, E end, R reset. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type toy_engine_type;
