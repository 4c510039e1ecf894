/* ring.c - see ring.h. Both rooms are powers of two, so that positions may run on and wrap. */
// SPDX-License-Identifier: MIT
#include "http/pack/ring.h"

#include <assert.h>

#include "base/alloc.h"

enum { FIRST_BYTES = 512, FIRST_ENTRIES = 16 };

void tc_ring_init(tc_ring *r, uint32_t max)
{
    *r = (tc_ring){.max = max};
}

void tc_ring_fini(tc_ring *r)
{
    tc_free(r->bytes);
    tc_free(r->entries);
    *r = (tc_ring){.max = r->max};
}

static uint32_t min_32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void evict(tc_ring *r)
{
    const tc_ring_entry *e = &r->entries[(r->inserted - r->count + 1) & r->entries_mask];
    r->begin += tc_ring_name_stored(e) + e->value_len;
    r->size -= e->name_len + e->value_len + TC_RING_OVERHEAD;
    r->count--;
}

void tc_ring_resize(tc_ring *r, uint32_t max)
{
    r->max = max;
    while (r->size > max)
        evict(r);
}

static char *grow_bytes(tc_ring *r, uint32_t wanted)
{
    uint32_t mask = r->bytes ? r->bytes_mask : FIRST_BYTES - 1;
    while (mask < wanted - 1)
        mask = mask << 1 | 1;
    char *bytes = tc_alloc((size_t)mask + 1);
    if (!bytes) return NULL;
    for (uint32_t at = r->begin, n; at != r->end; at += n) {
        n = min_32(r->end - at, r->bytes_mask - (at & r->bytes_mask) + 1);
        n = min_32(n, mask - (at & mask) + 1);
        memcpy(bytes + (at & mask), r->bytes + (at & r->bytes_mask), n);
    }
    tc_free(r->bytes);
    r->bytes_mask = mask;
    return r->bytes = bytes;
}

static tc_ring_entry *grow_entries(tc_ring *r)
{
    const uint32_t mask = r->entries ? r->entries_mask << 1 | 1 : FIRST_ENTRIES - 1;
    tc_ring_entry *entries = tc_alloc(((size_t)mask + 1) * sizeof *entries);
    if (!entries) return NULL;
    for (uint32_t i = 0; i < r->count; i++)
        entries[(r->inserted - i) & mask] = r->entries[(r->inserted - i) & r->entries_mask];
    tc_free(r->entries);
    r->entries_mask = mask;
    return r->entries = entries;
}

static void put(tc_ring *r, tc_span bytes)
{
    if (bytes.len == 0) return;
    const uint32_t at = r->end & r->bytes_mask, len = (uint32_t)bytes.len;
    const uint32_t n = min_32(len, r->bytes_mask - at + 1);
    memcpy(r->bytes + at, bytes.at, n);
    if (n < len) memcpy(r->bytes, bytes.at + n, len - n);
    r->end += len;
}

/* Eviction comes last, and only when nothing can fail any more: rooms are made for what stays. */
static bool has_rooms(tc_ring *r, uint32_t bytes, uint32_t evicted, uint32_t evicted_bytes)
{
    const uint32_t wanted = r->end - r->begin - evicted_bytes + bytes;
    if (wanted && (!r->bytes || wanted - 1 > r->bytes_mask) && !grow_bytes(r, wanted)) return false;
    return (r->entries && r->count - evicted <= r->entries_mask) || grow_entries(r);
}

tc_err tc_ring_add(tc_ring *r, tc_span name, tc_span value, uint32_t tag, tc_ring_entry **ret_entry)
{
    if (name.len > r->max || value.len > r->max ||
        name.len + value.len + TC_RING_OVERHEAD > r->max) {
        while (r->count)
            evict(r);
        *ret_entry = NULL;
        return TC_OK;
    }
    const uint32_t size = (uint32_t)(name.len + value.len) + TC_RING_OVERHEAD;
    const tc_span stored = tag ? (tc_span){0} : name;
    uint32_t evicted = 0, evicted_bytes = 0, freed = 0;
    while (r->size - freed > r->max - size) {
        const tc_ring_entry *e =
            &r->entries[(r->inserted - r->count + 1 + evicted++) & r->entries_mask];
        evicted_bytes += tc_ring_name_stored(e) + e->value_len;
        freed += e->name_len + e->value_len + TC_RING_OVERHEAD;
    }
    if (!has_rooms(r, (uint32_t)(stored.len + value.len), evicted, evicted_bytes))
        return TC_ERR_NO_MEMORY;
    while (evicted--)
        evict(r);
    tc_ring_entry *e = &r->entries[(r->inserted + 1) & r->entries_mask];
    *e = (tc_ring_entry){
        .at = r->end, .name_len = (uint32_t)name.len, .value_len = (uint32_t)value.len, .tag = tag};
    put(r, stored);
    put(r, value);
    r->inserted++;
    r->count++;
    r->size += size;
    *ret_entry = e;
    return TC_OK;
}

void tc_ring_copy(const tc_ring *r, uint32_t at, uint32_t len, char *out)
{
    if (len == 0) return;
    assert(r->bytes && len <= r->bytes_mask + (size_t)1);
    at &= r->bytes_mask;
    const uint32_t n = min_32(len, r->bytes_mask - at + 1);
    memcpy(out, r->bytes + at, n);
    if (n < len) memcpy(out + n, r->bytes, len - n);
}

bool tc_ring_equal(const tc_ring *r, uint32_t at, tc_span bytes)
{
    if (bytes.len == 0) return true;
    at &= r->bytes_mask;
    const uint32_t len = (uint32_t)bytes.len, n = min_32(len, r->bytes_mask - at + 1);
    return memcmp(r->bytes + at, bytes.at, n) == 0 &&
           (n == len || memcmp(r->bytes, bytes.at + n, len - n) == 0);
}
