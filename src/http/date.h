/* date.h - HTTP dates (RFC 9110, 5.6.7): three forms in, one out, in seconds since 1970 UTC.
 *
 * Own calendar arithmetic: no time zone, no locale, no lock. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

enum { TC_DATE_BYTES = 29 };

/* "Sun, 06 Nov 1994 08:49:37 GMT", not terminated. A time outside the years 0 to 9999 is written as
 * the nearest second within. */
void tc_date_write(char at[TC_DATE_BYTES], int64_t unix_seconds);

/* IMF-fixdate, RFC 850 date or asctime date, exactly as the grammar has them, letter case too.
 * The day of the month must exist. 23:59:60 is the second after it; no other minute has a 60th. The
 * name of the day must be one, but need not be the right one: it says nothing that the date does
 * not. A year of two digits is the one that lies at most 50 years after now_unix, and less than 50
 * before it. False where the text is no date. */
bool tc_date_parse(tc_span text, int64_t now_unix, int64_t *ret_unix_seconds);
