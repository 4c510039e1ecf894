/* access_log.h - one line an exchange, from the event that closes it; and one for a connection that
 * came to nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/event.h"

enum tc_log_format {
    TC_LOG_TEXT,     /* for people: time, client, request, status, size, duration */
    TC_LOG_COMBINED, /* the combined format that most tools read */
    TC_LOG_JSON,     /* one object a line */
};
#define TC_LOG_WORDS "text|combined|json"

/* Whether there is a line for what was seen: for every exchange that is over (TC_SEEN_CLOSED), and,
 * but in the combined format, for a handshake that failed (TC_SEEN_PROTECTED) and was not just cut
 * off. */
bool tc_log_wants(enum tc_log_format format, const tc_seen *seen);
/* Adds that line with its end. Whatever the peer sent is escaped. wall: seconds since 1970.
 * TC_ERR_FULL: nothing was added. */
tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   int64_t wall) TC_MUST_USE;
