/* range.h - byte ranges (RFC 9110, 14): Range at a server, Content-Range at both ends.
 *
 * Only one range is ever answered: several that do not join to one are answered with the whole
 * representation, which RFC 9110, 14.2 allows and which leaves nothing to be multiplied. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* Positions of the first and the last byte, both within. */
typedef struct tc_range {
    uint64_t first, last;
} tc_range;

enum tc_range_verdict {
    TC_RANGE_NONE,            /* answer 200 with everything */
    TC_RANGE_ONE,             /* answer 206 with *ret_range */
    TC_RANGE_NOT_SATISFIABLE, /* answer 416, with the size in Content-Range */
};

/* What a Range field asks of a representation of size bytes: first-last, first- or -suffix. Ranges
 * that touch or overlap are joined, in whatever order they come; those past the end are left out
 * (14.1.2). NONE: another unit, malformed, last before first, more than 64 ranges, or several that
 * do not join. NOT_SATISFIABLE: well formed, but nothing of it lies in the representation, and
 * always where size is 0. *ret_range is written with ONE only. */
enum tc_range_verdict tc_range_of(tc_span range_field, uint64_t size, tc_range *ret_range);

#define TC_SIZE_UNKNOWN UINT64_MAX

/* A Content-Range (RFC 9110, 14.4). */
typedef struct tc_content_range {
    bool satisfied; /* false: as in a 416, "*" for the range, which is not set */
    tc_range range;
    uint64_t size; /* of the whole, or TC_SIZE_UNKNOWN */
} tc_content_range;

/* False where it is malformed, of another unit, or says what cannot be: last before first, a size
 * that the range does not fit in, numbers of more than 19 digits. */
bool tc_content_range_parse(tc_span value, tc_content_range *ret_range);

enum { TC_CONTENT_RANGE_BYTES = 68 }; /* the most that is written */
/* "bytes 0-99/1234", with "*" for the range where it is NULL. Returns the length. */
size_t tc_content_range_write(char at[TC_CONTENT_RANGE_BYTES], const tc_range *range,
                              uint64_t size);
