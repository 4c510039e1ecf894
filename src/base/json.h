/* json.h - JSON written piece by piece into a buffer. Writing stops at the first error and goes on
 * for show, so that it is asked for once. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

typedef struct tc_json {
    tc_buf out;
    tc_err err;
} tc_json;

void tc_json_raw(tc_json *j, const char *text);
void tc_json_string(tc_json *j, tc_span s);     /* quoted */
void tc_json_key(tc_json *j, const char *name); /* with a comma before it, if it needs one */
void tc_json_open(tc_json *j, const char *name, char bracket); /* name NULL: in an array */
void tc_json_close(tc_json *j, char bracket);

/* One member. */
void tc_json_text(tc_json *j, const char *name, tc_span value);
void tc_json_number(tc_json *j, const char *name, uint64_t value);
void tc_json_ms(tc_json *j, const char *name, int64_t ns); /* as milliseconds */
void tc_json_boolean(tc_json *j, const char *name, bool value);
