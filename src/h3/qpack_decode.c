/* qpack_decode.c - see qpack.h: the encoder stream into the table, sections into fields (RFC 9204,
 * 4.3 and 4.5).
 *
 * An entry of the table has a number that counts from 1 for the first one ever; the table keeps its
 * low bits. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h3/qpack.h"
#include "h3/qpack_static.h"
#include "http/pack/entry.h"
#include "http/pack/string.h"

/* Instructions of the encoder stream. */
enum { INSERT_NAMED = 0x80, INSERT_STATIC = 0x40, INSERT_SPELT = 0x40, CAPACITY = 0x20 };
enum {
    INSERT_NAMED_PREFIX = 6,
    INSERT_SPELT_PREFIX = 5,
    CAPACITY_PREFIX = 5,
    DUPLICATE_PREFIX = 5
};
/* Those of the decoder stream. */
enum { ACK = 0x80, ACK_PREFIX = 7, CANCEL = 0x40, CANCEL_PREFIX = 6, INCREMENT_PREFIX = 6 };
/* Field lines. */
enum { INDEXED = 0x80, INDEXED_STATIC = 0x40, NAMED = 0x40, NAMED_STATIC = 0x10 };
enum { SPELT = 0x20, POST_INDEXED = 0x10 };
enum { INDEXED_PREFIX = 6, NAMED_PREFIX = 4, SPELT_PREFIX = 3 };
enum { POST_INDEXED_PREFIX = 4, POST_NAMED_PREFIX = 3 };
enum { REQUIRED_PREFIX = 8, BASE_PREFIX = 7, NEGATIVE = 0x80, VALUE_PREFIX = 7 };
enum { CODE_MOST = 4 /* bytes of code for a byte, at most */, SLACK = 8 };

void tc_qpack_decoder_init(tc_qpack_decoder *d, uint32_t table_max, size_t out_max)
{
    *d = (tc_qpack_decoder){.table_max = table_max};
    tc_ring_init(&d->table, 0);
    tc_buf_init(&d->out, out_max);
}

void tc_qpack_decoder_rest(tc_qpack_decoder *d)
{
    tc_free(d->scratch);
    d->scratch = NULL;
}

void tc_qpack_decoder_fini(tc_qpack_decoder *d)
{
    tc_ring_fini(&d->table);
    tc_buf_fini(&d->out);
    tc_qpack_decoder_rest(d);
}

/* --- the encoder stream --- */

/* Passes over one instruction. TC_ERR_NOTHING: it is not whole. */
static tc_err skip_instruction(const tc_qpack_decoder *d, tc_span in)
{
    const uint8_t first = (uint8_t)*in.at;
    const size_t most = (size_t)d->table.max * CODE_MOST;
    uint64_t number;
    tc_err err;
    if (first & INSERT_NAMED)
        err = tc_pack_integer_take(&in, INSERT_NAMED_PREFIX, TC_PACK_62, &number);
    else if (first & INSERT_SPELT)
        err = tc_pack_string_skip(&in, INSERT_SPELT_PREFIX, most);
    else
        return tc_pack_integer_take(&in, DUPLICATE_PREFIX, TC_PACK_62, &number);
    return err ? err : tc_pack_string_skip(&in, VALUE_PREFIX, most);
}

static tc_err set_capacity(tc_qpack_decoder *d, tc_span *in)
{
    uint64_t capacity;
    const tc_err err = tc_pack_integer_take(in, CAPACITY_PREFIX, TC_PACK_62, &capacity);
    if (err) return err;
    if (capacity > d->table_max) return TC_ERR_COMPRESSION;
    tc_ring_resize(&d->table, (uint32_t)capacity);
    return TC_OK;
}

/* The entry that is so much older than the newest. */
static tc_ring_entry *entry_of_age(const tc_qpack_decoder *d, uint64_t age)
{
    return age < d->table.count ? tc_ring_get(&d->table, d->table.inserted - (uint32_t)age) : NULL;
}

/* Out of the table, since what goes in must not be the table's own. */
static tc_err copy_out(const tc_qpack_decoder *d, uint32_t at, uint32_t len, tc_arena *a,
                       tc_span *ret_copy)
{
    char *copy = tc_arena_bytes(a, len);
    if (!copy) return TC_ERR_NO_MEMORY;
    tc_ring_copy(&d->table, at, len, copy);
    *ret_copy = tc_span_of(copy, len);
    return TC_OK;
}

static tc_err entry_name(const tc_qpack_decoder *d, const tc_ring_entry *e, tc_arena *a,
                         tc_field *f, uint32_t *ret_tag)
{
    *ret_tag = e->tag;
    if (!e->tag) return copy_out(d, e->at, e->name_len, a, &f->name);
    f->name = tc_pack_tag_name(&tc_qpack_names, e->tag, &f->id);
    return TC_OK;
}

