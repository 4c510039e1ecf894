/* range.h - byte ranges (RFC 9110, 14): Range at a server, Content-Range at both ends.
 *
 * Ranges that overlap or stand close together are joined, so that nothing is sent twice; where more
 * are left than the caller has room for, the whole is the answer (14.2 allows it). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* Positions of the first and the last byte, both within. */
typedef struct tc_range {
    uint64_t first, last;
} tc_range;

enum tc_range_verdict {
    TC_RANGE_NONE,            /* answer 200 with everything */
    TC_RANGE_SOME,            /* answer 206 with those of the set */
    TC_RANGE_NOT_SATISFIABLE, /* answer 416, with the size in Content-Range */
    TC_RANGE_TOO_MANY,        /* as NONE, but the set had no room */
};

enum { TC_RANGE_GAP = 80 }; /* bytes between two: about what a part of its own costs (15.3.7.2) */

/* Ranges that are apart from each other, in the order in which they were asked for. */
typedef struct tc_range_set {
    tc_range *at; /* the caller's */
    size_t room, count;
} tc_range_set;

/* What a Range field asks of a representation of size bytes: first-last, first- or -suffix. Ranges
 * that overlap, or that are no more than TC_RANGE_GAP apart, are joined; those past the end are
 * left out (14.1.2). NONE: another unit, malformed, last before first, and -suffix where
 * size is 0 (14.1.1: satisfied, but by no bytes). NOT_SATISFIABLE: well formed, but nothing of it
 * lies in the representation. set->at and
 * room are the caller's; count is written. Costs at most members times room. */
enum tc_range_verdict tc_ranges_of(tc_span range_field, uint64_t size, tc_range_set *set);
/* How many there are at most: room for more is of no use. */
size_t tc_range_members(tc_span range_field);

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
