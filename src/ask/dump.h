/* dump.h - bytes for people to read: sixteen a line, in hexadecimal and as text. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

/* Adds lines that begin with mark, for the first most bytes, and one that says how many are left
 * out. */
tc_err tc_dump(tc_buf *out, tc_span mark, tc_span bytes, size_t most) TC_MUST_USE;
