/* method.c - see method.h. */
// SPDX-License-Identifier: MIT
#include "http/method.h"

enum { SAFE = TC_METHOD_SAFE, IDEMPOTENT = TC_METHOD_IDEMPOTENT, SERVED = TC_METHOD_SERVED };

static const struct {
    tc_span name;
    unsigned flags;
} methods[TC_METHOD_COUNT] = {
#define TC_METHOD(id, value) [TC_METHOD_##id] = {{#id, sizeof #id - 1}, value},
#define TC_METHOD_OTHER(id, token, value) [TC_METHOD_##id] = {{token, sizeof token - 1}, value},
#include "method.def"
#undef TC_METHOD
#undef TC_METHOD_OTHER
};

enum tc_method tc_method_of(tc_span token)
{
    for (int i = TC_METHOD_NONE + 1; i < TC_METHOD_COUNT; i++)
        if (tc_span_eq(token, methods[i].name)) return (enum tc_method)i;
    return TC_METHOD_NONE;
}

tc_span tc_method_name(enum tc_method method)
{
    return methods[method].name;
}

unsigned tc_method_flags(enum tc_method method)
{
    return methods[method].flags;
}
