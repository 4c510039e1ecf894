/* hpack_decode.c - see hpack.h: from a block to fields (RFC 7541, 3.2 and 6).
 *
 * Nothing here needs a limit of its own: a field is at most value_max and an entry, the table is
 * ours to bound, and copies of an entry are made once a block, so that a thousand references to a
 * large one cost a thousand spans. */
// SPDX-License-Identifier: MIT
#include "h2/hpack.h"
#include "h2/hpack_static.h"
#include "http/pack/entry.h"
#include "http/pack/string.h"

enum { INDEXED = 0x80, LITERAL_INDEXED = 0x40, SIZE_UPDATE = 0x20 };
enum { INDEXED_PREFIX = 7, LITERAL_INDEXED_PREFIX = 6, SIZE_PREFIX = 5, LITERAL_PREFIX = 4 };
enum { LENGTH_PREFIX = 7, UPDATES = 2 };

void tc_hpack_decoder_init(tc_hpack_decoder *d, uint32_t table_max)
{
    *d = (tc_hpack_decoder){.table_max = table_max < TC_HPACK_TABLE ? TC_HPACK_TABLE : table_max,
                            .lowest = UINT32_MAX};
    tc_ring_init(&d->table, TC_HPACK_TABLE);
}

void tc_hpack_decoder_fini(tc_hpack_decoder *d)
{
    tc_ring_fini(&d->table);
}

void tc_hpack_decoder_limit(tc_hpack_decoder *d, uint32_t table_max)
{
    d->table_max = table_max;
    if (table_max < d->lowest) d->lowest = table_max;
    if (d->lowest < d->table.max) d->must_update = true;
}

void tc_hpack_decoder_begin(tc_hpack_decoder *d)
{
    tc_pack_next_block(&d->table, &d->block);
    d->updates = 0;
    d->fields = false;
}

bool tc_hpack_decoder_stays(tc_hpack_decoder *d, uint64_t mark)
{
    if (d->must_update || tc_ring_mark(&d->table) != mark) return false;
    d->lowest = UINT32_MAX;
    return true;
}

static tc_err take_integer(tc_span *block, unsigned prefix, uint32_t *ret_value)
{
    uint64_t value = 0;
    if (tc_pack_integer_take(block, prefix, TC_PACK_32, &value)) return TC_ERR_COMPRESSION;
    *ret_value = (uint32_t)value;
    return TC_OK;
}

/* The entry with that index, which counts from the newest, behind the static table. */
static tc_ring_entry *entry_at(const tc_hpack_decoder *d, uint32_t index)
{
    const uint32_t age = index - TC_HPACK_STATIC - 1;
    return age < d->table.count ? tc_ring_get(&d->table, d->table.inserted - age) : NULL;
}

/* RFC 7541, 6.1. */
static tc_err take_indexed(const tc_hpack_decoder *d, const tc_pack_reader *r, tc_span *block,
                           tc_field *f)
{
    uint32_t index;
    const tc_err err = take_integer(block, INDEXED_PREFIX, &index);
    if (err) return err;
    if (index == 0) return TC_ERR_COMPRESSION;
    if (index <= TC_HPACK_STATIC) {
        *f = tc_hpack_static[index];
        return TC_OK;
    }
    tc_ring_entry *e = entry_at(d, index);
    return e ? tc_pack_entry_field(r, e, f) : TC_ERR_COMPRESSION;
}

/* The name of a literal, and its tag. */
static tc_err take_name(const tc_hpack_decoder *d, const tc_pack_reader *r, tc_span *block,
                        unsigned prefix, size_t max, tc_field *f, uint32_t *ret_tag)
{
    uint32_t index;
    const tc_err err = take_integer(block, prefix, &index);
    if (err) return err;
    if (index == 0) return tc_pack_name_take(r, block, LENGTH_PREFIX, max, f, ret_tag);
    if (index <= TC_HPACK_STATIC) {
        f->name = tc_hpack_static[index].name;
        f->id = tc_hpack_static[index].id;
        *ret_tag = index;
        return TC_OK;
    }
    tc_ring_entry *e = entry_at(d, index);
    if (!e) return TC_ERR_COMPRESSION;
    *ret_tag = e->tag;
    return tc_pack_entry_name(r, e, f);
}

/* RFC 7541, 6.2. */
static tc_err take_literal(tc_hpack_decoder *d, const tc_pack_reader *r, tc_span *block,
                           unsigned prefix, size_t max, tc_field *f)
{
    uint32_t tag = 0;
    tc_err err = take_name(d, r, block, prefix, max, f, &tag);
    if (!err) err = tc_pack_string_take(block, LENGTH_PREFIX, r->a, max, &f->value);
    if (err || prefix == LITERAL_PREFIX) return err;
    tc_ring_entry *e;
    err = tc_ring_add(&d->table, f->name, f->value, tag, &e);
    if (err || !e) return err;
    if (tag) { /* a name beside it would have to be copied again */
        e->copy = f->value.at;
        e->seen = d->block;
    }
    return TC_OK;
}

/* RFC 7541, 6.3 and 4.2: at most the smallest size and the last one, before all fields. */
static tc_err take_update(tc_hpack_decoder *d, tc_span *block)
{
    uint32_t size;
    const tc_err err = take_integer(block, SIZE_PREFIX, &size);
    if (err) return err;
    if (d->fields || d->updates == UPDATES || size > d->table_max) return TC_ERR_COMPRESSION;
    if (d->must_update && size > d->lowest) return TC_ERR_COMPRESSION;
    d->updates++;
    d->must_update = false;
    tc_ring_resize(&d->table, size);
    return TC_OK;
}

tc_err tc_hpack_decode(tc_hpack_decoder *d, tc_span *block, tc_arena *a, size_t value_max,
                       tc_field *ret_field)
{
    const tc_pack_reader r = {&tc_hpack_names, &d->table, d->block, a};
    tc_field field = {0};
    tc_err err = TC_ERR_NOTHING;
    while (block->len) {
        const uint8_t first = (uint8_t)*block->at;
        if (!(first & INDEXED) && (first & (LITERAL_INDEXED | SIZE_UPDATE)) == SIZE_UPDATE) {
            err = take_update(d, block);
            if (err) return err;
            err = TC_ERR_NOTHING;
            continue;
        }
        if (d->must_update) return TC_ERR_COMPRESSION;
        d->fields = true;
        d->lowest = UINT32_MAX;
        if (first & INDEXED)
            err = take_indexed(d, &r, block, &field);
        else if (first & LITERAL_INDEXED)
            err = take_literal(d, &r, block, LITERAL_INDEXED_PREFIX, value_max, &field);
        else
            err = take_literal(d, &r, block, LITERAL_PREFIX, value_max, &field);
        if (!err) *ret_field = field;
        return err;
    }
    if (d->must_update) return TC_ERR_COMPRESSION;
    d->lowest = UINT32_MAX;
    return err;
}