static tc_err take_insert(tc_qpack_decoder *d, tc_span *in, tc_arena *a, tc_field *f,
                          uint32_t *ret_tag)
{
    const uint8_t first = (uint8_t)*in->at;
    const tc_pack_reader r = {.names = &tc_qpack_names, .a = a};
    uint64_t index;
    tc_err err;
    if (!(first & INSERT_NAMED)) {
        err = tc_pack_name_take(&r, in, INSERT_SPELT_PREFIX, d->table.max, f, ret_tag);
    } else {
        err = tc_pack_integer_take(in, INSERT_NAMED_PREFIX, TC_PACK_62, &index);
        if (err) return err;
        if (first & INSERT_STATIC) {
            if (index >= TC_QPACK_STATIC) return TC_ERR_COMPRESSION;
            f->name = tc_qpack_static[index + 1].name;
            *ret_tag = tc_pack_tag_of(&tc_qpack_names, f->name, tc_qpack_static[index + 1].id);
        } else {
            const tc_ring_entry *e = entry_of_age(d, index);
            err = e ? entry_name(d, e, a, f, ret_tag) : TC_ERR_COMPRESSION;
        }
    }
    if (err) return err;
    if (f->name.len + TC_RING_OVERHEAD > d->table.max) return TC_ERR_COMPRESSION;
    return tc_pack_string_take(in, VALUE_PREFIX, a, d->table.max - TC_RING_OVERHEAD - f->name.len,
                               &f->value);
}

static tc_err take_duplicate(const tc_qpack_decoder *d, tc_span *in, tc_arena *a, tc_field *f,
                             uint32_t *ret_tag)
{
    uint64_t age;
    tc_err err = tc_pack_integer_take(in, DUPLICATE_PREFIX, TC_PACK_62, &age);
    if (err) return err;
    const tc_ring_entry *e = entry_of_age(d, age);
    if (!e) return TC_ERR_COMPRESSION;
    err = entry_name(d, e, a, f, ret_tag);
    if (err) return err;
    return copy_out(d, e->at + tc_ring_name_stored(e), e->value_len, a, &f->value);
}

static tc_err take_instruction(tc_qpack_decoder *d, tc_span *in)
{
    const uint8_t first = (uint8_t)*in->at;
    tc_arena a;
    tc_field f = {0};
    uint32_t tag = 0;
    tc_ring_entry *e;
    if ((first & (INSERT_NAMED | INSERT_SPELT | CAPACITY)) == CAPACITY) return set_capacity(d, in);
    if (!d->scratch) d->scratch = tc_alloc((size_t)d->table_max + SLACK);
    if (!d->scratch) return TC_ERR_NO_MEMORY;
    tc_arena_init(&a, d->scratch, (size_t)d->table_max + SLACK, 0);
    tc_err err = first & (INSERT_NAMED | INSERT_SPELT) ? take_insert(d, in, &a, &f, &tag)
                                                       : take_duplicate(d, in, &a, &f, &tag);
    if (!err) err = tc_ring_add(&d->table, f.name, f.value, tag, &e);
    tc_arena_fini(&a);
    if (err) return err == TC_ERR_FIELDS_TOO_LARGE ? TC_ERR_COMPRESSION : err;
    d->inserts++;
    return TC_OK;
}

tc_err tc_qpack_decoder_read(tc_qpack_decoder *d, tc_span *in)
{
    while (in->len) {
        tc_err err = skip_instruction(d, *in);
        if (err == TC_ERR_NOTHING) return TC_OK;
        if (!err) err = take_instruction(d, in);
        if (err) return err;
    }
    return TC_OK;
}

/* --- the decoder stream --- */

static tc_err say(tc_qpack_decoder *d, uint8_t first, unsigned prefix, uint64_t value)
{
    char *at;
    const tc_err err = tc_buf_reserve(&d->out, TC_PACK_INTEGER_MAX, &at);
    if (!err) d->out.len += (size_t)(tc_pack_integer_put(at, first, prefix, value) - at);
    return err;
}

tc_err tc_qpack_section_end(tc_qpack_decoder *d, const tc_qpack_section *s, uint64_t stream)
{
    if (s->required == 0) return TC_OK;
    if (s->required > d->told) d->told = s->required;
    return say(d, ACK, ACK_PREFIX, stream);
}

tc_err tc_qpack_decoder_cancel(tc_qpack_decoder *d, uint64_t stream)
{
    return d->table_max ? say(d, CANCEL, CANCEL_PREFIX, stream) : TC_OK;
}

tc_err tc_qpack_decoder_tell(tc_qpack_decoder *d)
{
    if (d->told == d->inserts) return TC_OK;
    const tc_err err = say(d, 0, INCREMENT_PREFIX, d->inserts - d->told);
    if (!err) d->told = d->inserts;
    return err;
}

/* --- sections --- */

