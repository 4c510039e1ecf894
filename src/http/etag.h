/* etag.h - entity tags (RFC 9110, 8.8.3): "xyz" is strong, W/"xyz" is weak.
 *
 * A tag is handled as the text that stands in the field, quotes and all. A backslash within the
 * quotes is an ordinary character, unlike in a quoted string. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* Length of the entity tag at the front of s, or 0 where none stands there. W is upper case. */
size_t tc_etag_length(tc_span s);
bool tc_etag_weak(tc_span etag);

/* Whether two tags are equal (RFC 9110, 8.8.3.2). strong: and neither is weak. A text that is no
 * tag equals nothing, not even itself. */
bool tc_etag_equal(tc_span a, tc_span b, bool strong);

/* Whether a tag of the list equals etag. "*" matches all, even no tag: that something exists is for
 * the caller to know. From the first malformed member on, the list is not read. */
bool tc_etag_matches(tc_span field_value_list, tc_span etag, bool strong);
