/* wire_h2.c - see wire_h2.h. */
// SPDX-License-Identifier: MIT
#include "support/wire_h2.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "h2/frame.h"
#include "h2/h2.h"
#include "h2/hpack.h"
#include "support/wire_text.h"

enum { FIELD_MAX = 1 << 20 };

static bool is(tc_span s, const char *text)
{
    return tc_span_eq(s, tc_span_str(text));
}

__attribute__((format(printf, 2, 3))) static void print(tc_buf *b, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wire_add(b, tc_span_of(text, (size_t)n));
}

/* --- from lines to bytes --- */

static void add_u32(tc_buf *b, uint64_t value)
{
    char at[4];
    tc_h2_put_u32(at, (uint32_t)value);
    wire_add(b, tc_span_of(at, sizeof at));
}

/* A number, or the name of one. */
static bool number_of(tc_span text, const char *(*name)(unsigned), unsigned least, unsigned most,
                      uint64_t *ret_number)
{
    for (unsigned i = least; i <= most; i++)
        if (name(i) && is(text, name(i))) {
            *ret_number = i;
            return true;
        }
    return tc_span_number(text, ret_number);
}

static const char *code_name(unsigned code)
{
    return tc_h2_code_name(code);
}

static const struct {
    const char *name;
    unsigned value;
} flag_names[] = {{"END_STREAM", TC_H2_END_STREAM},
                  {"ACK", TC_H2_ACK},
                  {"END_HEADERS", TC_H2_END_HEADERS},
                  {"PADDED", TC_H2_PADDED},
                  {"PRIORITY", TC_H2_PRIORITIZED}};
enum { FLAG_NAMES = sizeof flag_names / sizeof *flag_names };

typedef struct draft {
    tc_h2_head head;
    tc_buf payload;
    uint64_t pad, length;
    bool padded, fixed, reserved;
} draft;

static bool take_flag(draft *d, tc_span word)
{
    for (size_t i = 0; i < FLAG_NAMES; i++)
        if (is(word, flag_names[i].name)) {
            d->head.flags |= (uint8_t)flag_names[i].value;
            return true;
        }
    d->reserved |= is(word, "reserved");
    return is(word, "reserved");
}

/* "name=value": what the head says, or the next part of the payload. */
static bool take_pair(draft *d, tc_span name, tc_span value)
{
    static const char *const words[] = {"last", "by", "promises", "of", "dependency"};
    uint64_t n = 0;
    if (d->head.type == TC_H2_SETTINGS &&
        number_of(name, tc_h2_setting_name, 1, TC_H2_SETTING_END - 1, &n)) {
        const char number[2] = {(char)(n >> 8), (char)n};
        wire_add(&d->payload, tc_span_of(number, 2));
        if (!tc_span_number(value, &n)) return false;
        add_u32(&d->payload, n);
        return true;
    }
    if (!number_of(value, code_name, 0, TC_H2_HTTP_1_1_REQUIRED, &n)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(name, words[i])) {
            add_u32(&d->payload, n);
            return true;
        }
    if (is(name, "code"))
        add_u32(&d->payload, n);
    else if (is(name, "stream"))
        d->head.stream = (uint32_t)n;
    else if (is(name, "flags"))
        d->head.flags |= (uint8_t)n;
    else if (is(name, "pad"))
        d->pad = n, d->padded = true;
    else if (is(name, "length"))
        d->length = n, d->fixed = true;
    else if (is(name, "weight") && tc_buf_add_byte(&d->payload, (char)n))
        abort();
    else if (is(name, "fill"))
        while (n-- > 0)
            wire_add(&d->payload, TC_SPAN("x"));
    else
        return is(name, "weight");
    return true;
}

static bool take_word(draft *d, tc_span word)
{
    const size_t equals = tc_span_find(word, '=');
    return equals < word.len
               ? take_pair(d, tc_span_first(word, equals), tc_span_from(word, equals + 1))
               : take_flag(d, word);
}

static void add_zeros(tc_buf *b, size_t n)
{
    while (n-- > 0)
        wire_add(b, TC_SPAN("\0"));
}

static void put_draft(wire_h2 *w, draft *d, tc_buf *bytes)
{
    char head[TC_H2_FRAME_HEAD];
    if (d->padded) d->head.flags |= TC_H2_PADDED;
    d->head.length = (uint32_t)(d->payload.len + d->padded + d->pad);
    if (d->fixed) d->head.length = (uint32_t)d->length;
    *w = (wire_h2){.at = bytes->len, .pad = d->pad, .fixed = d->fixed};
    tc_h2_head_write(head, d->head);
    if (d->reserved) head[5] = (char)(head[5] | 0x80);
    wire_add(bytes, tc_span_of(head, sizeof head));
    if (d->padded && tc_buf_add_byte(bytes, (char)d->pad)) abort();
    wire_add(bytes, tc_buf_span(&d->payload));
    add_zeros(bytes, d->pad);
}

