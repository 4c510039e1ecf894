/* line.c - see line.h. */
// SPDX-License-Identifier: MIT
#include "h1/line.h"

#include "base/ascii.h"

enum { VERSION_LEN = 8 }; /* "HTTP/1.1" */

/* The version at the end of a request line or the start of a status line. 1.2 to 1.9 are 1.1
 * (RFC 9110, 2.5: a higher minor version is read as the highest one we know). */
static tc_err version_of(tc_span s, enum tc_version *ret_version)
{
    if (s.len != VERSION_LEN || !tc_span_starts(s, TC_SPAN("HTTP/")) || !tc_ascii_digit(s.at[5]) ||
        s.at[6] != '.' || !tc_ascii_digit(s.at[7]))
        return TC_ERR_VERSION_SYNTAX;
    if (s.at[5] != '1') return TC_ERR_VERSION;
    *ret_version = s.at[7] == '0' ? TC_HTTP_1_0 : TC_HTTP_1_1;
    return TC_OK;
}

/* The method and the SP behind it: *ret_len counts both. */
static tc_err method_of(tc_span line, tc_message *m, size_t *ret_len)
{
    if (tc_span_starts(line, TC_SPAN("GET "))) {
        m->method = TC_METHOD_GET;
        m->method_name = tc_span_first(line, 3);
        *ret_len = 4;
        return TC_OK;
    }
    size_t len = 0;
    while (len < line.len && tc_token_lower[(uint8_t)line.at[len]])
        len++;
    if (len == line.len) return TC_ERR_REQUEST_LINE;
    if (len == 0 || line.at[len] != ' ') return TC_ERR_METHOD_SYNTAX;
    m->method_name = tc_span_first(line, len);
    m->method = tc_method_of(m->method_name);
    *ret_len = len + 1;
    return TC_OK;
}

tc_err tc_h1_request_line(tc_span line, tc_message *m, tc_target *ret_target)
{
    size_t start;
    tc_err err = method_of(line, m, &start);
    if (err) return err;
    tc_span target = tc_span_from(line, start);
    if (target.len > VERSION_LEN && target.at[target.len - VERSION_LEN - 1] == ' ' &&
        memcmp(target.at + target.len - VERSION_LEN, "HTTP/1.1", VERSION_LEN) == 0) {
        m->version = TC_HTTP_1_1;
        target.len -= VERSION_LEN + 1;
    } else {
        size_t space = target.len;
        while (space > 0 && target.at[space - 1] != ' ')
            space--;
        if (space == 0) return TC_ERR_REQUEST_LINE;
        err = version_of(tc_span_from(target, space), &m->version);
        target.len = space - 1;
    }
    const tc_err bad = tc_target_parse(m->method, target, ret_target);
    m->path = bad ? target : ret_target->path; /* a broken one as it came, for the log */
    return err ? err : bad;
}

tc_err tc_h1_status_line(tc_span line, tc_message *m)
{
    enum { CODE = VERSION_LEN + 1, END = CODE + 3 };
    if (line.len < END || line.at[VERSION_LEN] != ' ') return TC_ERR_STATUS_LINE;
    if (version_of(tc_span_first(line, VERSION_LEN), &m->version)) return TC_ERR_STATUS_LINE;
    unsigned status = 0;
    for (size_t i = CODE; i < END; i++) {
        if (!tc_ascii_digit(line.at[i])) return TC_ERR_STATUS_LINE;
        status = status * 10 + (unsigned)(line.at[i] - '0');
    }
    if (status < 100 || status > 599) return TC_ERR_STATUS_LINE;
    if (line.len > END && line.at[END] != ' ') return TC_ERR_STATUS_LINE;
    m->status = (uint16_t)status;
    m->reason = tc_span_from(line, END + 1);
    return TC_OK;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

tc_err tc_h1_field_line(char *at, size_t len, tc_field *ret_field)
{
    size_t colon = 0;
    for (char lower; (lower = tc_token_lower[(uint8_t)at[colon]]) != 0; colon++)
        at[colon] = lower;
    if (colon == 0) return blank(at[0]) ? TC_ERR_FOLDED : TC_ERR_FIELD_NAME;
    if (colon >= len || at[colon] != ':') return TC_ERR_FIELD_NAME;
    const char *value = at + colon + 1, *end = at + len;
    while (value < end && blank(*value))
        value++;
    while (end > value && blank(end[-1]))
        end--;
    ret_field->name = tc_span_of(at, colon);
    ret_field->value = tc_span_of(value, (size_t)(end - value));
    ret_field->id = tc_field_id_of(ret_field->name);
    return TC_OK;
}

bool tc_h1_list_take(tc_span *list, tc_span *ret_member)
{
    while (list->len > 0) {
        const size_t comma = tc_span_find(*list, ',');
        const tc_span member = tc_span_trim(tc_span_first(*list, comma));
        *list = tc_span_from(*list, comma + 1);
        if (member.len == 0) continue;
        *ret_member = member;
        return true;
    }
    return false;
}
