/* units.h - quantities as people read them. All add to a tc_buf. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

tc_err tc_units_time(tc_buf *b, int64_t ns) TC_MUST_USE;    /* "0.3 ms", "17 ms", "2.41 s" */
tc_err tc_units_bytes(tc_buf *b, uint64_t n) TC_MUST_USE;   /* "1,024 B" */
tc_err tc_units_rounded(tc_buf *b, uint64_t n) TC_MUST_USE; /* "12.3 MB": powers of ten */
tc_err tc_units_place(tc_buf *b, unsigned n) TC_MUST_USE;   /* "1st", "2nd", "11th" */
/* How many columns a terminal uses for text without controls: its characters, each one wide. */
size_t tc_units_columns(tc_span text);
