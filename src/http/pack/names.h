/* names.h - a static table of header compression (RFC 7541 and RFC 9204, appendix A), and numbers
 * for names: rows of that table, then those of tables/field.def. Dynamic tables keep such a number,
 * not the name. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

enum { TC_PACK_ROWS = 100, TC_PACK_PLACES = 64 };

typedef struct tc_pack_names {
    const tc_field *rows; /* from 1 */
    uint32_t count;
    uint32_t path; /* the first row of :path */
    /* filled: first rows by id, and by a hash of those that have none; the next with that name */
    uint8_t by_id[TC_FIELD_COUNT], by_name[TC_PACK_PLACES], next[TC_PACK_ROWS];
} tc_pack_names;

void tc_pack_names_fill(tc_pack_names *n); /* once, before main */

/* The number of a name: the first row with it, or one above the table, or 0 for a name that nobody
 * knows. id is that of the name. */
uint32_t tc_pack_tag_of(const tc_pack_names *n, tc_span name, enum tc_field_id id);
/* The name of such a number (not 0), and its id. */
tc_span tc_pack_tag_name(const tc_pack_names *n, uint32_t tag, enum tc_field_id *ret_id);
/* The row with that value: tag is the first with the name. 0 where there is none. */
uint32_t tc_pack_row_of(const tc_pack_names *n, uint32_t tag, tc_span value);
