/* choice.c - see choice.h. */
// SPDX-License-Identifier: MIT
#include "client/choice.h"

#include <stdio.h>

static tc_span put(char room[TC_CHOICE_BYTES], const char *format, const char *what)
{
    (void)snprintf(room, TC_CHOICE_BYTES, format, what);
    return tc_span_str(room);
}

tc_span tc_choice_text(enum tc_version asked, const tc_protection *p, char room[TC_CHOICE_BYTES])
{
    if (!p && asked) return put(room, "%s", "as asked for; in clear text the server has no say");
    if (!p) return put(room, "%s", "as always in clear text, unless --http asks for another");
    if (asked && p->protocol[0])
        return put(room, "as asked for; the server agreed to %s (ALPN)", p->protocol);
    if (asked) return put(room, "%s", "as asked for; the server named no version (ALPN)");
    if (p->protocol[0]) return put(room, "chosen by the server from %s (ALPN)", p->offered);
    return put(room, "since the server agreed to none of %s (ALPN)", p->offered);
}

tc_span tc_choice_won(bool by_record, char room[TC_CHOICE_BYTES])
{
    return put(room, "which %s; QUIC was ready first",
               by_record ? "an HTTPS record told of" : "Alt-Svc told of before");
}

tc_span tc_choice_lost(bool by_record, tc_err by, tc_span text, char room[TC_CHOICE_BYTES])
{
    const char *fate = by == TC_ERR_CONNECT ? "refused" : by ? "broken" : "not ready first";
    const int n = snprintf(room, TC_CHOICE_BYTES, "%.*s; HTTP/3, which %s told of, was %s",
                           TC_FMT(text), by_record ? "an HTTPS record" : "Alt-Svc", fate);
    return tc_span_of(room, n < TC_CHOICE_BYTES ? (size_t)n : TC_CHOICE_BYTES - 1);
}
