/* method.h - request methods (RFC 9110, 9), from tables/method.def. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

enum tc_method {
    TC_METHOD_NONE, /* not a registered method */
#define TC_METHOD(name, flags) TC_METHOD_##name,
#define TC_METHOD_OTHER(id, name, flags) TC_METHOD_##id,
#include "method.def"
#undef TC_METHOD
#undef TC_METHOD_OTHER
    TC_METHOD_COUNT
};

enum { TC_METHOD_SAFE = 1, TC_METHOD_IDEMPOTENT = 2, TC_METHOD_SERVED = 4 };

enum tc_method tc_method_of(tc_span token); /* case-sensitive; TC_METHOD_NONE where unknown */
tc_span tc_method_name(enum tc_method method);
unsigned tc_method_flags(enum tc_method method);
