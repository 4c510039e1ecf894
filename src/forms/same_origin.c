/* same_origin.c - see same_origin.h. */
// SPDX-License-Identifier: MIT
#include "forms/same_origin.h"

#include "http/target.h"

static bool same_authority(tc_span scheme, tc_span a, tc_span b)
{
    const uint16_t usual = tc_span_eq(scheme, TC_SPAN("https")) ? 443 : 80;
    tc_span host_a, host_b;
    uint16_t port_a, port_b;
    return !tc_authority_check(a) && !tc_authority_check(b) &&
           !tc_authority_split(a, usual, &host_a, &port_a) &&
           !tc_authority_split(b, usual, &host_b, &port_b) && port_a == port_b &&
           tc_span_ieq(host_a, host_b);
}

const char *tc_cross_site(const tc_message *m)
{
    tc_span site, origin;
    if (tc_fields_find(&m->fields, TC_SPAN("sec-fetch-site"), &site) &&
        !tc_span_eq(site, TC_SPAN("same-origin")))
        return "the form was not sent by a page of this server (Sec-Fetch-Site)";
    if (!tc_fields_get(&m->fields, TC_FIELD_ORIGIN, &origin)) return NULL;
    const tc_span middle = TC_SPAN("://");
    const tc_span rest = tc_span_from(origin, m->scheme.len);
    return tc_fields_times(&m->fields, TC_FIELD_ORIGIN) == 1 && tc_span_starts(origin, m->scheme) &&
                   tc_span_starts(rest, middle) &&
                   same_authority(m->scheme, tc_span_from(rest, middle.len), m->authority)
               ? NULL
               : "the form was not sent by a page of this server (Origin)";
}
