/* accept.h - what kind of answer a request would rather have (RFC 9110, 12.4 and 12.5.1). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"

/* weight (RFC 9110, 12.4.2): 0 to 1 with at most three digits, in thousandths. */
bool tc_weight_read(tc_span s, int *ret_q);
/* Takes the next member of a weighted list (Accept-Encoding, Accept-Language) off *rest; 1000 where
 * it has no weight. Malformed ones are skipped. False, with *rest empty, where there are no more.
 */
bool tc_weighted_next(tc_span *rest, tc_span *ret_item, int *ret_q);

/* The weight that an Accept value gives a type, in thousandths: 0 not acceptable, 1000 best. The
 * most specific range decides: type/subtype with parameters, type/subtype, type/any, any. type
 * may have parameters ("text/html; charset=utf-8"). Malformed members say nothing; an empty value
 * asks for nothing, and everything is 1000. */
int tc_accept_q(tc_span accept, tc_span type);

/* Whether a request asks for the type by its name, as browsers do for a page but not for what it
 * loads: any range that merely includes it says nothing. */
bool tc_accept_names(const tc_fields *request, tc_span type);

enum tc_reply_kind { TC_REPLY_HTML, TC_REPLY_JSON, TC_REPLY_TEXT };

/* The best of three: text/html; application/json or application/problem+json; text/plain. Of equal
 * weights, the more specific range wins, then the one that stands first; where one range speaks for
 * several (as "any" of curl), and where none of the three is acceptable or nothing was
 * asked for, the usual one. */
enum tc_reply_kind tc_accept_kind(const tc_message *request, enum tc_reply_kind usual);
