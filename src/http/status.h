/* status.h - status codes (RFC 9110, 15), from tables/status.def. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* "Not Found"; of a code that nobody registered, the phrase of its class ("Client Error"). */
tc_span tc_status_reason(unsigned status);
/* The class in words: "informational", "success", "redirection", "client error", "server error". */
tc_span tc_status_class(unsigned status);
/* "HTTP/1.1 404 Not Found\r\n" where the code is registered, else empty. Kept once, for hot paths.
 */
tc_span tc_status_line(unsigned status);
/* Whether a response of this status never has content (RFC 9110, 6.4.1): 1xx, 204, 304. */
bool tc_status_no_content(unsigned status);
