/* huffman.h - strings in the Huffman code of RFC 7541, 5.2 and appendix B (tables/huffman.def). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

enum { TC_HUFFMAN_SLACK = 8 }; /* bytes behind the end that encoding may overwrite */

/* Bytes of the code of plain. */
size_t tc_huffman_length(tc_span plain);
/* Writes that many bytes and returns the end. */
char *tc_huffman_encode(char *out, tc_span plain);

/* The most that len bytes of code can say: the shortest code has five bits. */
static inline size_t tc_huffman_plain_max(size_t len)
{
    return len / 5 * 8 + len % 5 * 8 / 5;
}

/* Writes at most room bytes at out. TC_ERR_COMPRESSION: the code is wrong, ends in more than seven
 * bits of padding or other than ones, or has the end of the string in it. TC_ERR_FULL: room is too
 * small. */
tc_err tc_huffman_decode(tc_span code, char *out, size_t room, size_t *ret_len) TC_MUST_USE;
