/* json_out.h - the record of all exchanges as one JSON object (--json). Its form is described in
 * tercet(1); "version" changes when a member goes or changes its meaning, not when one is added. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/record.h"

enum { TC_JSON_VERSION = 1, TC_JSON_BODY = 1024 * 1024 };

/* The whole object with a line end. secrets: the values of credentials too, not dots. Written
 * piece by piece by put(self, bytes), whose first error ends it. */
tc_err tc_json_write(const tc_record *r, bool secrets, tc_err (*put)(void *self, tc_span bytes),
                     void *self) TC_MUST_USE;
