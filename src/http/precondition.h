/* precondition.h - conditional requests (RFC 9110, 13): may this request go on? */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"

enum tc_verdict {
    TC_GO_ON,
    TC_NOT_MODIFIED,        /* answer 304, with the fields that a 200 would have had */
    TC_PRECONDITION_FAILED, /* answer 412 */
};

/* What is true of the selected representation now. */
typedef struct tc_validators {
    tc_span etag;     /* as in the field, quotes and all; empty: none */
    int64_t modified; /* unix s, or -1: none */
    bool exists;
} tc_validators;

/* Whether a request has any of the four. */
static inline bool tc_conditional(const tc_fields *f)
{
    return (f->present & (UINT64_C(1) << TC_FIELD_IF_MATCH | UINT64_C(1) << TC_FIELD_IF_NONE_MATCH |
                          UINT64_C(1) << TC_FIELD_IF_MODIFIED_SINCE |
                          UINT64_C(1) << TC_FIELD_IF_UNMODIFIED_SINCE)) != 0;
}

/* If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, in the order of 13.2.2. To be
 * asked once the answer would otherwise be a success (13.2.1), before anything is done. Dates that
 * are malformed or doubled, and dates where nothing has a time of modification, are ignored as the
 * RFC asks; malformed entity tags match nothing. Costs one test where there is none of the four. */
enum tc_verdict tc_precondition(const tc_message *request, const tc_validators *now_valid,
                                int64_t now_unix);

/* Whether the Range of a GET may be answered with a part (13.1.5): there is no If-Range, or it
 * names exactly what is there now. A weak tag never does. A date must be the very second of
 * modification, and counts only once that second is over: until then, the content may change again
 * under the same date, which makes it a weak validator (8.8.2.2). */
bool tc_if_range_holds(const tc_message *request, const tc_validators *v, int64_t now_unix);

/* The method of a request and what it demands of what it would change (If-Match, If-None-Match,
 * If-Unmodified-Since), for whoever decides once the request may be gone. */
tc_err tc_conditions_copy(tc_arena *a, const tc_message *request, tc_message *ret) TC_MUST_USE;
