/* frame.h - frames of HTTP/2 as bytes (RFC 9113, 4.1), and the table of rules for them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"
#include "http/message.h"

enum { TC_H2_FRAME_HEAD = 9, TC_H2_FRAME_MAX = 16384, TC_H2_WINDOW_FIRST = 65535 };
#define TC_H2_WINDOW_MAX INT64_C(0x7fffffff)

enum tc_h2_type {
#define TC_H2_FRAME(name, type, where, to, least, most, unit, flags, reach, section)               \
    TC_H2_##name = type,
#include "h2_frame.def"
#undef TC_H2_FRAME
};

enum tc_h2_flag {
    TC_H2_END_STREAM = 1,
    TC_H2_ACK = 1,
    TC_H2_END_HEADERS = 4,
    TC_H2_PADDED = 8,
    TC_H2_PRIORITIZED = 32
};

enum tc_h2_code {
#define TC_H2_ERROR(name, number, err) TC_H2_##name = number,
#include "h2_error.def"
#undef TC_H2_ERROR
};

enum tc_h2_setting {
#define TC_H2_SETTING(name, number, value, least, most, error) TC_H2_##name = number,
#include "h2_setting.def"
#undef TC_H2_SETTING
    TC_H2_SETTING_END = 10
};

typedef struct tc_h2_head {
    uint32_t length, stream;
    uint8_t type, flags;
} tc_h2_head;

/* What is wrong with a frame; code NO_ERROR: nothing. */
typedef struct tc_h2_fault {
    enum tc_h2_code code;
    bool stream; /* of the stream only */
    const char *section;
} tc_h2_fault;

tc_h2_head tc_h2_head_read(const char at[TC_H2_FRAME_HEAD]);
void tc_h2_head_write(char at[TC_H2_FRAME_HEAD], tc_h2_head head);
/* All rules of the table, for a frame that arrives at an end of that role. */
tc_h2_fault tc_h2_check(const tc_h2_head *head, enum tc_role role);
/* Of one setting's value. *ret_known: it is in the table. */
enum tc_h2_code tc_h2_check_setting(unsigned number, uint32_t value, bool *ret_known);
uint32_t tc_h2_setting_first(unsigned number); /* until the peer sets it */

const char *tc_h2_type_name(unsigned type); /* NULL: unknown */
const char *tc_h2_setting_name(unsigned number);
const char *tc_h2_code_name(uint32_t code); /* "PROTOCOL_ERROR"; "an unknown code" */
tc_err tc_h2_code_err(uint32_t code);

static inline uint32_t tc_h2_u32(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void tc_h2_put_u32(char *at, uint32_t value)
{
    at[0] = (char)(value >> 24);
    at[1] = (char)(value >> 16);
    at[2] = (char)(value >> 8);
    at[3] = (char)value;
}