static void add_string(tc_buf *b, tc_span text)
{
    char at[8] = {(char)text.len};
    size_t n = 1;
    if (text.len >= 0x7f) {
        at[0] = 0x7f;
        size_t rest = text.len - 0x7f;
        for (; rest >= 0x80; rest >>= 7)
            at[n++] = (char)(0x80 | (rest & 0x7f));
        at[n++] = (char)rest;
    }
    wire_add(b, tc_span_of(at, n));
    wire_add(b, text);
}

/* A field of the frame that was written last, as a literal that no table keeps. */
static const char *write_field(wire_h2 *w, tc_arena *a, tc_span line, tc_buf *bytes)
{
    const size_t first = tc_span_starts(line, TC_SPAN(":")) ? 1 : 0;
    const size_t colon = first + tc_span_find(tc_span_from(line, first), ':');
    if (colon >= line.len) return "a field without a colon";
    if (bytes->len < w->at + TC_H2_FRAME_HEAD) return "a field without a frame";
    tc_span value = tc_span_from(line, colon + 1);
    if (tc_span_starts(value, TC_SPAN(" "))) value = tc_span_from(value, 1);
    bytes->len -= w->pad;
    if (tc_buf_add_byte(bytes, 0)) abort();
    add_string(bytes, wire_unescape(a, tc_span_first(line, colon)));
    add_string(bytes, wire_unescape(a, value));
    add_zeros(bytes, w->pad);
    tc_h2_head head = tc_h2_head_read(bytes->at + w->at);
    const bool reserved = bytes->at[w->at + 5] & 0x80;
    if (!w->fixed) head.length = (uint32_t)(bytes->len - w->at - TC_H2_FRAME_HEAD);
    tc_h2_head_write(bytes->at + w->at, head);
    if (reserved) bytes->at[w->at + 5] = (char)(bytes->at[w->at + 5] | 0x80);
    return NULL;
}

const char *wire_h2_write(wire_h2 *w, tc_arena *a, tc_span line, tc_buf *bytes)
{
    const bool field = tc_span_starts(line, TC_SPAN(" "));
    draft d = {0};
    uint64_t type = 0;
    const char *wrong = NULL;
    tc_span word, rest = line;
    if (field) return write_field(w, a, tc_span_trim(line), bytes);
    if (!wire_word(a, &rest, &word)) return "no frame";
    if (is(word, "PREFACE") || is(word, "bytes")) {
        const bool raw = is(word, "bytes");
        if (raw && !wire_word(a, &rest, &word)) return "no bytes";
        wire_add(bytes, raw ? word : TC_SPAN(TC_H2_PREFACE));
        return NULL;
    }
    const tc_span name =
        tc_span_starts(word, TC_SPAN("type=")) ? tc_span_from(word, sizeof "type=" - 1) : word;
    if (!number_of(name, tc_h2_type_name, 0, 255, &type)) return "no such frame";
    d.head.type = (uint8_t)type;
    tc_buf_init(&d.payload, FIELD_MAX);
    while (!wrong && (rest = tc_span_trim(rest)).len > 0) {
        const bool quoted = rest.at[0] == '"';
        if (!wire_word(a, &rest, &word)) break;
        if (quoted)
            wire_add(&d.payload, word);
        else if (!take_word(&d, word))
            wrong = "no such word";
    }
    put_draft(w, &d, bytes);
    tc_buf_fini(&d.payload);
    return wrong;
}

/* --- from bytes to lines --- */

static void quote(tc_buf *b, tc_span text)
{
    wire_add(b, TC_SPAN(" \""));
    wire_escape(b, text);
    wire_add(b, TC_SPAN("\""));
}

static void add_flags(tc_buf *b, tc_h2_head head)
{
    const bool ends = head.type == TC_H2_DATA || head.type == TC_H2_HEADERS;
    const bool acks = head.type == TC_H2_SETTINGS || head.type == TC_H2_PING;
    unsigned flags = head.flags;
    for (size_t i = 0; i < FLAG_NAMES; i++) {
        const unsigned flag = flag_names[i].value;
        if (!(flags & flag) || (flag == 1 && !(i == 0 ? ends : acks))) continue;
        print(b, " %s", flag_names[i].name);
        flags &= ~flag;
    }
    if (flags) print(b, " flags=%u", flags);
}

