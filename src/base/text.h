/* text.h - bytes made safe for a reader: numbers, JSON, HTML, terminals. All add to a tc_buf. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

/* Decimal digits into at least 20 bytes; returns how many. Not terminated. */
size_t tc_text_number(char *at, uint64_t value);

/* The two digits of a number below 100. */
extern const char tc_text_pairs[100][2];

/* How many bytes at the start of s are printable ASCII, and neither " nor \\ if quoted. */
size_t tc_text_plain(tc_span s, bool quoted);

/* Quoted; bytes that are no UTF-8 become U+FFFD. */
tc_err tc_text_json(tc_buf *b, tc_span s) TC_MUST_USE;
/* & < > " ' escaped, controls but \n and \t as blanks; bytes that are no UTF-8 become U+FFFD */
tc_err tc_text_html(tc_buf *b, tc_span s) TC_MUST_USE;
/* Controls, bytes that are no UTF-8 and what turns the direction of text as \xNN; \n and \t stay if
 * lines. */
tc_err tc_text_terminal(tc_buf *b, tc_span s, bool lines) TC_MUST_USE;
tc_err tc_text_base64(tc_buf *b, tc_span s) TC_MUST_USE;
tc_err tc_text_thousands(tc_buf *b, uint64_t value) TC_MUST_USE; /* 1,234,567 */

bool tc_text_is_utf8(tc_span s);
/* Length of the UTF-8 sequence at the start of s (1 to 4), or 0 if it is no valid one. */
size_t tc_text_utf8_length(tc_span s);
