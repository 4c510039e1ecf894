/* map.c - linear probing; removal shifts back, so there are no tombstones. */
// SPDX-License-Identifier: MIT
#include "base/map.h"

#include <assert.h>

#include "base/alloc.h"

struct tc_map_slot {
    tc_span key;
    void *value; /* NULL: empty */
    uint64_t hash;
};

void tc_map_init(tc_map *m, uint32_t max, tc_hash_key key)
{
    *m = (tc_map){.max = max, .key = key};
}

void tc_map_fini(tc_map *m)
{
    tc_free(m->slots);
    *m = (tc_map){.max = m->max, .key = m->key};
}

/* The slot that holds the key, or the empty one where it would stand. */
static struct tc_map_slot *find(const tc_map *m, tc_span key, uint64_t hash)
{
    for (uint32_t i = (uint32_t)hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
        struct tc_map_slot *slot = &m->slots[i];
        if (!slot->value || (slot->hash == hash && tc_span_eq(slot->key, key))) return slot;
    }
}

void *tc_map_get(const tc_map *m, tc_span key)
{
    return m->size ? find(m, key, tc_hash(&m->key, key))->value : NULL;
}

static tc_err grow(tc_map *m)
{
    const uint32_t size = m->size ? m->size * 2 : 16;
    struct tc_map_slot *slots = tc_alloc_zero(size * sizeof *slots);
    if (!slots) return TC_ERR_NO_MEMORY;
    const tc_map old = *m;
    m->slots = slots;
    m->size = size;
    for (uint32_t i = 0; i < old.size; i++)
        if (old.slots[i].value) *find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    tc_free(old.slots);
    return TC_OK;
}

tc_err tc_map_put(tc_map *m, tc_span key, void *value)
{
    assert(value);
    const uint64_t hash = tc_hash(&m->key, key);
    struct tc_map_slot *slot = m->size ? find(m, key, hash) : NULL;
    if (!slot || !slot->value) {
        if (m->count >= m->max) return TC_ERR_FULL;
        if (m->count + 1 > m->size / 4 * 3) {
            const tc_err err = grow(m);
            if (err) return err;
            slot = find(m, key, hash);
        }
        m->count++;
    }
    *slot = (struct tc_map_slot){key, value, hash};
    return TC_OK;
}

void *tc_map_remove(tc_map *m, tc_span key)
{
    if (!m->size) return NULL;
    const uint32_t mask = m->size - 1;
    struct tc_map_slot *slot = find(m, key, tc_hash(&m->key, key));
    void *value = slot->value;
    if (!value) return NULL;
    uint32_t hole = (uint32_t)(slot - m->slots);
    for (uint32_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        const uint32_t home = (uint32_t)m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct tc_map_slot){0};
    m->count--;
    return value;
}

void *tc_map_next(const tc_map *m, uint32_t *cursor)
{
    while (*cursor < m->size) {
        void *value = m->slots[(*cursor)++].value;
        if (value) return value;
    }
    return NULL;
}
