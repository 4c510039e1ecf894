/* pack.c - what HPACK and QPACK are made of: integers, the Huffman code, the table as a ring. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "http/pack/huffman.h"
#include "http/pack/integer.h"
#include "http/pack/ring.h"
#include "support/check.h"

enum { STRINGS = 3000, STRING_MAX = 300, CODE_MAX = STRING_MAX * 4 + TC_HUFFMAN_SLACK };

static void integers_round_trip(void **state)
{
    (void)state;
    static const uint64_t values[] = {0,
                                      1,
                                      5,
                                      30,
                                      31,
                                      32,
                                      126,
                                      127,
                                      128,
                                      254,
                                      255,
                                      256,
                                      1337,
                                      16383,
                                      16384,
                                      UINT32_MAX,
                                      TC_PACK_62,
                                      UINT32_MAX - 1,
                                      TC_PACK_62 - 1};
    for (unsigned prefix = 1; prefix <= 8; prefix++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            char out[TC_PACK_INTEGER_MAX];
            const uint8_t first = (uint8_t)(0xff << prefix);
            const char *end = tc_pack_integer_put(out, first, prefix, values[i]);
            const tc_span all = check_edge(tc_span_of(out, (size_t)(end - out)));
            assert_int_equal((uint8_t)all.at[0] & first, first);
            tc_span in = all;
            uint64_t value = 0;
            assert_int_equal(tc_pack_integer_take(&in, prefix, TC_PACK_62, &value), TC_OK);
            assert_true(value == values[i] && in.len == 0);
            for (size_t n = 0; n < all.len; n++) {
                in = tc_span_first(all, n);
                assert_int_equal(tc_pack_integer_take(&in, prefix, TC_PACK_62, &value),
                                 TC_ERR_NOTHING);
                assert_int_equal(in.len, n);
            }
            in = all;
            if (values[i])
                assert_int_equal(tc_pack_integer_take(&in, prefix, values[i] - 1, &value),
                                 (1u << prefix) - 1 > values[i] ? TC_OK : TC_ERR_COMPRESSION);
        }
}

static void integers_are_bounded(void **state)
{
    (void)state;
    const struct {
        tc_span bytes;
        uint64_t max;
    } rows[] = {
        {TC_SPAN("\x1f\xe1\xff\xff\xff\x0f"), TC_PACK_32}, /* 2^32 */
        {TC_SPAN("\x1f\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), TC_PACK_62},
        {TC_SPAN("\x1f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), TC_PACK_62},
        {TC_SPAN("\x1f\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"), TC_PACK_32}, /* zeros */
        {TC_SPAN("\x1f\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), TC_PACK_32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_span in = check_edge(rows[i].bytes);
        uint64_t value = 7;
        assert_int_equal(tc_pack_integer_take(&in, 5, rows[i].max, &value), TC_ERR_COMPRESSION);
        assert_int_equal(value, 7);
        assert_int_equal(in.len, rows[i].bytes.len);
    }
}

/* As check_edge, on one page for all. */
static tc_span at_edge(tc_span bytes)
{
    static char zeros[CODE_MAX];
    static tc_span room;
    if (!room.at) room = check_edge(tc_span_of(zeros, sizeof zeros));
    char *at = (char *)(uintptr_t)(room.at + room.len - bytes.len);
    if (bytes.len) memcpy(at, bytes.at, bytes.len);
    return tc_span_of(at, bytes.len);
}

static void check_huffman(tc_span plain)
{
    char code[CODE_MAX], back[STRING_MAX];
    assert_true(plain.len <= STRING_MAX);
    const size_t wanted = tc_huffman_length(plain);
    const char *end = tc_huffman_encode(code, plain);
    assert_int_equal(end - code, wanted);
    assert_true(tc_huffman_plain_max(wanted) >= plain.len);
    const tc_span sent = at_edge(tc_span_of(code, wanted));
    size_t len = 0;
    assert_int_equal(tc_huffman_decode(sent, back, plain.len, &len), TC_OK);
    assert_true(tc_span_eq(tc_span_of(back, len), plain));
    if (plain.len)
        assert_int_equal(tc_huffman_decode(sent, back, plain.len - 1, &len), TC_ERR_FULL);
}

static void huffman_round_trips(void **state)
{
    (void)state;
    static char plain[STRING_MAX];
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b += 1 + b % 3) {
            plain[0] = (char)a;
            plain[1] = (char)b;
            plain[2] = (char)a;
            for (size_t n = 0; n <= 3; n += 3)
                check_huffman(tc_span_of(plain, n));
        }
    for (int i = 0; i < STRINGS; i++) {
        const size_t len = check_random_below(STRING_MAX + 1);
        const uint64_t kind = check_random_below(3);
        for (size_t j = 0; j < len; j++)
            plain[j] = (char)(kind == 0   ? check_random_below(256)
                              : kind == 1 ? 32 + check_random_below(95)
                                          : (uint64_t) "0aeiost 12"[check_random_below(10)]);
        check_huffman(tc_span_of(plain, len));
    }
}

/* Whatever the bytes are, decoding agrees with what encoding says of the result. */
static void huffman_of_any_bytes(void **state)
{
    (void)state;
    char code[40], plain[64 + 1], again[sizeof plain * 4 + TC_HUFFMAN_SLACK];
    unsigned good = 0;
    for (int i = 0; i < STRINGS * 20; i++) {
        const size_t len = check_random_below(sizeof code) + 1;
        for (size_t j = 0; j < len; j++)
            code[j] = (char)check_random_below(check_random_below(2) ? 256 : 200);
        size_t got = 0;
        if (tc_huffman_decode(tc_span_of(code, len), plain, sizeof plain - 1, &got)) continue;
        good++;
        const char *end = tc_huffman_encode(again, tc_span_of(plain, got));
        assert_true(tc_span_eq(tc_span_of(again, (size_t)(end - again)), tc_span_of(code, len)));
    }
    assert_true(good > 10);
}

static void huffman_that_is_wrong(void **state)
{
    (void)state;
    const tc_span rows[] = {
        TC_SPAN("\xff"),             /* eight bits of padding */
        TC_SPAN("\x1f\xff"),         /* "a", eleven bits */
        TC_SPAN("\x18"),             /* "a", padding of zeros */
        TC_SPAN("\x1e"),             /* "a", padding that ends in a zero */
        TC_SPAN("\xff\xff\xff\xff"), /* the end of the string, and two bits */
        TC_SPAN("\xff\xff\xff\xfc"), /* the same with zeros */
        TC_SPAN("\x1f\xff\xff\xff\xff\xff"),
        TC_SPAN("\xff\xff\xff"), /* a long code without its end */
        TC_SPAN("\x1c\x64\x1c\x64\x1c\x64\x1c\x64\x1c\x64\x1c\x64\xff\xff"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char plain[64];
        size_t len = 77;
        const tc_err err = tc_huffman_decode(check_edge(rows[i]), plain, sizeof plain, &len);
        if (err != TC_ERR_COMPRESSION || len != 77) fail_msg("row %zu: %s", i, tc_err_name(err));
    }
}

/* A table against a plain list of what went in. */
static void ring_against_a_list(void **state)
{
    (void)state;
    enum { ADDS = 4000, NAME_MAX = 40, VALUE_MAX = 400 };
    static char bytes[ADDS + NAME_MAX + VALUE_MAX];
    static struct {
        tc_span name, value;
    } list[ADDS + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)check_random();
    tc_ring r;
    tc_ring_init(&r, 1000);
    uint32_t begin = 1;
    for (uint32_t n = 1; n <= ADDS; n++) {
        if (check_random_below(50) == 0) tc_ring_resize(&r, (uint32_t)check_random_below(5000));
        const size_t longest = check_random_below(20) ? 60 : VALUE_MAX;
        list[n].name = tc_span_of(bytes + check_random_below(ADDS), check_random_below(NAME_MAX));
        list[n].value = tc_span_of(bytes + check_random_below(ADDS), check_random_below(longest));
        const uint32_t tag = (uint32_t)check_random_below(2);
        const uint32_t before = r.inserted;
        tc_ring_entry *e;
        assert_int_equal(tc_ring_add(&r, list[n].name, list[n].value, tag, &e), TC_OK);
        if (!e) {
            assert_true(list[n].name.len + list[n].value.len + 32 > r.max && r.count == 0);
            n--;
            begin = n + 1;
            continue;
        }
        assert_int_equal(r.inserted, before + 1);
        assert_int_equal(r.inserted, n);
        assert_ptr_equal(tc_ring_get(&r, n), e);
        size_t size = 0;
        begin = n - r.count + 1;
        for (uint32_t i = begin; i <= n; i++) {
            e = tc_ring_get(&r, i);
            char copy[VALUE_MAX];
            const uint32_t stored = tc_ring_name_stored(e);
            assert_true(e->tag || tc_ring_equal(&r, e->at, list[i].name));
            assert_true(tc_ring_equal(&r, e->at + stored, list[i].value));
            tc_ring_copy(&r, e->at + stored, e->value_len, copy);
            assert_true(tc_span_eq(tc_span_of(copy, e->value_len), list[i].value));
            size += list[i].name.len + list[i].value.len + 32;
        }
        assert_true(size == r.size && size <= r.max);
        assert_null(tc_ring_get(&r, n + 1));
        assert_null(tc_ring_get(&r, begin - 1));
    }
    tc_ring_fini(&r);
    tc_ring_fini(&r);
}

static void ring_without_memory(void **state)
{
    (void)state;
    static char bytes[600];
    for (int64_t n = 0; n < 40; n++) {
        tc_ring r;
        tc_ring_init(&r, 4096);
        tc_alloc_fail_after(n);
        uint32_t added = 0;
        for (int i = 0; i < 60; i++) {
            tc_ring_entry *e;
            const uint32_t count = r.count, size = r.size;
            if (tc_ring_add(&r, tc_span_of(bytes, 3), tc_span_of(bytes, (size_t)i * 10), 0, &e)) {
                assert_true(r.count == count && r.size == size);
                continue;
            }
            added++;
        }
        tc_alloc_fail_after(-1);
        assert_int_equal(r.inserted, added);
        tc_ring_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_round_trip),   cmocka_unit_test(integers_are_bounded),
        cmocka_unit_test(huffman_round_trips),   cmocka_unit_test(huffman_of_any_bytes),
        cmocka_unit_test(huffman_that_is_wrong), cmocka_unit_test(ring_against_a_list),
        cmocka_unit_test(ring_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
