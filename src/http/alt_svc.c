/* alt_svc.c - see alt_svc.h. */
// SPDX-License-Identifier: MIT
#include "http/alt_svc.h"

#include "http/list.h"

/* "host:443", ":443" */
static bool take_authority(tc_span text, tc_alt_svc *s)
{
    size_t colon = text.len;
    uint64_t port;
    while (colon && text.at[colon - 1] != ':')
        colon--;
    if (!colon || !tc_span_number(tc_span_from(text, colon), &port)) return false;
    if (port == 0 || port > UINT16_MAX) return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\\' || text.at[i] <= ' ' || text.at[i] == 0x7f) return false;
    s->host = tc_span_first(text, colon - 1);
    s->port = (uint16_t)port;
    return true;
}

static bool take_service(tc_span member, tc_alt_svc *s)
{
    tc_span name, value;
    *s = (tc_alt_svc){.fresh_s = TC_ALT_SVC_FRESH_S};
    if (!tc_parameter_next(&member, &s->protocol, &value) || !take_authority(value, s))
        return false;
    while (tc_parameter_next(&member, &name, &value))
        if (tc_span_eq(name, TC_SPAN("ma")) && !tc_span_number(value, &s->fresh_s)) return false;
    return member.len == 0;
}

bool tc_alt_svc_next(tc_span *rest, tc_alt_svc *ret_service)
{
    tc_span member;
    tc_alt_svc s;
    while (tc_list_next(rest, &member)) {
        if (!take_service(member, &s)) continue;
        *ret_service = s;
        return true;
    }
    return false;
}

enum tc_alt_svc_news tc_alt_svc_read(const tc_fields *fields, tc_alt_svc *ret_service)
{
    uint32_t cursor = 0;
    tc_span line;
    tc_alt_svc s;
    if (!tc_fields_has(fields, TC_FIELD_ALT_SVC)) return TC_ALT_SVC_SILENT;
    while (tc_fields_next(fields, TC_FIELD_ALT_SVC, &cursor, &line)) {
        while (tc_alt_svc_next(&line, &s)) {
            if (!tc_span_eq(s.protocol, TC_SPAN("h3")) || !s.fresh_s) continue;
            *ret_service = s;
            return TC_ALT_SVC_H3;
        }
    }
    return TC_ALT_SVC_NONE;
}
