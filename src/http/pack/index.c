/* index.c - see index.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/index.h"

#include "base/alloc.h"
#include "http/secret.h"

enum { FIELD_PLACES = 128, NAME_PLACES = 32, SEEN_PLACES = 32, STEPS_MAX = 16 };

struct tc_pack_index {
    uint32_t fields[FIELD_PLACES], names[NAME_PLACES];
    /* Hashes of fields that were sent as literals, of late: what comes again after long does not
     * pay. More places made sections larger, whatever the hash. */
    uint16_t seen[SEEN_PLACES];
};

tc_pack_index *tc_pack_index_new(void)
{
    return tc_alloc_zero(sizeof(tc_pack_index));
}

/* --- what pays --- */

/* Found by trying each on header lists of real sites. Date is the same for a second's answers, so
 * it pays; what describes a resource pays only if it comes again. */
#define BIT(name) (UINT64_C(1) << TC_FIELD_##name)
static const uint64_t literal = BIT(CONTENT_LENGTH) | BIT(CONTENT_RANGE) | BIT(RANGE);
static const uint64_t second = BIT(AGE) | BIT(CACHE_CONTROL) | BIT(ETAG) | BIT(EXPIRES) |
                               BIT(IF_MATCH) | BIT(IF_MODIFIED_SINCE) | BIT(IF_NONE_MATCH) |
                               BIT(IF_RANGE) | BIT(IF_UNMODIFIED_SINCE) | BIT(LAST_MODIFIED) |
                               BIT(LOCATION);

enum tc_pack_treat tc_pack_treat_of(const tc_pack_names *n, tc_span name, uint32_t tag,
                                    enum tc_field_id id)
{
    if (id) {
        if (tc_field_flags(id) & TC_FIELD_SECRET) return TC_PACK_SECRET;
        if (literal >> id & 1) return TC_PACK_LITERAL;
        return second >> id & 1 ? TC_PACK_SECOND : TC_PACK_TABLE;
    }
    if (tag) return tag == n->path ? TC_PACK_LITERAL : TC_PACK_TABLE;
    return tc_secret_name(name) ? TC_PACK_SECRET : TC_PACK_SECOND;
}

bool tc_pack_admit(tc_pack_index *x, enum tc_pack_treat treat, uint32_t hash, bool new_name)
{
    if (treat == TC_PACK_TABLE || new_name) return true;
    uint16_t *seen = &x->seen[hash % SEEN_PLACES];
    const uint16_t mark = (uint16_t)(hash >> 16 | 1);
    if (*seen == mark) return true;
    *seen = mark;
    return false;
}

/* --- finding what is in the table --- */

static uint64_t load_64(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static uint64_t load_32(const char *at)
{
    uint32_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static uint64_t mix(uint64_t h, uint64_t bytes)
{
    h = (h ^ bytes) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Nothing depends on it but speed, and a peer that makes fields collide meets STEPS_MAX. */
static uint32_t hash_of(uint64_t h, tc_span s)
{
    h = mix(h, s.len);
    size_t i = 0;
    for (; s.len - i > 8; i += 8)
        h = mix(h, load_64(s.at + i));
    if (s.len >= 8)
        h = mix(h, load_64(s.at + s.len - 8));
    else if (s.len >= 4)
        h = mix(h, load_32(s.at) << 32 | load_32(s.at + s.len - 4));
    else if (s.len)
        h = mix(h, (uint64_t)(uint8_t)s.at[0] << 16 | (uint64_t)(uint8_t)s.at[s.len / 2] << 8 |
                       (uint8_t)s.at[s.len - 1]);
    return (uint32_t)(h >> 32 ^ h);
}

void tc_pack_seek(tc_pack_sought *s)
{
    s->name_hash = s->tag ? s->tag : hash_of(0, s->name);
    s->hash = hash_of((uint64_t)s->name_hash * 0x9e3779b1u, s->value);
}

static bool same_name(const tc_ring *t, const tc_ring_entry *entry, const tc_pack_sought *s)
{
    if (entry->tag || s->tag) return entry->tag == s->tag;
    return entry->name_len == s->name.len && tc_ring_equal(t, entry->at, s->name);
}

bool tc_pack_find_field(const tc_pack_index *x, const tc_ring *t, const tc_pack_sought *s,
                        uint32_t young, uint32_t *ret_number)
{
    uint32_t number = x->fields[s->hash % FIELD_PLACES];
    for (int i = 0; i < STEPS_MAX; i++) {
        const tc_ring_entry *entry = tc_ring_get(t, number);
        if (!entry) return false;
        if (t->inserted - number >= young && entry->hash == s->hash &&
            entry->value_len == s->value.len && same_name(t, entry, s) &&
            tc_ring_equal(t, entry->at + tc_ring_name_stored(entry), s->value)) {
            *ret_number = number;
            return true;
        }
        number = entry->same_field;
    }
    return false;
}

bool tc_pack_find_name(const tc_pack_index *x, const tc_ring *t, const tc_pack_sought *s,
                       uint32_t young, uint32_t *ret_number)
{
    uint32_t number = x->names[s->name_hash % NAME_PLACES];
    for (int i = 0; i < STEPS_MAX; i++) {
        const tc_ring_entry *entry = tc_ring_get(t, number);
        if (!entry) return false;
        if (t->inserted - number >= young && same_name(t, entry, s)) {
            *ret_number = number;
            return true;
        }
        number = entry->same_name;
    }
    return false;
}

bool tc_pack_insert(tc_pack_index *x, tc_ring *t, const tc_pack_sought *s)
{
    tc_ring_entry *entry;
    if (tc_ring_add(t, s->name, s->value, s->tag, &entry) || !entry) return false;
    uint32_t *field = &x->fields[s->hash % FIELD_PLACES];
    uint32_t *name = &x->names[s->name_hash % NAME_PLACES];
    entry->hash = s->hash;
    entry->same_field = *field;
    entry->same_name = *name;
    *field = *name = t->inserted;
    return true;
}
