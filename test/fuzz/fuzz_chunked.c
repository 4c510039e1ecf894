/* fuzz_chunked.c - the chunked decoder: whole and byte by byte must come to the same. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h1/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct outcome {
    tc_err err;
    bool done;
    uint64_t content, sum;
    size_t rest;
} outcome;

static outcome decode(tc_span in, size_t piece_max)
{
    outcome o = {0};
    tc_chunked c = {0};
    tc_reached reached = {0};
    while (in.len > 0 && !o.done && !o.err) {
        tc_span piece = tc_span_first(in, piece_max);
        const size_t lent = piece.len;
        size_t n = 0;
        o.err = tc_chunked_next(&c, &tc_limits_default, &reached, &piece, &n, &o.done);
        if (o.err) break;
        if (n > piece.len) abort();
        for (size_t i = 0; i < n; i++)
            o.sum = o.sum * 31 + (uint8_t)piece.at[i];
        o.content += n;
        if (n > 0) tc_chunked_took(&c, n);
        in = tc_span_from(in, lent - piece.len + n);
    }
    o.rest = o.err ? 0 : in.len;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const tc_span in = tc_span_of((const char *)data, size);
    const outcome a = decode(in, SIZE_MAX), b = decode(in, 1), c = decode(in, 7);
    if (a.err != b.err || a.done != b.done || a.content != b.content || a.sum != b.sum ||
        a.rest != b.rest)
        abort();
    if (a.err != c.err || a.done != c.done || a.content != c.content || a.sum != c.sum ||
        a.rest != c.rest)
        abort();
    return 0;
}
