/* frame.c - see frame.h. */
// SPDX-License-Identifier: MIT
#include "h2/frame.h"

enum where { STREAM = 1, CONNECTION = 2, EITHER = 3 };
enum { CLIENT = 1, SERVER = 2, BOTH = 3 };
enum {
    END_STREAM = TC_H2_END_STREAM,
    ACK = TC_H2_ACK,
    END_HEADERS = TC_H2_END_HEADERS,
    PADDED = TC_H2_PADDED,
    PRIORITIZED = TC_H2_PRIORITIZED
};

typedef struct rule {
    const char *name, *section;
    uint32_t least, most, unit;
    uint8_t type, where, to, flags, reach;
} rule;

static const rule rules[] = {
#define TC_H2_FRAME(name, type, where, to, least, most, unit, flags, reach, section)               \
    {#name, section, least, most, unit, type, where, to, flags, reach},
#include "h2_frame.def"
#undef TC_H2_FRAME
};

static const struct {
    const char *name;
    uint32_t value, least, most;
    enum tc_h2_code wrong;
} settings[TC_H2_SETTING_END] = {
#define TC_H2_SETTING(name, number, value, least, most, error)                                     \
    [number] = {#name, value, least, most, TC_H2_##error},
#include "h2_setting.def"
#undef TC_H2_SETTING
};

static const struct {
    const char *name;
    tc_err err;
} codes[] = {
#define TC_H2_ERROR(name, number, err) [number] = {#name, TC_ERR_##err},
#include "h2_error.def"
#undef TC_H2_ERROR
};
enum { CODES = sizeof codes / sizeof *codes };

tc_h2_head tc_h2_head_read(const char at[TC_H2_FRAME_HEAD])
{
    const uint32_t first = tc_h2_u32(at);
    return (tc_h2_head){.length = first >> 8,
                        .type = (uint8_t)first,
                        .flags = (uint8_t)at[4],
                        .stream = tc_h2_u32(at + 5) & 0x7fffffff};
}

void tc_h2_head_write(char at[TC_H2_FRAME_HEAD], tc_h2_head head)
{
    tc_h2_put_u32(at, head.length << 8 | head.type);
    at[4] = (char)head.flags;
    tc_h2_put_u32(at + 5, head.stream);
}

static const rule *rule_of(unsigned type)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].type == type) return &rules[i];
    return NULL;
}

tc_h2_fault tc_h2_check(const tc_h2_head *head, enum tc_role role)
{
    const rule *r = rule_of(head->type);
    if (!r) /* of a kind that nobody knows: only its length can be wrong (4.2, 5.5) */
        return head->length > TC_H2_FRAME_MAX ? (tc_h2_fault){TC_H2_FRAME_SIZE_ERROR, false, "4.2"}
                                              : (tc_h2_fault){TC_H2_NO_ERROR, false, ""};
    if (!(r->where & (head->stream ? STREAM : CONNECTION)) ||
        !(r->to & (role == TC_SERVER ? SERVER : CLIENT)))
        return (tc_h2_fault){TC_H2_PROTOCOL_ERROR, false, r->section};
    const bool bare = r->flags & PADDED ? head->flags & PADDED && head->length == 0 : false;
    const bool ack = head->type == TC_H2_SETTINGS && head->flags & ACK && head->length > 0;
    if (head->length < r->least || head->length > r->most || head->length % r->unit || bare || ack)
        return (tc_h2_fault){TC_H2_FRAME_SIZE_ERROR,
                             r->reach == STREAM && head->length <= TC_H2_FRAME_MAX, r->section};
    return (tc_h2_fault){TC_H2_NO_ERROR, false, r->section};
}

static bool known_setting(unsigned number)
{
    return number < TC_H2_SETTING_END && settings[number].name;
}

enum tc_h2_code tc_h2_check_setting(unsigned number, uint32_t value, bool *ret_known)
{
    *ret_known = known_setting(number);
    if (!*ret_known || (value >= settings[number].least && value <= settings[number].most))
        return TC_H2_NO_ERROR;
    return settings[number].wrong;
}

uint32_t tc_h2_setting_first(unsigned number)
{
    return settings[number].value;
}

const char *tc_h2_type_name(unsigned type)
{
    const rule *r = rule_of(type);
    return r ? r->name : NULL;
}

const char *tc_h2_setting_name(unsigned number)
{
    return known_setting(number) ? settings[number].name : NULL;
}

const char *tc_h2_code_name(uint32_t code)
{
    return code < CODES ? codes[code].name : "an unknown code";
}

tc_err tc_h2_code_err(uint32_t code)
{
    return code < CODES ? codes[code].err : TC_ERR_STREAM_RESET;
}
