/* sites.c - see sites.h. */
// SPDX-License-Identifier: MIT
#include "site/sites.h"

#include "base/ascii.h"
#include "http/target.h"

const tc_site *tc_sites_find(const tc_sites *sites, tc_span authority)
{
    char lower[TC_SITE_NAME_MAX];
    tc_span host;
    uint16_t port;
    if (!sites->by_name.count && !sites->by_suffix.count) return sites->fallback;
    if (tc_authority_split(authority, 0, &host, &port) != TC_OK) return sites->fallback;
    if (tc_span_ends(host, TC_SPAN("."))) host.len--;
    if (!host.len || host.len > sizeof lower) return sites->fallback;
    for (size_t i = 0; i < host.len; i++)
        lower[i] = tc_ascii_lower(host.at[i]);
    const tc_span name = tc_span_of(lower, host.len);
    const tc_site *site = tc_map_get(&sites->by_name, name);
    for (size_t i = 1; i < name.len && !site && sites->by_suffix.count; i++)
        if (lower[i] == '.') site = tc_map_get(&sites->by_suffix, tc_span_from(name, i));
    return site ? site : sites->fallback;
}

const tc_site *tc_sites_find_again(const tc_sites *sites, tc_span authority, tc_sites_memo *memo)
{
    if (memo->site && tc_span_eq(authority, tc_span_of(memo->authority, memo->len)))
        return memo->site;
    const tc_site *site = tc_sites_find(sites, authority);
    if (authority.len > sizeof memo->authority) return site;
    memo->site = site;
    memo->len = authority.len;
    if (authority.len) memcpy(memo->authority, authority.at, authority.len);
    return site;
}