/* RFC 9204, 4.5.1.1: the count is sent modulo twice the entries that the table can hold. */
static tc_err required_of(const tc_qpack_decoder *d, uint64_t sent, uint64_t *ret_required)
{
    const uint64_t entries = d->table_max / TC_RING_OVERHEAD, range = 2 * entries;
    const uint64_t most = d->inserts + entries;
    *ret_required = 0;
    if (sent == 0) return TC_OK;
    if (sent > range) return TC_ERR_COMPRESSION;
    uint64_t required = most / range * range + sent - 1;
    if (required > most) {
        if (required <= range) return TC_ERR_COMPRESSION;
        required -= range;
    }
    if (required == 0) return TC_ERR_COMPRESSION;
    *ret_required = required;
    return TC_OK;
}

tc_err tc_qpack_section_begin(tc_qpack_decoder *d, tc_span whole, tc_qpack_section *ret_section)
{
    uint64_t sent, delta, required;
    if (tc_pack_integer_take(&whole, REQUIRED_PREFIX, TC_PACK_62, &sent) || whole.len == 0)
        return TC_ERR_COMPRESSION;
    const bool negative = (uint8_t)*whole.at & NEGATIVE;
    if (tc_pack_integer_take(&whole, BASE_PREFIX, TC_PACK_62, &delta)) return TC_ERR_COMPRESSION;
    const tc_err err = required_of(d, sent, &required);
    if (err) return err;
    if (negative && delta >= required) return TC_ERR_COMPRESSION;
    *ret_section = (tc_qpack_section){
        .required = required,
        .base = negative ? required - delta - 1 : required + delta,
        .rest = whole,
    };
    tc_pack_next_block(&d->table, &d->block);
    return TC_OK;
}

/* The entry with that number, if the section may refer to it. */
static tc_ring_entry *entry_at(const tc_qpack_decoder *d, const tc_qpack_section *s,
                               uint64_t number)
{
    return number <= s->required ? entry_of_age(d, d->inserts - number) : NULL;
}

/* An index with that prefix, counted back from the base or, post, on from it. */
static tc_err take_entry(const tc_qpack_decoder *d, tc_qpack_section *s, unsigned prefix, bool post,
                         tc_ring_entry **ret_entry)
{
    uint64_t index;
    if (tc_pack_integer_take(&s->rest, prefix, TC_PACK_62, &index)) return TC_ERR_COMPRESSION;
    if (!post && index >= s->base) return TC_ERR_COMPRESSION;
    *ret_entry = entry_at(d, s, post ? s->base + index + 1 : s->base - index);
    return *ret_entry ? TC_OK : TC_ERR_COMPRESSION;
}

static tc_err take_static(tc_qpack_section *s, unsigned prefix, const tc_field **ret_row)
{
    uint64_t index;
    if (tc_pack_integer_take(&s->rest, prefix, TC_PACK_62, &index) || index >= TC_QPACK_STATIC)
        return TC_ERR_COMPRESSION;
    *ret_row = &tc_qpack_static[index + 1];
    return TC_OK;
}

static tc_err take_indexed(const tc_qpack_decoder *d, const tc_pack_reader *r, tc_qpack_section *s,
                           uint8_t first, tc_field *f)
{
    const tc_field *row;
    tc_ring_entry *e;
    const bool post = !(first & INDEXED);
    tc_err err;
    if (!post && first & INDEXED_STATIC) {
        err = take_static(s, INDEXED_PREFIX, &row);
        if (!err) *f = *row;
        return err;
    }
    err = take_entry(d, s, post ? POST_INDEXED_PREFIX : INDEXED_PREFIX, post, &e);
    return err ? err : tc_pack_entry_field(r, e, f);
}

static tc_err take_literal(const tc_qpack_decoder *d, const tc_pack_reader *r, tc_qpack_section *s,
                           uint8_t first, size_t max, tc_field *f)
{
    const tc_field *row;
    tc_ring_entry *e;
    uint32_t tag;
    tc_err err;
    if (first & NAMED && first & NAMED_STATIC) {
        err = take_static(s, NAMED_PREFIX, &row);
        if (!err) *f = *row;
    } else if (first & NAMED || !(first & SPELT)) {
        const bool post = !(first & NAMED);
        err = take_entry(d, s, post ? POST_NAMED_PREFIX : NAMED_PREFIX, post, &e);
        if (!err) err = tc_pack_entry_name(r, e, f);
    } else {
        err = tc_pack_name_take(r, &s->rest, SPELT_PREFIX, max, f, &tag);
    }
    return err ? err : tc_pack_string_take(&s->rest, VALUE_PREFIX, r->a, max, &f->value);
}

tc_err tc_qpack_decode(tc_qpack_decoder *d, tc_qpack_section *s, tc_arena *a, size_t value_max,
                       tc_field *ret_field)
{
    const tc_pack_reader r = {&tc_qpack_names, &d->table, d->block, a};
    tc_field f = {0};
    if (s->rest.len == 0) return TC_ERR_NOTHING;
    const uint8_t first = (uint8_t)*s->rest.at;
    const bool indexed = first & INDEXED || (first & ~0xfu) == POST_INDEXED;
    const tc_err err =
        indexed ? take_indexed(d, &r, s, first, &f) : take_literal(d, &r, s, first, value_max, &f);
    if (!err) *ret_field = f;
    return err;
}
