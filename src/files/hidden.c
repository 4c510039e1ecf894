/* hidden.c - see hidden.h. */
// SPDX-License-Identifier: MIT
#include "files/hidden.h"

bool tc_path_hidden(tc_span path, bool dotfiles)
{
    const tc_span known = TC_SPAN("/.well-known/"), upload = TC_SPAN("/" TC_UPLOAD_PREFIX);
    const bool excepted = tc_span_starts(path, known);
    for (size_t i = 0; i + 1 < path.len; i++) {
        if (path.at[i] != '/' || path.at[i + 1] != '.') continue;
        if (tc_span_starts(tc_span_from(path, i), upload)) return true;
        if (!dotfiles && (i || !excepted)) return true;
    }
    return false;
}
