/* priority.c - see priority.h. */
// SPDX-License-Identifier: MIT
#include "http/priority.h"

/* A dictionary of structured fields, of which only "u" and "i" mean something. */
void tc_priority_read(tc_span value, tc_priority *p)
{
    while (value.len > 0) {
        const size_t comma = tc_span_find(value, ',');
        tc_span member = tc_span_trim(tc_span_first(value, comma));
        value = tc_span_from(value, comma + 1);
        member = tc_span_first(member, tc_span_find(member, ';'));
        if (member.len == 3 && member.at[0] == 'u' && member.at[1] == '=' && member.at[2] >= '0' &&
            member.at[2] <= '7')
            p->urgency = (uint8_t)(member.at[2] - '0');
        else if (tc_span_eq(member, TC_SPAN("i")) || tc_span_eq(member, TC_SPAN("i=?1")))
            p->incremental = true;
        else if (tc_span_eq(member, TC_SPAN("i=?0")))
            p->incremental = false;
    }
}
