/* form.h - forms as browsers send them: what both encodings share, and the plain one,
 * application/x-www-form-urlencoded (the URL Standard of the WHATWG, 5.1).
 *
 * A parser is fed in pieces, however they are cut, and gives fields in pieces: only the name of one
 * field is kept. It is strict: a "%" without two hex digits and NUL are errors. Whether a field is
 * UTF-8 is known when it is whole: whoever takes it looks. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/limits.h"

/* Of a file the sender's name and type; both are hints and no more. */
typedef struct tc_form_field {
    tc_span name, filename, type;
    bool is_file;
} tc_form_field;

/* Who takes the fields: begin, any number of values, end; the spans live during the call. An error
 * ends the form. */
typedef struct tc_form_taker {
    tc_err (*begin)(void *self, const tc_form_field *field);
    tc_err (*value)(void *self, tc_span run);
    tc_err (*end)(void *self);
    void *self;
} tc_form_taker;

/* The way out of a parser, where all bounds are. */
typedef struct tc_form_out {
    tc_form_taker to;
    const tc_limits *limits; /* form_bytes, form_fields, form_field, form_head */
    tc_reached *reached;
    const char *why; /* after an error: what was wrong; NULL: the taker knows */
    uint64_t bytes, field_bytes;
    unsigned fields;
    bool in_file;
} tc_form_out;

enum tc_form_kind { TC_FORM_NONE, TC_FORM_URLENCODED, TC_FORM_MULTIPART };

/* What a Content-Type says, with the boundary of a multipart form, which is checked. NONE: it is no
 * form, or one that is not in UTF-8 (415), and *ret_why says so. */
enum tc_form_kind tc_form_kind_of(tc_span content_type, tc_span *ret_boundary,
                                  const char **ret_why);

void tc_form_out_init(tc_form_out *out, const tc_form_taker *to, const tc_limits *limits,
                      tc_reached *reached);
/* For parsers. Count what came, and the fields and bytes that go on. */
tc_err tc_form_out_count(tc_form_out *out, size_t bytes) TC_MUST_USE;
tc_err tc_form_out_begin(tc_form_out *out, const tc_form_field *field) TC_MUST_USE;
tc_err tc_form_out_value(tc_form_out *out, tc_span run) TC_MUST_USE;
tc_err tc_form_out_fail(tc_form_out *out, const char *why); /* TC_ERR_FORM */
tc_err tc_form_out_head_full(tc_form_out *out);             /* TC_ERR_FORM_TOO_LARGE */

typedef struct tc_urlencoded {
    tc_form_out out;
    tc_buf name;
    enum { TC_URLENCODED_START, TC_URLENCODED_NAME, TC_URLENCODED_VALUE } where;
    unsigned escape; /* 0; 1: "%" came; 2: and its first digit */
    uint8_t high;
} tc_urlencoded;

void tc_urlencoded_init(tc_urlencoded *u, const tc_form_taker *to, const tc_limits *limits,
                        tc_reached *reached);
void tc_urlencoded_fini(tc_urlencoded *u);
/* TC_ERR_FORM, TC_ERR_FORM_TOO_LARGE, TC_ERR_NO_MEMORY, or the taker's. After an error it is over.
 */
tc_err tc_urlencoded_feed(tc_urlencoded *u, tc_span run) TC_MUST_USE;
tc_err tc_urlencoded_end(tc_urlencoded *u) TC_MUST_USE;
