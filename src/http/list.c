/* list.c - see list.h. */
// SPDX-License-Identifier: MIT
#include "http/list.h"

/* Length up to the first of that byte which is outside quoted strings, or all of it. */
static size_t until(tc_span s, char stop)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.at[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == stop && !quoted)
            return i;
    }
    return s.len;
}

bool tc_list_next(tc_span *rest, tc_span *ret_member)
{
    while (rest->len) {
        const tc_span member = tc_span_trim(tc_span_take(rest, until(*rest, ',')));
        if (rest->len) (void)tc_span_take(rest, 1); /* the comma */
        if (member.len) {
            *ret_member = member;
            return true;
        }
    }
    return false;
}

bool tc_list_has(const tc_fields *f, enum tc_field_id id, tc_span token)
{
    uint32_t cursor = 0;
    tc_span line, member;
    while (tc_fields_next(f, id, &cursor, &line))
        while (tc_list_next(&line, &member))
            if (tc_span_ieq(member, token)) return true;
    return false;
}

tc_span tc_list_item(tc_span *member)
{
    return tc_span_trim(tc_span_take(member, until(*member, ';')));
}

/* A quoted string at the front of s, its length with both quotes; 0 where there is none. */
static size_t quoted_length(tc_span s)
{
    if (s.len < 2 || s.at[0] != '"') return 0;
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] == '"') return i + 1;
        if (s.at[i] == '\\') i++;
    }
    return 0;
}

static size_t token_length(tc_span s)
{
    size_t n = 0;
    while (n < s.len && tc_token_lower[(uint8_t)s.at[n]])
        n++;
    return n;
}

bool tc_parameter_next(tc_span *rest, tc_span *ret_name, tc_span *ret_value)
{
    tc_span s = tc_span_trim(*rest);
    while (s.len && s.at[0] == ';')
        s = tc_span_trim(tc_span_from(s, 1));
    if (s.len == 0) {
        *rest = s;
        return false;
    }
    const tc_span name = tc_span_take(&s, token_length(s));
    if (name.len == 0 || s.len == 0 || s.at[0] != '=') return false;
    (void)tc_span_take(&s, 1);
    const size_t quoted = quoted_length(s);
    tc_span value = tc_span_take(&s, quoted ? quoted : token_length(s));
    if (value.len == 0) return false;
    s = tc_span_trim(s);
    if (s.len && s.at[0] != ';') return false;
    if (quoted) value = (tc_span){value.at + 1, value.len - 2};
    *ret_name = name;
    *ret_value = value;
    *rest = s;
    return true;
}
