/* string.h - strings of header compression (RFC 7541, 5.2; RFC 9204, 4.1.2): a length behind a bit
 * that says whether the Huffman code is used, then the bytes. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "http/pack/huffman.h"
#include "http/pack/integer.h"

/* What a string takes at most beside its bytes, and what is overwritten behind it. */
enum { TC_PACK_STRING_MAX = TC_PACK_INTEGER_MAX + TC_HUFFMAN_SLACK };

/* Writes s, in whichever form is shorter, behind the bits of first; the length has a prefix of so
 * many bits, the bit above it is the Huffman bit. Returns the end. */
char *tc_pack_string_put(char *out, uint8_t first, unsigned prefix, tc_span s);

/* Takes a string that is whole into a. TC_ERR_COMPRESSION, TC_ERR_FIELDS_TOO_LARGE: longer than
 * max; TC_ERR_NO_MEMORY. */
tc_err tc_pack_string_take(tc_span *in, unsigned prefix, tc_arena *a, size_t max,
                           tc_span *ret_string) TC_MUST_USE;
/* Passes over one. TC_ERR_NOTHING: it is not whole; TC_ERR_COMPRESSION: its code is longer than
 * max, or its length makes no sense. */
tc_err tc_pack_string_skip(tc_span *in, unsigned prefix, size_t max) TC_MUST_USE;
