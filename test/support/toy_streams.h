/* toy_streams.h - an engine for links with streams, so simple that only the contract is left of it:
 * a stream each for an exchange and one way each for a greeting.
 *
 * A request is "GET /path\n" and content, a response "200\n" and content; a message ends with its
 * half of the stream. The greeting is "toy\n", by either side, on a stream that never ends. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type toy_streams_type;
