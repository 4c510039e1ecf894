/* frame.c - see frame.h. */
// SPDX-License-Identifier: MIT
#include "h3/frame.h"

enum { NOWHERE = 0, REQUEST = TC_H3_ON_REQUEST, CONTROL = TC_H3_ON_CONTROL };
enum { NOBODY = 0, CLIENT = 1, SERVER = 2, BOTH = 3 };

static const struct rule {
    const char *name, *section;
    uint64_t type, least, most;
    uint8_t where, to;
} rules[] = {
#define TC_H3_FRAME(name, type, where, to, least, most, section)                                   \
    {#name, section, type, least, most, where, to},
#include "h3_frame.def"
#undef TC_H3_FRAME
};

static const struct {
    const char *name;
    uint64_t number, value, most;
} settings[] = {
#define TC_H3_SETTING(name, number, value, most) {#name, number, value, most},
#include "h3_setting.def"
#undef TC_H3_SETTING
};
/* Those of HTTP/2 that mean nothing here and may not be sent. */
enum { RESERVED_FIRST = 2, RESERVED_LAST = 5 };

static const struct {
    const char *name;
    uint64_t number;
    tc_err err;
} codes[] = {
#define TC_H3_ERROR(name, number, err) {number < 0x200 ? "H3_" #name : #name, number, TC_ERR_##err},
#include "h3_error.def"
#undef TC_H3_ERROR
};
enum { CODES = sizeof codes / sizeof *codes };

bool tc_h3_varint_take(tc_span *in, uint64_t *ret_value)
{
    if (in->len == 0) return false;
    const size_t len = (size_t)1 << ((uint8_t)*in->at >> 6);
    if (in->len < len) return false;
    uint64_t value = (uint8_t)*in->at & 0x3f;
    for (size_t i = 1; i < len; i++)
        value = value << 8 | (uint8_t)in->at[i];
    (void)tc_span_take(in, len);
    *ret_value = value;
    return true;
}

size_t tc_h3_varint_length(uint64_t value)
{
    return value < 1u << 6 ? 1 : value < 1u << 14 ? 2 : value < 1u << 30 ? 4 : 8;
}

char *tc_h3_varint_put(char *out, uint64_t value)
{
    const size_t len = tc_h3_varint_length(value);
    for (size_t i = len; i-- > 0; value >>= 8)
        out[i] = (char)value;
    const unsigned form = len == 1 ? 0 : len == 2 ? 1 : len == 4 ? 2 : 3;
    out[0] = (char)((uint8_t)out[0] | form << 6);
    return out + len;
}

bool tc_h3_head_take(tc_span *in, tc_h3_head *ret_head)
{
    tc_span rest = *in;
    if (!tc_h3_varint_take(&rest, &ret_head->type) || !tc_h3_varint_take(&rest, &ret_head->length))
        return false;
    *in = rest;
    return true;
}

char *tc_h3_head_put(char *out, tc_h3_head head)
{
    return tc_h3_varint_put(tc_h3_varint_put(out, head.type), head.length);
}

static const struct rule *rule_of(uint64_t type)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].type == type) return &rules[i];
    return NULL;
}

bool tc_h3_is_known(uint64_t type)
{
    return rule_of(type) != NULL;
}

enum tc_h3_code tc_h3_check(tc_h3_head head, enum tc_h3_place place, enum tc_role role)
{
    const struct rule *r = rule_of(head.type);
    if (!r) return TC_H3_NO_ERROR;
    if (!(r->where & place) || !(r->to & (role == TC_SERVER ? SERVER : CLIENT)))
        return TC_H3_FRAME_UNEXPECTED;
    return head.length < r->least || head.length > r->most ? TC_H3_FRAME_ERROR : TC_H3_NO_ERROR;
}

enum tc_h3_setting tc_h3_check_setting(uint64_t number, uint64_t value, enum tc_h3_code *ret_code)
{
    *ret_code =
        number >= RESERVED_FIRST && number <= RESERVED_LAST ? TC_H3_SETTINGS_ERROR : TC_H3_NO_ERROR;
    for (unsigned i = 0; i < TC_H3_SETTINGS_KNOWN; i++)
        if (settings[i].number == number) {
            if (value > settings[i].most) *ret_code = TC_H3_SETTINGS_ERROR;
            return (enum tc_h3_setting)i;
        }
    return TC_H3_SETTINGS_KNOWN;
}

uint64_t tc_h3_setting_number(enum tc_h3_setting setting)
{
    return settings[setting].number;
}

uint64_t tc_h3_setting_first(enum tc_h3_setting setting)
{
    return settings[setting].value;
}

const char *tc_h3_type_name(uint64_t type)
{
    const struct rule *r = rule_of(type);
    return r ? r->name : NULL;
}

const char *tc_h3_setting_name(enum tc_h3_setting setting)
{
    return setting < TC_H3_SETTINGS_KNOWN ? settings[setting].name : NULL;
}

static size_t index_of(uint64_t code)
{
    size_t i = 0;
    while (i < CODES && codes[i].number != code)
        i++;
    return i;
}

const char *tc_h3_code_name(uint64_t code)
{
    const size_t i = index_of(code);
    return i < CODES ? codes[i].name : "an unknown code";
}

tc_err tc_h3_code_err(uint64_t code)
{
    const size_t i = index_of(code);
    return i < CODES ? codes[i].err : TC_ERR_STREAM_RESET;
}
