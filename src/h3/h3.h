/* h3.h - the engine of HTTP/3 (RFC 9114), both ends, for a link with streams. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/engine.h"

extern const tc_engine_type tc_h3_type;
