/* ring.h - the dynamic table of header compression (RFC 7541, 2.3.2; RFC 9204, 3.2): entries in the
 * order they came, the oldest leaving first, over one ring of bytes.
 *
 * Bounded by max as the RFCs count: names, values and 32 for each entry. Memory is taken with the
 * first entry and grows with what is in it, never past that bound. What users of the table keep of
 * their own about an entry stands in the entry. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

enum { TC_RING_OVERHEAD = 32 }; /* what an entry counts beside its bytes (RFC 7541, 4.1) */

typedef struct tc_ring_entry {
    uint32_t at; /* where its bytes begin: name, if it is stored, then value */
    uint32_t name_len, value_len;
    uint32_t tag; /* the owner's number of a constant name, which is not stored; 0: it is */
    union {
        struct { /* who decodes */
            const char *copy;
            uint32_t seen; /* in which block the copy was made */
        };
        struct { /* who encodes */
            uint32_t hash, same_field, same_name;
        };
    };
} tc_ring_entry;

typedef struct tc_ring {
    char *bytes;
    tc_ring_entry *entries;
    uint32_t bytes_mask, entries_mask; /* rooms, less 1; powers of two */
    uint32_t begin, end;               /* of the bytes in use; only differences mean anything */
    uint32_t inserted;                 /* entries ever; the newest has this number */
    uint32_t count;                    /* entries now */
    uint32_t size, max;                /* as the RFCs count */
} tc_ring;

void tc_ring_init(tc_ring *r, uint32_t max); /* takes no memory */
void tc_ring_fini(tc_ring *r);
void tc_ring_resize(tc_ring *r, uint32_t max); /* what is too much leaves */

/* Copies the field in; older ones leave for it. One that is larger than the table empties it
 * (RFC 7541, 4.4), and *ret_entry is NULL. TC_ERR_NO_MEMORY: the table is as it was. The bytes must
 * not be the table's own. */
tc_err tc_ring_add(tc_ring *r, tc_span name, tc_span value, uint32_t tag,
                   tc_ring_entry **ret_entry) TC_MUST_USE;

static inline uint32_t tc_ring_name_stored(const tc_ring_entry *e)
{
    return e->tag ? 0 : e->name_len;
}

/* The entry with that number (1 was the first one); NULL where it has left or never was. */
static inline tc_ring_entry *tc_ring_get(const tc_ring *r, uint32_t number)
{
    return r->inserted - number < r->count ? &r->entries[number & r->entries_mask] : NULL;
}

/* While it is the same, so is what is in the table. */
static inline uint64_t tc_ring_mark(const tc_ring *r)
{
    return (uint64_t)r->inserted << 32 | r->count;
}

/* Copies len bytes from the position out of the table; compares them with bytes. */
void tc_ring_copy(const tc_ring *r, uint32_t at, uint32_t len, char *out);
bool tc_ring_equal(const tc_ring *r, uint32_t at, tc_span bytes);
