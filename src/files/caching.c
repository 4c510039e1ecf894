/* caching.c - see caching.h. */
// SPDX-License-Identifier: MIT
#include "files/caching.h"

#include "base/glob.h"
#include "http/list.h"

/* A directive: token, or token=value (RFC 9111, 5.2); the value is a token or quoted. */
static bool is_directive(tc_span s)
{
    const size_t equals = tc_span_find(s, '=');
    const tc_span value = tc_span_from(s, equals + 1);
    if (!tc_is_token(tc_span_first(s, equals))) return false;
    if (equals == s.len || tc_is_token(value)) return true;
    return value.len >= 2 && value.at[0] == '"' && tc_span_ends(value, TC_SPAN("\""));
}

const char *tc_caching_read(tc_span text, tc_caching_rule *ret_rule)
{
    const size_t equals = tc_span_find(text, '=');
    const tc_span value = tc_span_trim(tc_span_from(text, equals + 1));
    tc_caching_rule rule = {tc_span_trim(tc_span_first(text, equals)), value};
    tc_span rest = value, member;
    if (equals == text.len || !rule.pattern.len)
        return "it is PATTERN=VALUE, such as \"*.css=max-age=86400\"";
    if (tc_span_find(rule.pattern, '/') < rule.pattern.len && rule.pattern.at[0] != '/' &&
        rule.pattern.at[0] != '*')
        return "a pattern with a / in it is of the whole path, so it begins with / or *";
    if (!value.len || !tc_is_field_value(value)) return "there is no value behind the first =";
    while (tc_list_next(&rest, &member))
        if (!is_directive(member))
            return "the value is directives with commas between them, such as \"public, "
                   "max-age=86400\"";
    *ret_rule = rule;
    return NULL;
}

tc_span tc_caching_of(const tc_caching_rule *rules, size_t count, tc_span path)
{
    for (size_t i = 0; i < count; i++)
        if (tc_glob(rules[i].pattern, path)) return rules[i].value;
    return (tc_span){0};
}
