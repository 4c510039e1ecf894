/* media.h - media types of files, by the ending of the name (tables/media.def). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* As for Content-Type, in constant memory. The ending is what follows the last dot of the last
 * segment, without regard to case; a dot that begins the name begins no ending. Unknown or no
 * ending: "application/octet-stream". */
tc_span tc_media_of(tc_span file_name);
