/* hpack_encode.c - see hpack.h: from fields to a block (RFC 7541, 6 and 7.1).
 *
 * What goes into the table is decided in http/pack/index.c. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h2/hpack.h"
#include "h2/hpack_static.h"
#include "http/pack/string.h"

enum { INDEXED = 0x80, LITERAL_INDEXED = 0x40, SIZE_UPDATE = 0x20, NEVER_INDEXED = 0x10 };
enum { INDEXED_PREFIX = 7, LITERAL_INDEXED_PREFIX = 6, SIZE_PREFIX = 5, LITERAL_PREFIX = 4 };
enum { LENGTH_PREFIX = 7 };
/* Beside name and value: size updates, two lengths, an index, what Huffman coding overwrites. */
enum { BOUND = TC_HPACK_BEGIN_MAX + 3 * TC_PACK_INTEGER_MAX + TC_HUFFMAN_SLACK };

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

/* name_index 0: the name is spelt out. */
static char *put_literal(char *out, uint8_t first, unsigned prefix, uint32_t name_index,
                         tc_span name, tc_span value)
{
    out = tc_pack_integer_put(out, first, prefix, name_index);
    if (name_index == 0) out = tc_pack_string_put(out, 0, LENGTH_PREFIX, name);
    return tc_pack_string_put(out, 0, LENGTH_PREFIX, value);
}

static enum tc_pack_treat treat_of(const tc_hpack_encoder *e, const tc_pack_sought *s,
                                   enum tc_field_id id)
{
    if (e->cookies && id == TC_FIELD_COOKIE && s->value.len >= TC_PACK_COOKIE) return TC_PACK_TABLE;
    return tc_pack_treat_of(&tc_hpack_names, s->name, s->tag, id);
}

static uint32_t index_of(const tc_ring *t, uint32_t number)
{
    return TC_HPACK_STATIC + 1 + (t->inserted - number);
}

/* Without room for an index there is no table: all goes as literals. */
static bool has_index(tc_hpack_encoder *e)
{
    if (e->index) return true;
    if (e->table.max < TC_RING_OVERHEAD) return false;
    e->index = tc_pack_index_new();
    return e->index != NULL;
}

/* What fills most of the table is not worth what would leave for it. */
static bool is_large(const tc_hpack_encoder *e, const tc_pack_sought *s)
{
    return s->name.len + s->value.len + TC_RING_OVERHEAD > e->table.max / 4 * 3;
}

/* A field whose value the static table does not have. */
static char *encode_by_table(tc_hpack_encoder *e, char *out, tc_pack_sought *s, enum tc_field_id id)
{
    uint32_t name = s->tag <= TC_HPACK_STATIC ? s->tag : 0, number;
    tc_pack_seek(s);
    if (tc_pack_find_field(e->index, &e->table, s, 0, &number))
        return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index_of(&e->table, number));
    if (!name && tc_pack_find_name(e->index, &e->table, s, 0, &number))
        name = index_of(&e->table, number);
    const enum tc_pack_treat treat = treat_of(e, s, id);
    if (treat == TC_PACK_SECRET)
        return put_literal(out, NEVER_INDEXED, LITERAL_PREFIX, name, s->name, s->value);
    if (treat == TC_PACK_LITERAL || is_large(e, s) ||
        !tc_pack_admit(e->index, treat, s->hash, !name) ||
        !tc_pack_insert(e->index, &e->table, s)) {
        e->unsettled |= treat < TC_PACK_LITERAL && !is_large(e, s);
        return put_literal(out, 0, LITERAL_PREFIX, name, s->name, s->value);
    }
    return put_literal(out, LITERAL_INDEXED, LITERAL_INDEXED_PREFIX, name, s->name, s->value);
}

char *tc_hpack_encode(tc_hpack_encoder *e, char *out, tc_span name, tc_span value,
                      enum tc_field_id id)
{
    out = tc_hpack_encoder_begin(e, out);
    const uint32_t tag = tc_pack_tag_of(&tc_hpack_names, name, id);
    tc_pack_sought s = {.name = name, .value = value, .tag = tag};
    if (tag && tag <= TC_HPACK_STATIC) {
        const uint32_t index = tc_pack_row_of(&tc_hpack_names, tag, value);
        if (index) return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index);
        if (treat_of(e, &s, id) >= TC_PACK_LITERAL)
            return tc_hpack_encode_fixed(out, name, value, id);
    }
    if (!has_index(e)) return tc_hpack_encode_fixed(out, name, value, id);
    return encode_by_table(e, out, &s, id);
}

char *tc_hpack_encode_fixed(char *out, tc_span name, tc_span value, enum tc_field_id id)
{
    const uint32_t tag = tc_pack_tag_of(&tc_hpack_names, name, id);
    const uint32_t static_name = tag <= TC_HPACK_STATIC ? tag : 0;
    const uint32_t index = static_name ? tc_pack_row_of(&tc_hpack_names, tag, value) : 0;
    if (index) return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, index);
    const bool secret = tc_pack_treat_of(&tc_hpack_names, name, tag, id) == TC_PACK_SECRET;
    return put_literal(out, secret ? NEVER_INDEXED : 0, LITERAL_PREFIX, static_name, name, value);
}
