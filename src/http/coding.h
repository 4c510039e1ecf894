/* coding.h - content codings, and which of them a request would rather have (RFC 9110, 8.4.1 and
 * 12.5.3; zstd: RFC 8878; br: RFC 7932). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

enum tc_coding {
    TC_CODING_IDENTITY,
    TC_CODING_GZIP,
    TC_CODING_ZSTD,
    TC_CODING_BR,
    TC_CODINGS,
    TC_CODING_NONE = TC_CODINGS /* nothing that is there will do */
};

enum { TC_CODINGS_MADE = TC_CODINGS - 1 }; /* all but identity */

tc_span tc_coding_name(enum tc_coding coding);   /* "br" */
tc_span tc_coding_ending(enum tc_coding coding); /* ".br": of a file that is so coded */
/* Without regard to case; x-gzip is gzip (RFC 9110, 18.6). NONE: unknown. */
enum tc_coding tc_coding_of(tc_span name);

/* What a request says of each, in thousandths; 0: not acceptable. */
typedef struct tc_coding_wish {
    uint16_t q[TC_CODINGS];
} tc_coding_wish;

/* Of all lines of Accept-Encoding. Without the field, or with an empty one, only identity will do.
 * Identity is acceptable, though last, unless it is named or excluded by "*;q=0". Of a coding that
 * is named twice the first one counts. */
tc_coding_wish tc_coding_wish_of(const tc_fields *f);

/* Whether that excludes identity, so that nothing but what is coded will do. */
bool tc_coding_excludes_identity(const tc_fields *f);

/* The best of those that are available (bits 1 << coding; identity always is). Of equal weights the
 * one that stands first in order wins, and identity comes last. NONE: not even identity will do. */
enum tc_coding tc_coding_choose(const tc_coding_wish *wish, unsigned available,
                                const uint8_t order[TC_CODINGS_MADE]);

enum { TC_CODING_MEMO_BYTES = 64, TC_CODING_MEMO_PLACES = 4 };

/* The last values of the field and what they said: clients say the same again and again. Begins
 * zeroed. */
typedef struct tc_coding_memo {
    struct {
        tc_coding_wish wish;
        uint8_t len; /* 0: not in use */
        char text[TC_CODING_MEMO_BYTES];
    } places[TC_CODING_MEMO_PLACES];
    uint8_t next;
} tc_coding_memo;

/* As tc_coding_wish_of. */
tc_coding_wish tc_coding_recall(tc_coding_memo *memo, const tc_fields *f);
