/* hash.c - SipHash-1-3: numbers of an independent implementation for the key 00 01 .. 0f. */
// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include "support/check.h"

static const tc_hash_key counting = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

static void known_inputs_have_known_hashes(void **state)
{
    (void)state;
    static const uint64_t known[] = {
        0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
        0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
        0x369095118d299a8e, 0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
        0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34, 0xd320d86d2a519956,
        0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c,
    };
    char bytes[64];
    uint64_t all = 0;
    for (size_t n = 0; n < 64; n++) {
        bytes[n] = (char)n;
        const uint64_t hash = tc_hash(&counting, check_edge((tc_span){bytes, n}));
        if (n < sizeof known / sizeof *known) assert_true(hash == known[n]);
        all = (all << 1 | all >> 63) ^ hash;
    }
    assert_true(all == 0x7f4d5086694f99aa);
    assert_true(tc_hash(&counting, (tc_span){0}) == known[0]);
}

static void every_bit_of_key_and_input_counts(void **state)
{
    (void)state;
    char text[] = "content-security-policy";
    const tc_span s = {text, sizeof text - 1};
    const uint64_t plain = tc_hash(&counting, s);
    for (int bit = 0; bit < 64; bit++) {
        tc_hash_key other = counting;
        other.k0 ^= UINT64_C(1) << bit;
        assert_true(tc_hash(&other, s) != plain);
        other = counting;
        other.k1 ^= UINT64_C(1) << bit;
        assert_true(tc_hash(&other, s) != plain);
    }
    for (size_t bit = 0; bit < s.len * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_true(tc_hash(&counting, s) != plain);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    const tc_hash_key a = tc_hash_key_random(), b = tc_hash_key_random();
    assert_true(a.k0 != b.k0 && a.k1 != b.k1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_inputs_have_known_hashes),
        cmocka_unit_test(every_bit_of_key_and_input_counts),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
