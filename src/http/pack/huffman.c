/* huffman.c - see huffman.h. Decoding looks at eleven bits at a time, which hold one or two symbols
 * of almost all text; the rare longer codes are found by their length, since the code is canonical:
 * codes of one length are consecutive, and follow those that are shorter. */
// SPDX-License-Identifier: MIT
#include "http/pack/huffman.h"

enum { SYMBOLS = 257, END = 256, SHORTEST = 5, LONGEST = 30, LOOK = 11, ROUND = 5, WIDE = 8 };
enum { ROUND_OUT = 2 * ROUND };

static const struct {
    uint32_t code, bits;
} codes[SYMBOLS] = {
#define TC_HUFFMAN(symbol, code, bits) [symbol] = {code, bits},
#include "huffman.def"
#undef TC_HUFFMAN
};

static const uint8_t lengths[SYMBOLS] = {
#define TC_HUFFMAN(symbol, code, bits) [symbol] = bits,
#include "huffman.def"
#undef TC_HUFFMAN
};

/* What eleven bits begin with: count symbols in so many bits; no bits: a longer code. */
typedef struct step {
    char symbols[2];
    uint8_t bits, count;
} step;

/* Made of the table before main. */
static step steps[1 << LOOK];
static uint16_t by_code[SYMBOLS]; /* symbols in the order of their codes */
static struct {
    uint32_t after; /* the first code that is longer, as the high bits of 32 */
    uint32_t first; /* the first code of this length, likewise */
    uint32_t index; /* of its symbol in by_code */
} of_length[LONGEST + 1];

static void fill_lengths(void)
{
    uint32_t n = 0, code = 0;
    for (unsigned bits = SHORTEST; bits <= LONGEST; bits++) {
        of_length[bits].first = code;
        of_length[bits].index = n;
        for (unsigned symbol = 0; symbol < SYMBOLS; symbol++)
            if (lengths[symbol] == bits) {
                by_code[n++] = (uint16_t)symbol;
                code += UINT32_C(1) << (32 - bits);
            }
        of_length[bits].after = code;
    }
}

__attribute__((constructor)) static void fill(void)
{
    fill_lengths();
    for (unsigned symbol = 0; symbol < END; symbol++) {
        const unsigned bits = lengths[symbol];
        if (bits > LOOK) continue;
        const unsigned from = codes[symbol].code << (LOOK - bits);
        for (unsigned i = 0; i < 1u << (LOOK - bits); i++)
            steps[from + i] = (step){{(char)symbol, 0}, (uint8_t)bits, 1};
    }
    /* A second symbol behind the first, where its code fits too: the other bits are looked up
     * themselves, whether their row has its second symbol already or not. */
    for (unsigned i = 0; i < 1 << LOOK; i++) {
        step *s = &steps[i];
        if (s->count != 1) continue;
        const step then = steps[i << s->bits & ((1 << LOOK) - 1)];
        const unsigned bits = s->bits + lengths[(uint8_t)then.symbols[0]];
        if (then.count && bits <= LOOK)
            *s = (step){{s->symbols[0], then.symbols[0]}, (uint8_t)bits, 2};
    }
}

size_t tc_huffman_length(tc_span plain)
{
    const uint8_t *at = (const uint8_t *)plain.at;
    size_t even = 0, odd = 0, i = 0;
    for (; i + 1 < plain.len; i += 2) {
        even += lengths[at[i]];
        odd += lengths[at[i + 1]];
    }
    if (i < plain.len) even += lengths[at[i]];
    return (even + odd + 7) / 8;
}

/* Compilers make one store of this, and one load of load_64. */
static void put_32(char *out, uint32_t bits)
{
    out[0] = (char)(bits >> 24);
    out[1] = (char)(bits >> 16);
    out[2] = (char)(bits >> 8);
    out[3] = (char)bits;
}

char *tc_huffman_encode(char *out, tc_span plain)
{
    uint64_t bits = 0;
    unsigned have = 0; /* below 32 */
    for (size_t i = 0; i < plain.len; i++) {
        const uint8_t symbol = (uint8_t)plain.at[i];
        bits = bits << codes[symbol].bits | codes[symbol].code;
        have += codes[symbol].bits;
        if (have >= 32) {
            have -= 32;
            put_32(out, (uint32_t)(bits >> have));
            out += sizeof(uint32_t);
        }
    }
    put_32(out, (uint32_t)(bits << (32 - have) | ((UINT64_C(1) << (32 - have)) - 1)));
    return out + (have + 7) / 8;
}

