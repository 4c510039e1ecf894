/* compress.h - content codings made: gzip (RFC 1952), br (RFC 7932), zstd (RFC 8878). The libraries
 * are named in compress.c alone. May be called from any thread. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/coding.h"

/* Writes in, coded, to out and returns its length; 0 where it does not fit, or without memory. The
 * same bytes give the same as long as the mark stays. */
size_t tc_compress(enum tc_coding coding, tc_span in, char *out, size_t room);
/* Differs where another release or level of a library could write other bytes. */
unsigned tc_compress_mark(enum tc_coding coding);
