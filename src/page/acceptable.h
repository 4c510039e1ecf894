/* acceptable.h - what Accept-Encoding leaves no form of (RFC 9110, 12.5.3): 406. What is there in
 * one form only, not coded, is asked about before it is sent; errors, redirections and what tells
 * of a change that was made are sent all the same. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/accept.h"
#include "http/coding.h"
#include "http/exchange.h"

/* Whether who asks (GET, HEAD) takes nothing that is not coded. */
bool tc_wants_coded(const tc_exchange *x);
/* Answers so, usually in that kind. vary: of which fields it depends; empty: of Accept-Encoding
 * alone. codings: bits of those that there are, besides identity. */
tc_err tc_not_acceptable(tc_exchange *x, tc_span vary, unsigned codings,
                         enum tc_reply_kind usual) TC_MUST_USE;
/* ... of what is not coded, for people. */
tc_err tc_only_identity(tc_exchange *x) TC_MUST_USE;
