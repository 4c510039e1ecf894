/* multipart.h - forms of parts (RFC 7578, multipart/form-data; RFC 2046, 5.1): files, above all.
 *
 * Fed in pieces, however they are cut; keeps the head of one part and the place within a delimiter.
 * Strict: lines end in CRLF, a delimiter is followed by blanks and nothing else, each part says
 * what it is, and the last delimiter must come. What stands before and behind the parts means
 * nothing. Linear in what is fed: a delimiter begins with CR and has no other, so a comparison that
 * fails never goes back. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/form.h"

enum { TC_BOUNDARY_BYTES = 70 };

typedef struct tc_multipart {
    tc_form_out out;
    tc_buf head;
    char delimiter[4 + TC_BOUNDARY_BYTES]; /* CR LF "--" boundary */
    size_t delimiter_bytes, matched;
    size_t blanks; /* behind a delimiter */
    enum {
        TC_MULTIPART_BEFORE, /* the first delimiter */
        TC_MULTIPART_DELIMITED,
        TC_MULTIPART_DASH, /* behind one and the first "-" of the last */
        TC_MULTIPART_PADDED,
        TC_MULTIPART_LINE, /* behind one and its CR */
        TC_MULTIPART_HEAD,
        TC_MULTIPART_VALUE,
        TC_MULTIPART_AFTER /* the last delimiter */
    } where;
} tc_multipart;

/* Whether it can be one (RFC 2046, 5.1.1). */
bool tc_multipart_boundary(tc_span boundary);

/* boundary: a good one; copied. */
void tc_multipart_init(tc_multipart *m, tc_span boundary, const tc_form_taker *to,
                       const tc_limits *limits, tc_reached *reached);
void tc_multipart_fini(tc_multipart *m);
/* As tc_urlencoded_feed. A part in another charset: TC_ERR_FORM_TYPE. */
tc_err tc_multipart_feed(tc_multipart *m, tc_span run) TC_MUST_USE;
tc_err tc_multipart_end(tc_multipart *m) TC_MUST_USE;
