/* qpack_case.h - bytes of QPACK as a test says them: for its suites. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h3/qpack.h"

enum {
    ARENA_MAX = 1 << 20,
    VALUE_MAX = 8000,
    BLOCK_MAX = 1 << 16,
    TABLE = 4096,
    OUT_MAX = 1 << 16
};

/* Digits in pairs; blanks are for the reader; "(...)*N" says it N times. */
tc_span qpack_case_bytes_of(const char *hex);

/* "name: value|..." of a section, and the error at its end; TC_ERR_FULL: it is blocked. */
tc_err qpack_case_read_section(tc_qpack_decoder *d, tc_span whole, uint64_t stream, tc_buf *text);
extern char texts[6000];
