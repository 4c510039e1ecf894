/* string.c - see string.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/string.h"

char *tc_pack_string_put(char *out, uint8_t first, unsigned prefix, tc_span s)
{
    const size_t len = tc_huffman_length(s);
    if (len < s.len)
        return tc_huffman_encode(
            tc_pack_integer_put(out, (uint8_t)(first | 1u << prefix), prefix, len), s);
    out = tc_pack_integer_put(out, first, prefix, s.len);
    if (s.len) memcpy(out, s.at, s.len);
    return out + s.len;
}

static tc_err take_huffman(tc_span code, tc_arena *a, size_t max, tc_span *ret_string)
{
    const size_t most = tc_huffman_plain_max(code.len);
    const size_t room = most < max ? most : max;
    char *plain = tc_arena_bytes(a, room + 1);
    if (!plain) return TC_ERR_NO_MEMORY;
    size_t len = 0;
    const tc_err err = tc_huffman_decode(code, plain, room, &len);
    tc_arena_trim(a, plain + len);
    if (err) return err == TC_ERR_FULL ? TC_ERR_FIELDS_TOO_LARGE : err;
    *ret_string = tc_span_of(plain, len);
    return TC_OK;
}

tc_err tc_pack_string_take(tc_span *in, unsigned prefix, tc_arena *a, size_t max,
                           tc_span *ret_string)
{
    const bool huffman = in->len && (uint8_t)*in->at >> prefix & 1;
    uint64_t len;
    if (tc_pack_integer_take(in, prefix, TC_PACK_32, &len) || len > in->len)
        return TC_ERR_COMPRESSION;
    const tc_span sent = tc_span_take(in, (size_t)len);
    if (len == 0) {
        *ret_string = TC_SPAN("");
        return TC_OK;
    }
    if (huffman) return take_huffman(sent, a, max, ret_string);
    if (len > max) return TC_ERR_FIELDS_TOO_LARGE;
    char *copy = tc_arena_bytes(a, sent.len);
    if (!copy) return TC_ERR_NO_MEMORY;
    memcpy(copy, sent.at, sent.len);
    *ret_string = tc_span_of(copy, sent.len);
    return TC_OK;
}

tc_err tc_pack_string_skip(tc_span *in, unsigned prefix, size_t max)
{
    uint64_t len;
    const tc_err err = tc_pack_integer_take(in, prefix, TC_PACK_62, &len);
    if (err) return err;
    if (len > max) return TC_ERR_COMPRESSION;
    if (len > in->len) return TC_ERR_NOTHING;
    (void)tc_span_take(in, (size_t)len);
    return TC_OK;
}
