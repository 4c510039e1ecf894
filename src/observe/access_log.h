/* access_log.h - one line an exchange, from the event that closes it. */
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

/* Adds the line of a TC_SEEN_CLOSED, with its end of line. Whatever the peer sent is escaped. wall:
 * seconds since 1970. TC_ERR_FULL: nothing was added. */
tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   int64_t wall) TC_MUST_USE;