typedef struct reader {
    const char *at, *end;
    const char *begin;
    uint64_t
        bits; /* from the top; below what we have: zeros, or the next byte's bits as they are */
    unsigned have;
} reader;

static uint64_t load_64(const char *from)
{
    const uint8_t *at = (const uint8_t *)from;
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | at[7];
}

/* The last n bytes (1 to 7) before r->end, from the top, zeros below. */
static uint64_t load_last(const reader *r, unsigned n)
{
    if (r->end - r->begin >= WIDE) return load_64(r->end - WIDE) << (64 - 8 * n);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        bytes |= (uint64_t)(uint8_t)r->at[i] << (56 - 8 * i);
    return bytes;
}

/* At least 56 bits, or all there are. */
static inline void refill(reader *r)
{
    const size_t left = (size_t)(r->end - r->at);
    if (left >= WIDE) {
        r->bits |= load_64(r->at) >> r->have;
        r->at += (63 - r->have) >> 3;
        r->have |= 56;
    } else if (left && r->have < 56) {
        const unsigned room = (64 - r->have) / 8;
        const unsigned n = left < room ? (unsigned)left : room;
        r->bits |= load_last(r, (unsigned)left) >> r->have;
        r->at += n;
        r->have += 8 * n;
    }
}

static inline void drop(reader *r, unsigned n)
{
    r->bits <<= n;
    r->have -= n;
}

/* The length of the code at the front, and its symbol. */
static unsigned find(uint64_t bits, unsigned *ret_symbol)
{
    const uint32_t front = (uint32_t)(bits >> 32);
    unsigned n = SHORTEST;
    while (n < LONGEST && front >= of_length[n].after)
        n++;
    *ret_symbol = by_code[of_length[n].index + ((front - of_length[n].first) >> (32 - n))];
    return n;
}

/* What is left when no code is whole: up to seven ones (RFC 7541, 5.2). */
static bool is_padding(const reader *r)
{
    return r->have < 8 && r->bits >> 56 == (0xffu << (8 - r->have) & 0xff);
}

/* One symbol after the other, for the end and for what is longer than a look. TC_ERR_NOTHING: there
 * is more, and room for a round. */
static tc_err decode_careful(reader *r, char **out, const char *end)
{
    for (bool first = true;; first = false) {
        refill(r);
        if (r->have == 0) return TC_OK;
        if (!first && r->have >= 56 && end - *out >= ROUND_OUT) return TC_ERR_NOTHING;
        const step s = steps[r->bits >> (64 - LOOK)];
        if (s.bits && s.bits <= r->have && end - *out >= 2) {
            memcpy(*out, s.symbols, 2);
            *out += s.count;
            drop(r, s.bits);
            continue;
        }
        unsigned symbol;
        const unsigned n = find(r->bits, &symbol);
        if (n > r->have) return is_padding(r) ? TC_OK : TC_ERR_COMPRESSION;
        if (symbol == END) return TC_ERR_COMPRESSION;
        if (*out == end) return TC_ERR_FULL;
        *(*out)++ = (char)symbol;
        drop(r, n);
    }
}

/* Rounds of five looks for one refill, while there is much of everything. */
static void decode_rounds(reader *lasting, char **lasting_out, const char *end)
{
    reader r = *lasting;
    char *out = *lasting_out;
    while (end - out >= ROUND_OUT) {
        refill(&r);
        if (r.have < ROUND * LOOK) break;
        for (int i = 0; i < ROUND; i++) {
            const step s = steps[r.bits >> (64 - LOOK)];
            if (!s.bits) goto done;
            memcpy(out, s.symbols, 2);
            out += s.count;
            drop(&r, s.bits);
        }
    }
done:
    *lasting = r;
    *lasting_out = out;
}

tc_err tc_huffman_decode(tc_span code, char *out, size_t room, size_t *ret_len)
{
    if (code.len == 0) {
        *ret_len = 0;
        return TC_OK;
    }
    reader r = {.at = code.at, .end = code.at + code.len, .begin = code.at};
    char *at = out;
    tc_err err;
    do {
        decode_rounds(&r, &at, out + room);
        err = decode_careful(&r, &at, out + room);
    } while (err == TC_ERR_NOTHING);
    if (err == TC_OK) *ret_len = (size_t)(at - out);
    return err;
}
