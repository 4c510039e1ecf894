/* qpack_static.c - see qpack_static.h. */
// SPDX-License-Identifier: MIT
#include "h3/qpack_static.h"

const tc_field tc_qpack_static[TC_QPACK_STATIC + 1] = {
#define TC_QPACK(index, id, name, value)                                                           \
    [(index) + 1] = {{name, sizeof name - 1}, {value, sizeof value - 1}, TC_FIELD_##id},
#include "qpack_static.def"
#undef TC_QPACK
};

tc_pack_names tc_qpack_names = {.rows = tc_qpack_static, .count = TC_QPACK_STATIC, .path = 2};

__attribute__((constructor)) static void fill(void)
{
    tc_pack_names_fill(&tc_qpack_names);
}
