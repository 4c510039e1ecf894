/* list.h - comma-separated lists and parameters in field values (RFC 9110, 5.6.1 and 5.6.6).
 *
 * Members of entity-tag lists are not read here: a backslash means nothing in them (etag.h). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

/* Takes the next member off *rest, without the blanks around it; empty members are skipped. A comma
 * within a quoted string does not end it; a string without an end reaches to the end of *rest.
 * False, with *rest empty, where there are no more. */
bool tc_list_next(tc_span *rest, tc_span *ret_member);

/* Whether a member of the list, over all its lines, is that token and nothing more, without regard
 * to case: "gzip;q=0" is not "gzip". */
bool tc_list_has(const tc_fields *f, enum tc_field_id id, tc_span token);

/* Takes what stands before the first ";" off *member, without blanks: the rest are parameters. */
tc_span tc_list_item(tc_span *member);
/* Takes the next parameter off *rest (";name=value"). A quoted value comes without its quotes, its
 * backslashes left in. False at the end, with *rest empty, and where the text is no parameter, with
 * *rest as it was. */
bool tc_parameter_next(tc_span *rest, tc_span *ret_name, tc_span *ret_value);
