/* json.c - see json.h. */
// SPDX-License-Identifier: MIT
#include "base/json.h"

#include "base/clock.h"
#include "base/text.h"

void tc_json_raw(tc_json *j, const char *text)
{
    if (!j->err) j->err = tc_buf_add(&j->out, tc_span_str(text));
}

void tc_json_string(tc_json *j, tc_span s)
{
    if (!j->err) j->err = tc_text_json(&j->out, s);
}

/* A comma, where something stands before in the object or the array. */
static void separate(tc_json *j)
{
    const char last = j->out.len ? j->out.at[j->out.len - 1] : '{';
    if (last != '{' && last != '[') tc_json_raw(j, ",");
}

void tc_json_key(tc_json *j, const char *name)
{
    if (j->err) return;
    separate(j);
    tc_json_raw(j, "\"");
    tc_json_raw(j, name);
    tc_json_raw(j, "\":");
}

void tc_json_open(tc_json *j, const char *name, char bracket)
{
    if (j->err) return;
    if (name)
        tc_json_key(j, name);
    else
        separate(j);
    if (!j->err) j->err = tc_buf_add_byte(&j->out, bracket);
}

void tc_json_close(tc_json *j, char bracket)
{
    if (!j->err) j->err = tc_buf_add_byte(&j->out, bracket);
}

void tc_json_text(tc_json *j, const char *name, tc_span value)
{
    tc_json_key(j, name);
    tc_json_string(j, value);
}

void tc_json_number(tc_json *j, const char *name, uint64_t value)
{
    char digits[24];
    tc_json_key(j, name);
    if (!j->err) j->err = tc_buf_add(&j->out, tc_span_of(digits, tc_text_number(digits, value)));
}

void tc_json_ms(tc_json *j, const char *name, int64_t ns)
{
    tc_json_key(j, name);
    if (!j->err) j->err = tc_buf_printf(&j->out, "%.6f", (double)ns / (double)TC_MS);
}

void tc_json_boolean(tc_json *j, const char *name, bool value)
{
    tc_json_key(j, name);
    tc_json_raw(j, value ? "true" : "false");
}
