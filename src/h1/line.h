/* line.h - single lines of a head taken apart (RFC 9112, 2 to 5), where they lie.
 *
 * A line comes without its CRLF and without controls other than HTAB: tc_h1_scan saw to that. The
 * byte behind it must be readable and no token character, which its CR is. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"
#include "http/target.h"

/* A request line into version, method, method_name and *ret_target. What was understood before an
 * error stands in m, so that a log can say what was asked for. */
tc_err tc_h1_request_line(tc_span line, tc_message *m, tc_target *ret_target) TC_MUST_USE;
/* A status line into version, status and reason. */
tc_err tc_h1_status_line(tc_span line, tc_message *m) TC_MUST_USE;
/* A field line: lowers the name in place, trims the value. Ours: the bytes may be changed. */
tc_err tc_h1_field_line(char *at, size_t len, tc_field *ret_field) TC_MUST_USE;

/* Takes the next member off a comma-separated list (RFC 9110, 5.6.1), trimmed; empty members are
 * skipped. false at the end. Quoted strings are not understood: for lists of tokens. */
bool tc_h1_list_take(tc_span *list, tc_span *ret_member);
