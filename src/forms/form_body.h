/* form_body.h - the fields of a form that was sent, gathered: names and values, in one piece of
 * memory within the bounds of http/form.h. Files are read over and not kept. */
// SPDX-License-Identifier: MIT
#pragma once
#include "forms/form_state.h"
#include "http/message.h"
#include "http/multipart.h"

typedef struct tc_form_body {
    enum tc_form_kind kind;
    union {
        tc_urlencoded plain;
        tc_multipart parts;
    } parser;
    tc_buf memory;
    struct {
        size_t name, value, end; /* where they begin and end in memory */
    } * fields;
    size_t count, room;
    bool in_file;
} tc_form_body;

/* Chooses the parser by the head of a request. TC_ERR_FORM_TYPE, TC_ERR_FORM_TOO_LARGE; *ret_why is
 * what was wrong, after each error of these functions; NULL: out of memory. */
tc_err tc_form_body_begin(tc_form_body *b, const tc_message *request, const tc_limits *limits,
                          tc_reached *reached, const char **ret_why) TC_MUST_USE;
tc_err tc_form_body_feed(tc_form_body *b, tc_span run, const char **ret_why) TC_MUST_USE;
/* All values are UTF-8, and no name comes twice. */
tc_err tc_form_body_end(tc_form_body *b, const char **ret_why) TC_MUST_USE;
uint64_t tc_form_body_bytes(const tc_form_body *b); /* of memory, now */
void tc_form_body_fini(tc_form_body *b);            /* zeroed is fine, too */

/* The same for text that we made: what a sealed state carries. */
tc_err tc_form_body_read(tc_form_body *b, tc_span text, const tc_limits *limits,
                         tc_reached *reached) TC_MUST_USE;

/* Empty, with at NULL, where there is no such field. Lives with b. */
tc_span tc_form_body_get(const tc_form_body *b, tc_span name);
