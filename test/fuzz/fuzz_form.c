/* fuzz_form.c - forms in both encodings, whole and in pieces: the same fields, the same fault. The
 * first byte says which encoding, how large the limits are and how it is cut. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include "support/form_log.h"

enum { PLAIN = 1, SMALL_LIMITS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const unsigned how = data[0];
    const tc_span content = tc_span_of((const char *)data + 1, size - 1);
    const tc_span type = how & PLAIN ? TC_SPAN("application/x-www-form-urlencoded")
                                     : TC_SPAN("multipart/form-data; boundary=\"-b-\"");
    tc_limits limits = tc_limits_default;
    if (how & SMALL_LIMITS) {
        limits.form_fields = 3;
        limits.form_field = 10;
        limits.form_head = 64;
        limits.form_bytes = 300;
    }
    form_log whole, pieces;
    form_log_play(&whole, type, content, &limits, 0, 0);
    form_log_play(&pieces, type, content, &limits, how >> 5, 1 + (how >> 2 & 7));
    /* Where the whole is too long, that is known earlier. */
    if (!whole.reached.form_bytes) {
        if (whole.err != pieces.err || strcmp(whole.why, pieces.why)) {
            fprintf(stderr, "whole: %d %s\npieces: %d %s\n", (int)whole.err, whole.why,
                    (int)pieces.err, pieces.why);
            abort();
        }
        if (!whole.err && !tc_span_eq(tc_buf_span(&whole.text), tc_buf_span(&pieces.text))) abort();
    } else if (!pieces.err) {
        abort();
    }
    if (whole.text.len > 2 * size + 16) abort(); /* nothing grows */
    form_log_fini(&whole);
    form_log_fini(&pieces);

    /* the same bytes as a Content-Type */
    tc_span boundary = {0};
    const char *why;
    if (tc_form_kind_of(content, &boundary, &why) == TC_FORM_MULTIPART &&
        (!boundary.len || boundary.len > 70))
        abort();
    return 0;
}
