/* error_page.h - the answer where there is none: an error or a redirection, for a person (HTML), a
 * program (RFC 9457) or a terminal, as the request's Accept asks. Words: tables/error_page.def. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/accept.h"
#include "http/exchange.h"

/* Answers x with a status from 300 on. Fields that ours has already are kept (Allow, Location,
 * Retry-After, WWW-Authenticate, Content-Range), but for those about content that is not sent (the
 * ETag of a 412 stays); an error that says nothing of caching is not to be stored. detail: one line
 * more, of any bytes, cut after 512; may be empty. A redirection links to ours' Location. 304 has
 * no page and is answered bare.
 *
 * All memory is x's; where it does not suffice the answer has no content. TC_ERR_HEAD_TWICE where x
 * has begun its answer, and nothing is changed. */
tc_err tc_error_page(tc_exchange *x, unsigned status, tc_span detail) TC_MUST_USE;
/* What a program may want to know besides: members of a problem (RFC 9457, 3.2). */
typedef struct tc_error_facts {
    unsigned line, column; /* of the content, from 1; 0: none */
    const char *limit;     /* which was passed; NULL: none */
} tc_error_facts;

/* The same with another usual kind, where the request does not say; facts may be NULL. */
tc_err tc_error_page_as(tc_exchange *x, unsigned status, tc_span detail, enum tc_reply_kind usual,
                        const tc_error_facts *facts) TC_MUST_USE;
