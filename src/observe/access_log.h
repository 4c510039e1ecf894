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

/* When it was, in words: all lines of a second have the same. Begins as zeros. */
typedef struct tc_log_date {
    int64_t wall; /* seconds since 1970 */
    size_t len;
    char text[32];
} tc_log_date;

void tc_log_date_set(tc_log_date *date, enum tc_log_format format, int64_t wall);

/* Adds that line with its end. Whatever the peer sent is escaped. TC_ERR_FULL: nothing was added.
 */
tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   const tc_log_date *date) TC_MUST_USE;
