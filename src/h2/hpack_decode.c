/* hpack_decode.c - see hpack.h: from a block to fields (RFC 7541, 3.2 and 6).
 *
 * Nothing here needs a limit of its own: a field is at most value_max and an entry, the table is
 * ours to bound, and copies of an entry are made once a block, so that a thousand references to a
 * large one cost a thousand spans. */
// SPDX-License-Identifier: MIT
#include "h2/hpack.h"
#include "h2/hpack_static.h"
#include "http/pack/huffman.h"
#include "http/pack/integer.h"

enum { INDEXED = 0x80, LITERAL_INDEXED = 0x40, SIZE_UPDATE = 0x20 };
enum { INDEXED_PREFIX = 7, LITERAL_INDEXED_PREFIX = 6, SIZE_PREFIX = 5, LITERAL_PREFIX = 4 };
enum { HUFFMAN = 0x80, LENGTH_PREFIX = 7, UPDATES = 2 };

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
    if (++d->block == 0) /* it may not meet marks that are so old */
        for (uint32_t i = 0; i < d->table.count; i++)
            tc_ring_get(&d->table, d->table.inserted - i)->copy = NULL;
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

static tc_err take_huffman(tc_span code, tc_arena *a, size_t max, tc_span *ret_string)
{
    const size_t most = tc_huffman_plain_max(code.len);
    const size_t room = most < max ? most : max;
    char *plain = tc_arena_bytes(a, room + 1);
    if (!plain) return TC_ERR_NO_MEMORY;
    size_t len = 0;
    const tc_err err = tc_huffman_decode(code, plain, room, &len);
    tc_arena_trim(a, plain + len);
    if (err) return err == TC_ERR_FULL ? TC_ERR_FIELDS_TOO_LARGE : err;
    *ret_string = tc_span_of(plain, len);
    return TC_OK;
}

/* RFC 7541, 5.2. */
static tc_err take_string(tc_span *block, tc_arena *a, size_t max, tc_span *ret_string)
{
    const bool huffman = block->len && *block->at & HUFFMAN;
    uint32_t len;
    const tc_err err = take_integer(block, LENGTH_PREFIX, &len);
    if (err) return err;
    if (len > block->len) return TC_ERR_COMPRESSION;
    const tc_span sent = tc_span_take(block, len);
    if (len == 0) {
        *ret_string = TC_SPAN("");
        return TC_OK;
    }
    if (huffman) return take_huffman(sent, a, max, ret_string);
    if (len > max) return TC_ERR_FIELDS_TOO_LARGE;
    char *copy = tc_arena_bytes(a, len);
    if (!copy) return TC_ERR_NO_MEMORY;
    memcpy(copy, sent.at, len);
    *ret_string = tc_span_of(copy, len);
    return TC_OK;
}

/* Name and value of an entry, copied once a block. */
static const char *shared_copy(tc_hpack_decoder *d, tc_ring_entry *e, tc_arena *a)
{
    if (e->copy && e->seen == d->block) return e->copy;
    const uint32_t len = tc_ring_name_stored(e) + e->value_len;
    char *copy = tc_arena_bytes(a, len);
    if (!copy) return NULL;
    tc_ring_copy(&d->table, e->at, len, copy);
    e->seen = d->block;
    return e->copy = copy;
}

/* The entry with that index, which counts from the newest, behind the static table. */
static tc_ring_entry *entry_at(const tc_hpack_decoder *d, uint32_t index)
{
    const uint32_t age = index - TC_HPACK_STATIC - 1;
    return age < d->table.count ? tc_ring_get(&d->table, d->table.inserted - age) : NULL;
}

static tc_err name_of(tc_hpack_decoder *d, tc_ring_entry *e, tc_arena *a, tc_field *f)
{
    if (e->tag) {
        f->name = tc_hpack_tag_name(e->tag, &f->id);
        return TC_OK;
    }
    const char *copy = shared_copy(d, e, a);
    if (!copy) return TC_ERR_NO_MEMORY;
    f->name = tc_span_of(copy, e->name_len);
    f->id = TC_FIELD_OTHER;
    return TC_OK;
}

/* RFC 7541, 6.1. */
static tc_err take_indexed(tc_hpack_decoder *d, tc_span *block, tc_arena *a, tc_field *f)
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
    if (!e) return TC_ERR_COMPRESSION;
    if (e->value_len == 0) {
        f->value = TC_SPAN("");
        return name_of(d, e, a, f);
    }
    const char *copy = shared_copy(d, e, a);
    if (!copy) return TC_ERR_NO_MEMORY;
    f->value = tc_span_of(copy + tc_ring_name_stored(e), e->value_len);
    return name_of(d, e, a, f);
}

/* The name of a literal, and its tag. */
static tc_err take_name(tc_hpack_decoder *d, tc_span *block, unsigned prefix, tc_arena *a,
                        size_t max, tc_field *f, uint32_t *ret_tag)
{
    uint32_t index;
    tc_err err = take_integer(block, prefix, &index);
    if (err) return err;
    if (index == 0) {
        tc_span name = {0};
        char *before = a->at;
        err = take_string(block, a, max, &name);
        if (err) return err;
        f->name = name;
        f->id = tc_field_id_of(name);
        *ret_tag = f->id ? TC_HPACK_STATIC + (uint32_t)f->id : 0;
        if (f->id) {
            f->name = tc_field_name(f->id);
            if (before == name.at) tc_arena_trim(a, before);
        }
        return TC_OK;
    }
    if (index <= TC_HPACK_STATIC) {
        f->name = tc_hpack_static[index].name;
        f->id = tc_hpack_static[index].id;
        *ret_tag = index;
        return TC_OK;
    }
    tc_ring_entry *e = entry_at(d, index);
    if (!e) return TC_ERR_COMPRESSION;
    *ret_tag = e->tag;
    return name_of(d, e, a, f);
}

/* RFC 7541, 6.2. */
static tc_err take_literal(tc_hpack_decoder *d, tc_span *block, unsigned prefix, tc_arena *a,
                           size_t max, tc_field *f)
{
    uint32_t tag = 0;
    tc_err err = take_name(d, block, prefix, a, max, f, &tag);
    if (!err) err = take_string(block, a, max, &f->value);
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
            err = take_indexed(d, block, a, &field);
        else if (first & LITERAL_INDEXED)
            err = take_literal(d, block, LITERAL_INDEXED_PREFIX, a, value_max, &field);
        else
            err = take_literal(d, block, LITERAL_PREFIX, a, value_max, &field);
        if (!err) *ret_field = field;
        return err;
    }
    if (d->must_update) return TC_ERR_COMPRESSION;
    d->lowest = UINT32_MAX;
    return err;
}
