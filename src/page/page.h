/* page.h - what the pages that the program itself writes have in common: one look, one way of
 * writing them.
 *
 * A tc_page keeps its first error, so that code reads as a list of what stands on the page. Text
 * that comes from elsewhere goes through tc_page_safe, never through tc_page_raw. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/accept.h"
#include "http/exchange.h"

typedef struct tc_page {
    tc_buf *to;
    tc_err err;
} tc_page;

void tc_page_raw(tc_page *p, tc_span s);
void tc_page_number(tc_page *p, uint64_t value);
/* Escaped for where it will stand: HTML text or attribute, a JSON string with its quotes, or a line
 * on a terminal. */
void tc_page_safe(tc_page *p, enum tc_reply_kind kind, tc_span s);

/* From the doctype to the opened <main>, with the title and the style, light and dark. */
void tc_page_open(tc_page *p, tc_span title);
/* The same with more style, which is ours. */
void tc_page_open_styled(tc_page *p, tc_span title, tc_span more_style);
void tc_page_close(tc_page *p);

/* Sets Content-Type and what keeps a browser from taking the answer for anything else; what ours
 * said about other content is removed. HTML may style itself and load nothing. */
tc_err tc_page_fields(tc_exchange *x, tc_span content_type) TC_MUST_USE;
/* The same for HTML that may send forms, to this server alone. */
tc_err tc_page_form_fields(tc_exchange *x) TC_MUST_USE;
