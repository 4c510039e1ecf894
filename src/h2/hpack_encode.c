/* hpack_encode.c - see hpack.h: from fields to a block (RFC 7541, 6 and 7.1).
 *
 * What goes into the table is decided by treat_of and by admit, and only there. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h2/hpack.h"
#include "h2/hpack_static.h"
#include "http/pack/huffman.h"
#include "http/pack/integer.h"
#include "http/secret.h"

enum { INDEXED = 0x80, LITERAL_INDEXED = 0x40, SIZE_UPDATE = 0x20, NEVER_INDEXED = 0x10 };
enum { INDEXED_PREFIX = 7, LITERAL_INDEXED_PREFIX = 6, SIZE_PREFIX = 5, LITERAL_PREFIX = 4 };
enum { HUFFMAN = 0x80, LENGTH_PREFIX = 7 };
enum { FIELD_PLACES = 128, NAME_PLACES = 32, SEEN_PLACES = 256, STEPS_MAX = 16 };
/* Beside name and value: size updates, two lengths, an index, what Huffman coding overwrites. */
enum { BOUND = TC_HPACK_BEGIN_MAX + 3 * TC_PACK_INTEGER_MAX + TC_HUFFMAN_SLACK };

/* Newest entries by hash; older ones hang on them in the table (same_field, same_name). */
struct tc_hpack_index {
    uint32_t fields[FIELD_PLACES], names[NAME_PLACES];
    uint16_t seen[SEEN_PLACES]; /* hashes of fields that were sent as literals */
};

void tc_hpack_encoder_init(tc_hpack_encoder *e, uint32_t table_max)
{
    *e = (tc_hpack_encoder){.table_max = table_max, .lowest = UINT32_MAX};
    tc_ring_init(&e->table, TC_HPACK_TABLE);
    tc_hpack_encoder_limit(e, TC_HPACK_TABLE);
}

void tc_hpack_encoder_fini(tc_hpack_encoder *e)
{
    tc_ring_fini(&e->table);
    tc_free(e->index);
    e->index = NULL;
}

void tc_hpack_encoder_limit(tc_hpack_encoder *e, uint32_t peers_table_size)
{
    const uint32_t max = peers_table_size < e->table_max ? peers_table_size : e->table_max;
    if (max == e->table.max) return;
    tc_ring_resize(&e->table, max);
    if (max < e->lowest) e->lowest = max;
    e->must_update = true;
}

char *tc_hpack_encoder_begin(tc_hpack_encoder *e, char *out)
{
    if (!e->must_update) return out;
    if (e->lowest < e->table.max)
        out = tc_pack_integer_put(out, SIZE_UPDATE, SIZE_PREFIX, e->lowest);
    out = tc_pack_integer_put(out, SIZE_UPDATE, SIZE_PREFIX, e->table.max);
    e->lowest = UINT32_MAX;
    e->must_update = false;
    return out;
}

bool tc_hpack_encoder_stays(const tc_hpack_encoder *e, uint64_t mark)
{
    return !e->must_update && tc_ring_mark(&e->table) == mark;
}

size_t tc_hpack_encode_bound(size_t name_len, size_t value_len)
{
    return name_len + value_len + BOUND;
}

static char *put_string(char *out, tc_span s)
{
    const size_t len = tc_huffman_length(s);
    if (len < s.len)
        return tc_huffman_encode(tc_pack_integer_put(out, HUFFMAN, LENGTH_PREFIX, len), s);
    out = tc_pack_integer_put(out, 0, LENGTH_PREFIX, s.len);
    if (s.len) memcpy(out, s.at, s.len);
    return out + s.len;
}

/* name_index 0: the name is spelt out. */
static char *put_literal(char *out, uint8_t first, unsigned prefix, uint32_t name_index,
                         tc_span name, tc_span value)
{
    out = tc_pack_integer_put(out, first, prefix, name_index);
    if (name_index == 0) out = put_string(out, name);
    return put_string(out, value);
}

typedef struct sought {
    tc_span name, value;
    uint32_t tag, name_hash, hash; /* tag 0: the name is compared */
} sought;

/* --- what pays --- */

enum treat {
    TREAT_TABLE,   /* goes into the table at once: it is likely to come again as it is */
    TREAT_SECOND,  /* when it comes for the second time */
    TREAT_LITERAL, /* never: it would drive out what is worth more */
    TREAT_SECRET   /* never, here or by anyone on the way */
};

/* Found by trying each on header lists of real sites. Date is the same for a second's answers, so
 * it pays; what describes a resource pays only if it comes again. */
#define BIT(name) (UINT64_C(1) << TC_FIELD_##name)
static const uint64_t literal = BIT(CONTENT_LENGTH) | BIT(CONTENT_RANGE) | BIT(RANGE);
static const uint64_t second = BIT(AGE) | BIT(CACHE_CONTROL) | BIT(ETAG) | BIT(EXPIRES) |
                               BIT(IF_MATCH) | BIT(IF_MODIFIED_SINCE) | BIT(IF_NONE_MATCH) |
                               BIT(IF_RANGE) | BIT(IF_UNMODIFIED_SINCE) | BIT(LAST_MODIFIED) |
                               BIT(LOCATION);
enum { PATH = 4 }; /* index of the first :path */

static enum treat treat_of(tc_span name, uint32_t tag, enum tc_field_id id)
{
    if (id) {
        if (tc_field_flags(id) & TC_FIELD_SECRET) return TREAT_SECRET;
        if (literal >> id & 1) return TREAT_LITERAL;
        return second >> id & 1 ? TREAT_SECOND : TREAT_TABLE;
    }
    if (tag) return tag == PATH ? TREAT_LITERAL : TREAT_TABLE;
    return tc_secret_name(name) ? TREAT_SECRET : TREAT_SECOND;
}

