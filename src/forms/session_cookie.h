/* session_cookie.h - the cookie that says whose session a request belongs to (RFC 6265bis, 4.1): an
 * id by chance, and nothing else. Over https its name begins with "__Host-", so that no other host
 * and no clear text can have set it; in clear text, where nothing can be promised, it has none. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

enum { TC_SESSION_ID = 40 }; /* hexadecimal digits: 160 bits */

tc_span tc_session_cookie_name(const tc_exchange *x);
/* False: there is none, several, or one that cannot be ours. Points into the request. */
bool tc_session_cookie_get(const tc_exchange *x, tc_span *ret_id);
/* Sets it: HttpOnly, SameSite=Lax, Path=/, over https Secure, until the browser ends. id empty: it
 * is removed. */
tc_err tc_session_cookie_set(tc_exchange *x, tc_span id) TC_MUST_USE;
