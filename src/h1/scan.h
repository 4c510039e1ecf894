/* scan.h - finds the end of a line and checks its bytes, both in one pass. */
// SPDX-License-Identifier: MIT
#pragma once

/* The first byte of [at, end) that may not stand in a line (RFC 9110, 5.5): a control other than
 * HTAB, or DEL. In a good line that is its CR. end where there is none. */
const char *tc_h1_scan(const char *at, const char *end);
const char *tc_h1_scan_plain(const char *at, const char *end); /* the same, byte by byte */
