/* hpack_static.h - the static table (RFC 7541, appendix A), and numbers for names: those of the
 * static table, then those of tables/field.def. The dynamic tables keep such a number, not the
 * name. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

enum { TC_HPACK_STATIC = 61 };

extern const tc_field tc_hpack_static[TC_HPACK_STATIC + 1]; /* from 1 */

/* The number of a name: the first index with it in the static table, or one above that table, or
 * 0 for a name that nobody knows. id is that of the name. */
uint32_t tc_hpack_tag_of(tc_span name, enum tc_field_id id);
/* The name of such a number (not 0), and its id. */
tc_span tc_hpack_tag_name(uint32_t tag, enum tc_field_id *ret_id);
/* An index with that value: tag is the first with the name, 1 to 61. 0 where there is none. */
uint32_t tc_hpack_static_find(uint32_t tag, tc_span value);