static enum treat treat_with(const tc_hpack_encoder *e, const sought *s, enum tc_field_id id)
{
    if (e->cookies && id == TC_FIELD_COOKIE && s->value.len >= TC_HPACK_COOKIE) return TREAT_TABLE;
    return treat_of(s->name, s->tag, id);
}

/* The first time of a field is remembered by a part of its hash; what came twice will come again.
 * A new name goes in at once, for the values that will follow it. */
static bool admit(struct tc_hpack_index *x, enum treat treat, uint32_t hash, bool new_name)
{
    if (treat == TREAT_TABLE || new_name) return true;
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

static bool same_name(const tc_ring *t, const tc_ring_entry *entry, const sought *s)
{
    if (entry->tag || s->tag) return entry->tag == s->tag;
    return entry->name_len == s->name.len && tc_ring_equal(t, entry->at, s->name);
}

static uint32_t index_of(const tc_ring *t, uint32_t number)
{
    return TC_HPACK_STATIC + 1 + (t->inserted - number);
}

/* 0 where it is missing. */
static uint32_t find_field(const tc_hpack_encoder *e, const sought *s)
{
    const tc_ring *t = &e->table;
    uint32_t number = e->index->fields[s->hash % FIELD_PLACES];
    for (int i = 0; i < STEPS_MAX; i++) {
        const tc_ring_entry *entry = tc_ring_get(t, number);
        if (!entry) return 0;
        if (entry->hash == s->hash && entry->value_len == s->value.len && same_name(t, entry, s) &&
            tc_ring_equal(t, entry->at + tc_ring_name_stored(entry), s->value))
            return index_of(t, number);
        number = entry->same_field;
    }
    return 0;
}

static uint32_t find_name(const tc_hpack_encoder *e, const sought *s)
{
    const tc_ring *t = &e->table;
    uint32_t number = e->index->names[s->name_hash % NAME_PLACES];
    for (int i = 0; i < STEPS_MAX; i++) {
        const tc_ring_entry *entry = tc_ring_get(t, number);
        if (!entry) return 0;
        if (same_name(t, entry, s)) return index_of(t, number);
        number = entry->same_name;
    }
    return 0;
}

static bool insert(tc_hpack_encoder *e, const sought *s)
{
    tc_ring_entry *entry;
    if (tc_ring_add(&e->table, s->name, s->value, s->tag, &entry) || !entry) return false;
    uint32_t *field = &e->index->fields[s->hash % FIELD_PLACES];
    uint32_t *name = &e->index->names[s->name_hash % NAME_PLACES];
    entry->hash = s->hash;
    entry->same_field = *field;
    entry->same_name = *name;
    *field = *name = e->table.inserted;
    return true;
}

/* --- fields --- */

/* Without room for an index there is no table: all goes as literals. */
static bool has_index(tc_hpack_encoder *e)
{
    if (e->index) return true;
    if (e->table.max < TC_RING_OVERHEAD) return false;
    e->index = tc_alloc_zero(sizeof *e->index);
    return e->index != NULL;
}

/* What fills most of the table is not worth what would leave for it. */
static bool is_large(const tc_hpack_encoder *e, const sought *s)
{
    return s->name.len + s->value.len + TC_RING_OVERHEAD > e->table.max / 4 * 3;
}

/* A field whose value the static table does not have. */
static char *encode_by_table(tc_hpack_encoder *e, char *out, sought *s, enum tc_field_id id)
{
    const uint32_t static_name = s->tag <= TC_HPACK_STATIC ? s->tag : 0;
    s->name_hash = s->tag ? s->tag : hash_of(0, s->name);
    s->hash = hash_of(s->name_hash, s->value);
    const uint32_t index = find_field(e, s);
    if (index) return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index);
    const uint32_t name = static_name ? static_name : find_name(e, s);
    const enum treat treat = treat_with(e, s, id);
    if (treat == TREAT_SECRET)
        return put_literal(out, NEVER_INDEXED, LITERAL_PREFIX, name, s->name, s->value);
    if (treat == TREAT_LITERAL || is_large(e, s) || !admit(e->index, treat, s->hash, !name) ||
        !insert(e, s))
        return put_literal(out, 0, LITERAL_PREFIX, name, s->name, s->value);
    return put_literal(out, LITERAL_INDEXED, LITERAL_INDEXED_PREFIX, name, s->name, s->value);
}

char *tc_hpack_encode(tc_hpack_encoder *e, char *out, tc_span name, tc_span value,
                      enum tc_field_id id)
{
    out = tc_hpack_encoder_begin(e, out);
    sought s = {.name = name, .value = value, .tag = tc_hpack_tag_of(name, id)};
    if (s.tag && s.tag <= TC_HPACK_STATIC) {
        const uint32_t index = tc_hpack_static_find(s.tag, value);
        if (index) return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index);
        if (treat_with(e, &s, id) >= TREAT_LITERAL)
            return tc_hpack_encode_fixed(out, name, value, id);
    }
    if (!has_index(e)) return tc_hpack_encode_fixed(out, name, value, id);
    return encode_by_table(e, out, &s, id);
}

char *tc_hpack_encode_fixed(char *out, tc_span name, tc_span value, enum tc_field_id id)
{
    const uint32_t tag = tc_hpack_tag_of(name, id);
    const uint32_t static_name = tag <= TC_HPACK_STATIC ? tag : 0;
    const uint32_t index = static_name ? tc_hpack_static_find(tag, value) : 0;
    if (index) return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index);
    const bool secret = treat_of(name, tag, id) == TREAT_SECRET;
    return put_literal(out, secret ? NEVER_INDEXED : 0, LITERAL_PREFIX, static_name, name, value);
}
