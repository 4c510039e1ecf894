/* language.h - which of several languages a request would rather have: the lookup of RFC 4647, 3.4,
 * by the weights of Accept-Language (RFC 9110, 12.5.4). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

enum { TC_LANGUAGE_RANGES_MAX = 32 }; /* of a request; what comes behind is not read */

/* The form of a language tag (RFC 5646, 2.1), whether or not anybody speaks it. */
bool tc_language_is_tag(tc_span tag);

/* The place of the tag, of count > 0, that is meant by the range of the highest weight for which
 * there is one: "de-CH-1996" finds "de-CH-1996", else "de-CH", else "de". Of equal weights, the
 * range that stands first wins. Where none finds one, the first tag that no range of weight 0
 * excludes ("en;q=0" excludes en-GB, too), or else the first: something is better than 406. A tag
 * may be empty: it is found by no range. */
size_t tc_language_lookup(const tc_fields *f, const tc_span *tags, size_t count);
