/* form_state.h - what a form's page knows, sent along in a hidden field and sealed, so that it
 * comes back as it was: which step it is, until when it is good, a number that is good once, and
 * what was filled in before.
 *
 *   step=review&until=1763800000&once=4f...&Name=David+Smith&mac=9c...
 *
 * The seal is an HMAC-SHA256 (RFC 2104) over the path of the form and all that stands before it,
 * with a key of the session: so it is good for this form, this step and this session alone.
 * People can read it; only the server can write it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

enum { TC_STATE_KEY = 64, TC_STATE_ONCE = 32, TC_STATE_MAC = 64, TC_STATE_STEP = 16 }; /* digits */

typedef struct tc_form_value {
    tc_span name, value;
} tc_form_value;

typedef struct tc_form_state {
    tc_span step;    /* "review" */
    int64_t until_s; /* wall clock */
    tc_span once;
    tc_span values; /* urlencoded */
} tc_form_state;

/* key: TC_STATE_KEY digits. The number that is good once is made here. */
tc_err tc_form_state_write(tc_buf *out, tc_span key, tc_span path, tc_span step, int64_t until_s,
                           const tc_form_value *values, size_t count) TC_MUST_USE;
/* False: it was not written with this key for this path. Points into text. Whether it is late or
 * was used is not looked at. The comparison takes the same time wherever seals differ. */
bool tc_form_state_open(tc_span text, tc_span key, tc_span path, tc_form_state *ret_state);
/* What it says, believed or not. False: it has not the form of one. */
bool tc_form_state_read(tc_span text, tc_form_state *ret_state);
/* One value in the plain encoding of forms. */
tc_err tc_form_encode(tc_buf *out, tc_span s) TC_MUST_USE;
