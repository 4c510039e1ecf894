/* map.h - from bytes to a pointer, with open addressing and a keyed hash.
 *
 * Keys are borrowed: the caller keeps them alive and unchanged while they are in the map (a key
 * usually lives inside the value). Bounded by max entries. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/hash.h"

struct tc_map_slot;

typedef struct tc_map {
    struct tc_map_slot *slots;
    uint32_t size, count, max; /* slots (a power of two), entries, most entries */
    tc_hash_key key;
} tc_map;

void tc_map_init(tc_map *m, uint32_t max, tc_hash_key key); /* allocates nothing */
void tc_map_fini(tc_map *m);                                /* values are the caller's to free */

void *tc_map_get(const tc_map *m, tc_span key); /* NULL where missing */
/* Adds or replaces. TC_ERR_FULL at max. value must not be NULL. */
tc_err tc_map_put(tc_map *m, tc_span key, void *value) TC_MUST_USE;
void *tc_map_remove(tc_map *m, tc_span key); /* the value, or NULL */
/* Walks all values in no order: start with *cursor = 0; NULL at the end. Do not add meanwhile. */
void *tc_map_next(const tc_map *m, uint32_t *cursor);
