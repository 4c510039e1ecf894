/* fixed.h - answers that are set: a redirection by a pattern, or a status with a line of text. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

typedef struct tc_fixed {
    unsigned status;
    tc_span to;     /* of a redirection: its pattern */
    tc_span text;   /* of another answer: its content; empty: the usual page of an error, or none */
    tc_span prefix; /* of the route */
} tc_fixed;

/* "308 https://example.org{uri}", "/new{rest}" (308 where no status stands): {uri} is the path and
 * query as they came, {path} the path alone, {rest} what is behind the route's prefix, {host} the
 * host. NULL: fine; else what is wrong. Points into text. */
const char *tc_fixed_redirect(tc_span text, tc_span prefix, tc_fixed *ret_fixed);
/* "404", "200 all is well". */
const char *tc_fixed_answer(tc_span text, tc_fixed *ret_fixed);

/* self is a const tc_fixed. */
extern const tc_handler tc_fixed_handler;
