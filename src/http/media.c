/* media.c - see media.h. */
// SPDX-License-Identifier: MIT
#include "http/media.h"

static const struct {
    tc_span ending, type;
} types[] = {
#define TC_MEDIA(ending, type) {{ending, sizeof ending - 1}, {type, sizeof type - 1}},
#include "media.def"
#undef TC_MEDIA
};

tc_span tc_media_of(tc_span name)
{
    size_t dot = name.len;
    while (dot > 0 && name.at[dot - 1] != '.' && name.at[dot - 1] != '/')
        dot--;
    /* dot is now the byte after the dot or slash */
    if (dot > 1 && name.at[dot - 1] == '.' && name.at[dot - 2] != '/') {
        const tc_span ending = tc_span_from(name, dot);
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (tc_span_ieq(types[i].ending, ending)) return types[i].type;
    }
    return TC_SPAN("application/octet-stream");
}
