/* integer.h - the integers of header compression (RFC 7541, 5.1; RFC 9204, 4.1.1): the low bits of
 * a byte, and seven more in each byte that follows if those were all ones. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

#define TC_PACK_32 UINT32_MAX                /* more than any length or index of HPACK */
#define TC_PACK_62 ((UINT64_C(1) << 62) - 1) /* what QPACK must be able to read */
enum { TC_PACK_INTEGER_MAX = 11 };           /* bytes that are written at most */

/* Writes value behind the bits of first that the prefix (1 to 8 bits) leaves; returns the end. */
char *tc_pack_integer_put(char *out, uint8_t first, unsigned prefix, uint64_t value);

/* The rest of the work for tc_pack_integer_take. */
tc_err tc_pack_integer_take_long(tc_span *in, unsigned prefix, uint64_t max, uint64_t *ret_value);

/* Takes an integer whose first byte has it in its low prefix bits. TC_ERR_NOTHING, and *in
 * untouched: it is not whole. TC_ERR_COMPRESSION: it is over max, or longer than such a number
 * needs. */
TC_MUST_USE static inline tc_err tc_pack_integer_take(tc_span *in, unsigned prefix, uint64_t max,
                                                      uint64_t *ret_value)
{
    if (in->len == 0) return TC_ERR_NOTHING;
    const unsigned full = (1u << prefix) - 1, low = (uint8_t)*in->at & full;
    if (low == full) return tc_pack_integer_take_long(in, prefix, max, ret_value);
    (void)tc_span_take(in, 1);
    *ret_value = low;
    return TC_OK;
}
