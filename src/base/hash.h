/* hash.h - SipHash-1-3: a keyed hash, so that a peer cannot choose names that collide. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

typedef struct tc_hash_key {
    uint64_t k0, k1;
} tc_hash_key;

/* From the system's generator, at most 256 bytes. It cannot fail, but where it does, nothing here
 * may go on. */
void tc_random_bytes(void *at, size_t len);

tc_hash_key tc_hash_key_random(void); /* from the system; once at start */
uint64_t tc_hash(const tc_hash_key *key, tc_span bytes);
