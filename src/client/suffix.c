/* suffix.c - see suffix.h. */
// SPDX-License-Identifier: MIT
#include "client/suffix.h"

#include <libpsl.h>

#include "base/ascii.h"

void tc_suffixes_init(tc_suffixes *s)
{
    s->list = psl_latest(NULL);
}

void tc_suffixes_fini(tc_suffixes *s)
{
    psl_free(s->list);
    s->list = NULL;
}

/* A name's last label is never a number (RFC 1123, 2.1), so what ends in one is an address. */
bool tc_host_is_address(tc_span host)
{
    if (tc_span_ends(host, TC_SPAN("."))) host.len--;
    size_t n = host.len;
    if (tc_span_find(host, ':') < host.len) return true;
    while (n && host.at[n - 1] != '.')
        n--;
    tc_span last = tc_span_from(host, n);
    const bool hex = tc_span_starts(last, TC_SPAN("0x")) || tc_span_starts(last, TC_SPAN("0X"));
    if (hex) (void)tc_span_take(&last, 2);
    for (size_t i = 0; i < last.len; i++)
        if (hex ? tc_ascii_hex(last.at[i]) < 0 : !tc_ascii_digit(last.at[i])) return false;
    return hex || last.len > 0;
}

bool tc_host_is_name(tc_span host)
{
    char before = '.';
    if (!host.len || host.len > TC_HOST_BYTES) return false;
    for (size_t i = 0; i < host.len; before = host.at[i++]) {
        const char c = host.at[i];
        if (c <= ' ' || c >= 0x7f || c == ';' || (c == '.' && before == '.')) return false;
    }
    return before != '.';
}

/* As libpsl wants it. */
static bool text_of(tc_span name, char room[TC_HOST_BYTES + 1])
{
    if (!tc_host_is_name(name)) return false;
    memcpy(room, name.at, name.len);
    room[name.len] = 0;
    return true;
}

bool tc_suffix_is_public(const tc_suffixes *s, tc_span name)
{
    char text[TC_HOST_BYTES + 1];
    return !s->list || !text_of(name, text) || psl_is_public_suffix(s->list, text);
}

tc_span tc_suffix_site(const tc_suffixes *s, tc_span host)
{
    char text[TC_HOST_BYTES + 1];
    if (!s->list || tc_host_is_address(host) || !text_of(host, text)) return host;
    const char *site = psl_registrable_domain(s->list, text);
    return site ? tc_span_from(host, (size_t)(site - text)) : host;
}
