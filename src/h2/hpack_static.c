/* hpack_static.c - see hpack_static.h. */
// SPDX-License-Identifier: MIT
#include "h2/hpack_static.h"

const tc_field tc_hpack_static[TC_HPACK_STATIC + 1] = {
#define TC_HPACK(index, id, name, value)                                                           \
    [index] = {{name, sizeof name - 1}, {value, sizeof value - 1}, TC_FIELD_##id},
#include "hpack_static.def"
#undef TC_HPACK
};

tc_pack_names tc_hpack_names = {.rows = tc_hpack_static, .count = TC_HPACK_STATIC, .path = 4};

__attribute__((constructor)) static void fill(void)
{
    tc_pack_names_fill(&tc_hpack_names);
}
