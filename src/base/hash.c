/* hash.c - SipHash-1-3 (Aumasson and Bernstein, 2012), one compression round and three at the end.
 */
// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <stdlib.h>
#include <sys/random.h>

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

#define ROUND(v0, v1, v2, v3)                                                                      \
    do {                                                                                           \
        v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);                                   \
        v2 += v3, v3 = rotate(v3, 16) ^ v2;                                                        \
        v0 += v3, v3 = rotate(v3, 21) ^ v0;                                                        \
        v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);                                   \
    } while (0)

void tc_random_bytes(void *at, size_t len)
{
    if (getentropy(at, len)) abort(); /* interrupted, it tries again */
}

tc_hash_key tc_hash_key_random(void)
{
    tc_hash_key key;
    tc_random_bytes(&key, sizeof key);
    return key;
}

uint64_t tc_hash(const tc_hash_key *key, tc_span bytes)
{
    uint64_t v0 = key->k0 ^ 0x736f6d6570736575u, v1 = key->k1 ^ 0x646f72616e646f6du;
    uint64_t v2 = key->k0 ^ 0x6c7967656e657261u, v3 = key->k1 ^ 0x7465646279746573u;
    const size_t whole = bytes.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.at + i, 8);
        v3 ^= word;
        ROUND(v0, v1, v2, v3);
        v0 ^= word;
    }
    uint64_t last = (uint64_t)bytes.len << 56;
    for (size_t i = whole; i < bytes.len; i++)
        last |= (uint64_t)(uint8_t)bytes.at[i] << (8 * (i - whole));
    v3 ^= last;
    ROUND(v0, v1, v2, v3);
    v0 ^= last;
    v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        ROUND(v0, v1, v2, v3);
    return v0 ^ v1 ^ v2 ^ v3;
}