static void add_settings(tc_buf *b, tc_span payload)
{
    for (; payload.len >= 6; payload = tc_span_from(payload, 6)) {
        const unsigned number = tc_h2_u32(payload.at) >> 16, value = tc_h2_u32(payload.at + 2);
        if (tc_h2_setting_name(number))
            print(b, " %s=%u", tc_h2_setting_name(number), value);
        else
            print(b, " %u=%u", number, value);
    }
}

static void add_code(tc_buf *b, uint32_t code)
{
    if (code <= TC_H2_HTTP_1_1_REQUIRED)
        print(b, " code=%s", tc_h2_code_name(code));
    else
        print(b, " code=%u", code);
}

static void add_payload(tc_buf *b, tc_h2_head head, tc_span payload)
{
    const size_t n = payload.len;
    if (head.type == TC_H2_SETTINGS) {
        add_settings(b, payload);
    } else if (head.type == TC_H2_PUSH_PROMISE && n >= 4) {
        print(b, " promises=%u", tc_h2_u32(payload.at));
    } else if (head.type == TC_H2_RST_STREAM && n == 4) {
        add_code(b, tc_h2_u32(payload.at));
    } else if (head.type == TC_H2_WINDOW_UPDATE && n == 4) {
        print(b, " by=%u", tc_h2_u32(payload.at));
    } else if (head.type == TC_H2_GOAWAY && n >= 8) {
        print(b, " last=%u", tc_h2_u32(payload.at));
        add_code(b, tc_h2_u32(payload.at + 4));
        if (n > 8) quote(b, tc_span_from(payload, 8));
    } else if (n > 0 || head.type == TC_H2_DATA) {
        quote(b, payload);
    }
}

static void add_fields(tc_hpack_decoder *d, tc_span block, tc_buf *b)
{
    tc_arena a;
    tc_field f;
    tc_err err;
    tc_arena_init(&a, NULL, 0, FIELD_MAX);
    tc_hpack_decoder_begin(d);
    while (!(err = tc_hpack_decode(d, &block, &a, FIELD_MAX, &f))) {
        wire_add(b, TC_SPAN("  "));
        wire_add(b, f.name);
        wire_add(b, TC_SPAN(": "));
        wire_escape(b, f.value);
        wire_add(b, TC_SPAN("\n"));
    }
    if (err != TC_ERR_NOTHING) print(b, "  (%s)\n", tc_err_name(err));
    tc_arena_fini(&a);
}

void wire_h2_read(tc_span bytes, tc_buf *lines)
{
    tc_hpack_decoder decoder;
    tc_buf block;
    tc_hpack_decoder_init(&decoder, TC_HPACK_TABLE);
    tc_buf_init(&block, FIELD_MAX);
    if (tc_span_starts(bytes, TC_SPAN(TC_H2_PREFACE))) {
        bytes = tc_span_from(bytes, sizeof TC_H2_PREFACE - 1);
        wire_add(lines, TC_SPAN("PREFACE\n"));
    }
    while (bytes.len >= TC_H2_FRAME_HEAD) {
        const tc_h2_head head = tc_h2_head_read(bytes.at);
        tc_span payload = tc_span_first(tc_span_from(bytes, TC_H2_FRAME_HEAD), head.length);
        const bool fields = head.type == TC_H2_HEADERS || head.type == TC_H2_CONTINUATION ||
                            head.type == TC_H2_PUSH_PROMISE;
        const char *name = tc_h2_type_name(head.type);
        const bool reserved = bytes.at[5] & 0x80;
        bytes = tc_span_from(bytes, TC_H2_FRAME_HEAD + head.length);
        if (name)
            print(lines, "%s", name);
        else
            print(lines, "type=%u", head.type);
        if (head.stream) print(lines, " stream=%u", head.stream);
        if (reserved) print(lines, " reserved");
        if (head.type == TC_H2_DATA) {
            add_payload(lines, head, payload);
            add_flags(lines, head);
        } else {
            add_flags(lines, head);
            if (!fields || head.type == TC_H2_PUSH_PROMISE) add_payload(lines, head, payload);
        }
        wire_add(lines, TC_SPAN("\n"));
        if (!fields) continue;
        if (head.type == TC_H2_PUSH_PROMISE) payload = tc_span_from(payload, 4);
        wire_add(&block, payload);
        if (!(head.flags & TC_H2_END_HEADERS)) continue;
        add_fields(&decoder, tc_buf_span(&block), lines);
        tc_buf_reset(&block);
    }
    if (bytes.len > 0) wire_add(lines, TC_SPAN("half a frame\n"));
    tc_buf_fini(&block);
    tc_hpack_decoder_fini(&decoder);
}
