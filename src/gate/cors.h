/* cors.h - which pages of other origins may use answers of a route (the Fetch standard, 3.2): their
 * browsers ask, before what no form could send (preflight), and with each answer. Nobody is kept
 * out by this who is no browser. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

/* Of a route, in text that outlives it. */
typedef struct tc_cors {
    const tc_span
        *origins; /* "https://a.example"; with "*." before a name: all below it; or "*" alone */
    size_t origin_count;
    tc_span methods;  /* "GET, HEAD, POST" */
    tc_span headers;  /* fields that pages may send besides those that all may; "*": any */
    tc_span expose;   /* fields of answers that they may read besides; empty: none */
    bool any;         /* "*" */
    bool credentials; /* cookies and the like come along */
    tc_span max_age;  /* seconds that browsers keep what a preflight said; empty: as they like */
} tc_cors;

/* Checks what was set, and fills .any. NULL: it is fine; else what is wrong and what is wanted;
 * *ret_value: with which of the values, or empty. */
const char *tc_cors_check(tc_cors *c, const char **ret_setting, tc_span *ret_value);

/* A preflight has its answer, before anybody is asked who he is. True: x has its handler. c NULL:
 * nothing is set. */
bool tc_cors_gate(const tc_cors *c, tc_exchange *x);
/* The fields of any other answer, errors too, as it leaves. */
tc_err tc_cors_answer(const tc_cors *c, tc_exchange *x) TC_MUST_USE;
