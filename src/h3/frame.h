/* frame.h - frames of HTTP/3 as bytes (RFC 9114, 7.1), and the tables of rules for them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"
#include "http/message.h"

#define TC_H3_ANY ((UINT64_C(1) << 62) - 1)
enum { TC_H3_SMALL = 4096, TC_H3_VARINT = 8, TC_H3_FRAME_HEAD = 2 * TC_H3_VARINT };

enum tc_h3_type {
#define TC_H3_FRAME(name, type, where, to, least, most, section) TC_H3_##name = type,
#include "h3_frame.def"
#undef TC_H3_FRAME
};

enum tc_h3_code {
#define TC_H3_ERROR(name, number, err) TC_H3_##name = number,
#include "h3_error.def"
#undef TC_H3_ERROR
};

/* Places of settings in a connection's list of them. */
enum tc_h3_setting {
#define TC_H3_SETTING(name, number, value, most) TC_H3_##name,
#include "h3_setting.def"
#undef TC_H3_SETTING
    TC_H3_SETTINGS_KNOWN
};

/* What a unidirectional stream begins with (RFC 9114, 6.2; RFC 9204, 4.2). */
enum tc_h3_stream_type {
    TC_H3_CONTROL_STREAM = 0,
    TC_H3_PUSH_STREAM = 1,
    TC_H3_ENCODER_STREAM = 2,
    TC_H3_DECODER_STREAM = 3
};

/* Where a frame stands. */
enum tc_h3_place { TC_H3_ON_REQUEST = 1, TC_H3_ON_CONTROL = 2 };

typedef struct tc_h3_head {
    uint64_t type, length;
} tc_h3_head;

/* Integers of QUIC (RFC 9000, 16). False, and *in untouched: it is not whole. */
bool tc_h3_varint_take(tc_span *in, uint64_t *ret_value);
char *tc_h3_varint_put(char *out, uint64_t value); /* below 2^62; returns the end */
size_t tc_h3_varint_length(uint64_t value);

bool tc_h3_head_take(tc_span *in, tc_h3_head *ret_head); /* likewise */
char *tc_h3_head_put(char *out, tc_h3_head head);

/* All rules of the table, for a frame that arrives there at an end of that role. TC_H3_NO_ERROR:
 * none is broken. */
enum tc_h3_code tc_h3_check(tc_h3_head head, enum tc_h3_place place, enum tc_role role);
bool tc_h3_is_known(uint64_t type);
/* Its place; TC_H3_SETTINGS_KNOWN: there is none. *ret_code: what is wrong with it. */
enum tc_h3_setting tc_h3_check_setting(uint64_t number, uint64_t value, enum tc_h3_code *ret_code);
uint64_t tc_h3_setting_number(enum tc_h3_setting setting);
uint64_t tc_h3_setting_first(enum tc_h3_setting setting); /* until the peer sets it */

const char *tc_h3_type_name(uint64_t type); /* NULL: unknown */
const char *tc_h3_setting_name(enum tc_h3_setting setting);
const char *tc_h3_code_name(uint64_t code); /* "H3_NO_ERROR"; "an unknown code" */
tc_err tc_h3_code_err(uint64_t code);
