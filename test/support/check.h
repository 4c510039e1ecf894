/* check.h - what unit tests share: cmocka, comparing spans, making requests, random numbers whose
 * seed is printed (and taken from TERCET_SEED, to see the same again). */
// SPDX-License-Identifier: MIT
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/message.h"

/* Fails, showing both, unless the span is that text. */
#define check_span(span, text) check_span_at((span), tc_span_str(text), __FILE__, __LINE__)
void check_span_at(tc_span got, tc_span wanted, const char *file, int line);

/* Inside a loop over cases: says which case failed. */
#define check_case(condition, label)                                                               \
    do {                                                                                           \
        if (!(condition)) fail_msg("case \"%s\": %s", (label), #condition);                        \
    } while (0)

/* A request with the fields of "name: value\n" lines, all of it in a. */
tc_message check_request(tc_arena *a, enum tc_method method, const char *field_lines);
/* Adds those lines to a list. */
void check_add_fields(tc_fields *f, tc_arena *a, const char *field_lines);

/* The same bytes at the end of a page that nothing follows, so that reading past them is a crash
 * in any build. Kept until the program ends. */
tc_span check_edge(tc_span bytes);

/* Printed when it is asked for first; TERCET_SEED, if that is set. */
uint64_t check_seed(void);
/* splitmix64 from there. */
uint64_t check_random(void);
uint64_t check_random_below(uint64_t n);
