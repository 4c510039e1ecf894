/* chunked.c - takes the chunked coding off a body (RFC 9112, 7.1).
 *
 * Content is shown as runs of the input, so nothing is copied or allocated. Every departure from
 * the grammar is an error: a bare LF forgiven here is a request smuggled past somebody else. */
// SPDX-License-Identifier: MIT
#include "h1/chunked.h"

#include <assert.h>

#include "base/ascii.h"
#include "http/field.h"

enum { DIGITS_MAX = 16 };

enum byte_class { HEX, TOKEN, SEMI, EQUALS, QUOTE, SLASH, BLANK, TEXT, CR, LF, CTL, CLASS_COUNT };
enum state {
    SIZE_FIRST, /* before the first digit */
    SIZE,
    GAP,        /* blanks, then ";" must come */
    NAME_FIRST, /* after ";" */
    NAME,
    NAME_GAP,    /* blanks, then ";" or "=" must come */
    VALUE_FIRST, /* after "=" */
    VALUE,
    QUOTED,
    ESCAPED,
    VALUE_END, /* after a quoted value */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    END,
    BAD,
    STATE_COUNT
};

/* The grammar: in this state (row), a byte of this class leads to that state.
 * chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) */
static const uint8_t edge[STATE_COUNT][CLASS_COUNT] = {
#define ROW(state, hex, token, semi, equals, quote, slash, blank, text, cr, lf)                    \
    [state] = {hex, token, semi, equals, quote, slash, blank, text, cr, lf, BAD}
    ROW(SIZE_FIRST, SIZE, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD),
    ROW(SIZE, SIZE, BAD, NAME_FIRST, BAD, BAD, BAD, GAP, BAD, SIZE_LF, BAD),
    ROW(GAP, BAD, BAD, NAME_FIRST, BAD, BAD, BAD, GAP, BAD, BAD, BAD),
    ROW(NAME_FIRST, NAME, NAME, BAD, BAD, BAD, BAD, NAME_FIRST, BAD, BAD, BAD),
    ROW(NAME, NAME, NAME, NAME_FIRST, VALUE_FIRST, BAD, BAD, NAME_GAP, BAD, SIZE_LF, BAD),
    ROW(NAME_GAP, BAD, BAD, NAME_FIRST, VALUE_FIRST, BAD, BAD, NAME_GAP, BAD, BAD, BAD),
    ROW(VALUE_FIRST, VALUE, VALUE, BAD, BAD, QUOTED, BAD, VALUE_FIRST, BAD, BAD, BAD),
    ROW(VALUE, VALUE, VALUE, NAME_FIRST, BAD, BAD, BAD, GAP, BAD, SIZE_LF, BAD),
    ROW(QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, VALUE_END, ESCAPED, QUOTED, QUOTED, BAD, BAD),
    ROW(ESCAPED, QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, BAD, BAD),
    ROW(VALUE_END, BAD, BAD, NAME_FIRST, BAD, BAD, BAD, GAP, BAD, SIZE_LF, BAD),
    ROW(SIZE_LF, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, DATA),
    ROW(DATA_CR, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, DATA_LF, BAD),
    ROW(DATA_LF, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, SIZE_FIRST),
    ROW(BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD),
#undef ROW
};

static enum byte_class class_of(char c)
{
    switch (c) {
    case ';': return SEMI;
    case '=': return EQUALS;
    case '"': return QUOTE;
    case '\\': return SLASH;
    case ' ':
    case '\t': return BLANK;
    case '\r': return CR;
    case '\n': return LF;
    default: break;
    }
    if (tc_ascii_hex(c) >= 0) return HEX;
    if (tc_token_lower[(uint8_t)c]) return TOKEN;
    return (uint8_t)c < 0x20 || c == 0x7f ? CTL : TEXT;
}

static tc_err add_digit(tc_chunked *c, char digit)
{
    if (++c->digits > DIGITS_MAX || c->left >> 59) return TC_ERR_CHUNK_SIZE;
    c->left = c->left << 4 | (uint64_t)tc_ascii_hex(digit);
    return TC_OK;
}

/* One byte of a chunk-size line or of the CRLF after a chunk. */
static tc_err step(tc_chunked *c, const tc_limits *limits, tc_reached *reached, char byte)
{
    c->state = edge[c->state][class_of(byte)];
    if (c->state == BAD) return TC_ERR_CHUNK_SYNTAX;
    if (c->state == SIZE_FIRST) {
        c->line = 0;
        c->digits = 0;
        return TC_OK;
    }
    if (c->state == DATA && c->left == 0) c->state = END;
    if (c->state >= GAP && c->state <= VALUE_END && ++c->extensions > limits->chunk_extensions) {
        reached->chunk_extensions++;
        return TC_ERR_CHUNK_EXTENSION;
    }
    if (c->state < SIZE_LF && ++c->line > limits->chunk_line) {
        reached->chunk_line++;
        return TC_ERR_CHUNK_EXTENSION;
    }
    return c->state == SIZE ? add_digit(c, byte) : TC_OK;
}

tc_err tc_chunked_next(tc_chunked *c, const tc_limits *limits, tc_reached *reached, tc_span *in,
                       size_t *ret_data, bool *ret_done)
{
    while (in->len > 0 && c->state != END && c->state != DATA) {
        const tc_err err = step(c, limits, reached, *tc_span_take(in, 1).at);
        if (err) {
            c->state = BAD;
            return err;
        }
    }
    *ret_done = c->state == END;
    *ret_data = c->state != DATA ? 0 : in->len < c->left ? in->len : (size_t)c->left;
    return TC_OK;
}

void tc_chunked_took(tc_chunked *c, size_t n)
{
    assert(c->state == DATA && n <= c->left);
    c->left -= n;
    if (c->left == 0) c->state = DATA_CR;
}
