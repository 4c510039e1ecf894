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

tc_span tc_choice_raced(bool won, bool by_record, tc_span text, char room[TC_CHOICE_BYTES])
{
    const char *teller =
        by_record ? "an HTTPS record of the DNS told of" : "Alt-Svc told of before";
    if (won) return put(room, "which %s; QUIC was ready first", teller);
    teller = by_record ? "an HTTPS record" : "Alt-Svc";
    const int n =
        snprintf(room, TC_CHOICE_BYTES, "%.*s; HTTP/3, which %s told of, was not ready first",
                 TC_FMT(text), teller);
    return tc_span_of(room, n < TC_CHOICE_BYTES ? (size_t)n : TC_CHOICE_BYTES - 1);
}
