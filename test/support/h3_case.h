/* h3_case.h - one connection to a server of HTTP/3, and what its client says byte by byte: for the
 * suites of servers. */
// SPDX-License-Identifier: MIT
#pragma once
#include "support/h3_end.h"

enum { CONTROL = 2, ENCODER = 6, DECODER = 10, OTHER = 14 };

extern h3_raw h3_said;
extern conn h3_conn;
extern h3_end h3_side;
void h3_case_begin(void);
void h3_case_end(void);
void h3_case_tell(uint64_t sid, bool fin, size_t step);
void h3_case_put(const char *bytes, size_t len);
