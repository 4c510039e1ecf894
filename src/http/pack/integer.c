/* integer.c - see integer.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/integer.h"

enum { GROUP = 7, LAST_SHIFT = 56 };

char *tc_pack_integer_put(char *out, uint8_t first, unsigned prefix, uint64_t value)
{
    const unsigned full = (1u << prefix) - 1;
    if (value < full) {
        *out++ = (char)(first | value);
        return out;
    }
    *out++ = (char)(first | full);
    for (value -= full; value >= 1u << GROUP; value >>= GROUP)
        *out++ = (char)(0x80 | (value & 0x7f));
    *out++ = (char)value;
    return out;
}

tc_err tc_pack_integer_take_long(tc_span *in, unsigned prefix, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = (1u << prefix) - 1;
    unsigned shift = 0;
    for (size_t i = 1; i < in->len; i++, shift += GROUP) {
        const uint8_t byte = (uint8_t)in->at[i];
        if (shift > LAST_SHIFT) return TC_ERR_COMPRESSION; /* also what only drags zeros along */
        value += (uint64_t)(byte & 0x7f) << shift;         /* below 2^63 + 2^56 at the end */
        if (value > max) return TC_ERR_COMPRESSION;
        if (byte & 0x80) continue;
        *in = tc_span_from(*in, i + 1);
        *ret_value = value;
        return TC_OK;
    }
    return shift > LAST_SHIFT ? TC_ERR_COMPRESSION : TC_ERR_NOTHING;
}
