/* qpack_encode.c - see qpack.h: fields into sections, and the table with them (RFC 9204, 2.1, 4.3
 * and 4.5).
 *
 * What goes into the table is decided in http/pack/index.c. Here is decided what may leave it for
 * that: an entry leaves only when the peer has told us of it and no section that is still to be
 * acknowledged refers to it. Entries that are about to leave and are wanted are put in again
 * instead of being referred to (2.1.1.1), so that those who refer do not keep them for ever. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h3/qpack.h"
#include "h3/qpack_static.h"
#include "http/pack/string.h"

enum { INSERT_NAMED = 0x80, INSERT_STATIC = 0x40, INSERT_SPELT = 0x40, CAPACITY = 0x20 };
enum {
    INSERT_NAMED_PREFIX = 6,
    INSERT_SPELT_PREFIX = 5,
    CAPACITY_PREFIX = 5,
    DUPLICATE_PREFIX = 5
};
enum { ACK = 0x80, ACK_PREFIX = 7, CANCEL = 0x40, CANCEL_PREFIX = 6, INCREMENT_PREFIX = 6 };
enum { INDEXED = 0x80, INDEXED_STATIC = 0x40, NAMED = 0x40, NAMED_STATIC = 0x10 };
enum { NAMED_NEVER = 0x20, SPELT = 0x20, SPELT_NEVER = 0x10, POST_INDEXED = 0x10, POST_NEVER = 8 };
enum { INDEXED_PREFIX = 6, NAMED_PREFIX = 4, SPELT_PREFIX = 3 };
enum { POST_INDEXED_PREFIX = 4, POST_NAMED_PREFIX = 3 };
enum { REQUIRED_PREFIX = 8, BASE_PREFIX = 7, NEGATIVE = 0x80, VALUE_PREFIX = 7 };
enum { FIRST_SENT = 16, NAME_ROOM = TC_PACK_STRING_MAX, VALUE_ROOM = TC_PACK_STRING_MAX };
enum { BOUND = TC_PACK_INTEGER_MAX + NAME_ROOM + VALUE_ROOM };
_Static_assert(TC_QPACK_PREFIX_MAX == 2 * TC_PACK_INTEGER_MAX, "room for two integers");

void tc_qpack_encoder_init(tc_qpack_encoder *e, uint32_t table_max)
{
    *e = (tc_qpack_encoder){.table_max = table_max, .floor = UINT64_MAX};
    tc_ring_init(&e->table, 0);
    tc_buf_init(&e->out, TC_QPACK_OUT);
}

void tc_qpack_encoder_fini(tc_qpack_encoder *e)
{
    tc_ring_fini(&e->table);
    tc_buf_fini(&e->out);
    tc_free(e->index);
    tc_free(e->sent);
    e->index = NULL;
    e->sent = NULL;
    e->sent_count = e->sent_room = 0;
}

void tc_qpack_encoder_limit(tc_qpack_encoder *e, uint64_t peers_max, uint64_t blocked_max)
{
    const uint32_t capacity = peers_max < e->table_max ? (uint32_t)peers_max : e->table_max;
    char *at;
    e->blocked_max = blocked_max;
    if (capacity < TC_RING_OVERHEAD || e->table.max) return;
    if (tc_buf_reserve(&e->out, TC_PACK_INTEGER_MAX, &at) != TC_OK) return; /* no table, then */
    e->out.len += (size_t)(tc_pack_integer_put(at, CAPACITY, CAPACITY_PREFIX, capacity) - at);
    e->peers_max = peers_max;
    tc_ring_resize(&e->table, capacity);
}

/* --- the decoder stream --- */

static void sent_changed(tc_qpack_encoder *e)
{
    e->blocking = 0;
    e->floor = UINT64_MAX;
    for (uint32_t i = 0; i < e->sent_count; i++) {
        e->blocking += e->sent[i].required > e->known;
        if (e->sent[i].least < e->floor) e->floor = e->sent[i].least;
    }
}

static void forget(tc_qpack_encoder *e, uint32_t i)
{
    e->sent_count--;
    memmove(e->sent + i, e->sent + i + 1, (e->sent_count - i) * sizeof *e->sent);
}

static tc_err acknowledged(tc_qpack_encoder *e, uint64_t stream)
{
    for (uint32_t i = 0; i < e->sent_count; i++) {
        if (e->sent[i].stream != stream) continue;
        if (e->sent[i].required > e->known) e->known = e->sent[i].required;
        forget(e, i);
        return TC_OK;
    }
    return TC_ERR_COMPRESSION;
}

static void cancelled(tc_qpack_encoder *e, uint64_t stream)
{
    for (uint32_t i = 0; i < e->sent_count;)
        if (e->sent[i].stream == stream)
            forget(e, i);
        else
            i++;
}

static tc_err incremented(tc_qpack_encoder *e, uint64_t by)
{
    if (by == 0 || by > e->inserts - e->known) return TC_ERR_COMPRESSION;
    e->known += by;
    return TC_OK;
}

tc_err tc_qpack_encoder_read(tc_qpack_encoder *e, tc_span *in)
{
    tc_err err = TC_OK;
    while (in->len && !err) {
        const uint8_t first = (uint8_t)*in->at;
        const unsigned prefix = first & ACK      ? ACK_PREFIX
                                : first & CANCEL ? CANCEL_PREFIX
                                                 : INCREMENT_PREFIX;
        uint64_t value;
        err = tc_pack_integer_take(in, prefix, TC_PACK_62, &value);
        if (err) break;
        if (first & ACK)
            err = acknowledged(e, value);
        else if (first & CANCEL)
            cancelled(e, value);
        else
            err = incremented(e, value);
    }
    sent_changed(e);
    return err == TC_ERR_NOTHING ? TC_OK : err;
}

/* --- the table --- */

/* The number of an entry, of which the table keeps the low bits. */
static uint64_t number_of(const tc_qpack_encoder *e, uint32_t low)
{
    return e->inserts - (uint32_t)(e->table.inserted - low);
}

/* Whether what would leave for so many bytes may leave. */
static bool makes_room(const tc_qpack_encoder *e, uint64_t size)
{
    const tc_ring *t = &e->table;
    uint64_t freed = 0, oldest = e->inserts - t->count + 1;
    if (size > t->max) return false;
    for (; t->size - freed > t->max - size; oldest++) {
        if (oldest > e->known || oldest >= e->floor) return false;
        const tc_ring_entry *entry = tc_ring_get(t, t->inserted - (uint32_t)(e->inserts - oldest));
        freed += entry->name_len + entry->value_len + TC_RING_OVERHEAD;
    }
    return true;
}

/* What fills most of the table is not worth what would leave for it. */
static bool is_large(const tc_qpack_encoder *e, const tc_pack_sought *s)
{
    return s->name.len + s->value.len + TC_RING_OVERHEAD > e->table.max / 4 * 3;
}

/* Room for an instruction, if the field can go in. */
static bool prepare(tc_qpack_encoder *e, const tc_pack_sought *s, char **ret_at)
{
    return !e->held && makes_room(e, s->name.len + s->value.len + TC_RING_OVERHEAD) &&
           tc_buf_reserve(&e->out, tc_qpack_encode_bound(s->name.len, s->value.len), ret_at) ==
               TC_OK;
}

/* row, name: a row of the static table or an entry with the name; 0: neither. */
static bool insert(tc_qpack_encoder *e, const tc_pack_sought *s, uint32_t row, uint64_t name)
{
    char *at, *end;
    if (!prepare(e, s, &at)) return false;
    const uint64_t age = e->inserts - name;
    if (!tc_pack_insert(e->index, &e->table, s)) return false;
    e->inserts++;
    if (row)
        end = tc_pack_integer_put(at, INSERT_NAMED | INSERT_STATIC, INSERT_NAMED_PREFIX, row - 1);
    else if (name)
        end = tc_pack_integer_put(at, INSERT_NAMED, INSERT_NAMED_PREFIX, age);
    else
        end = tc_pack_string_put(at, INSERT_SPELT, INSERT_SPELT_PREFIX, s->name);
    end = tc_pack_string_put(end, 0, VALUE_PREFIX, s->value);
    e->out.len += (size_t)(end - at);
    return true;
}

static bool duplicate(tc_qpack_encoder *e, const tc_pack_sought *s, uint64_t number)
{
    char *at;
    if (!prepare(e, s, &at)) return false;
    const uint64_t age = e->inserts - number;
    if (!tc_pack_insert(e->index, &e->table, s)) return false;
    e->inserts++;
    e->out.len += (size_t)(tc_pack_integer_put(at, 0, DUPLICATE_PREFIX, age) - at);
    return true;
}

/* Among the oldest of a table that is nearly full. */
static bool is_draining(const tc_qpack_encoder *e, uint64_t number)
{
    const tc_ring *t = &e->table;
    return t->size > t->max / 8 * 7 && e->inserts - number >= t->count - t->count / 8;
}

/* --- sections --- */

static bool has_room(tc_qpack_encoder *e)
{
    if (e->sent_count < e->sent_room) return true;
    if (e->sent_count == TC_QPACK_SECTIONS) return false;
    const uint32_t room = e->sent_room ? e->sent_room * 2 : FIRST_SENT;
    tc_qpack_sent *sent = tc_realloc(e->sent, room * sizeof *sent);
    if (!sent) return false;
    e->sent = sent;
    e->sent_room = room;
    return true;
}

/* One more stream may wait for the encoder stream, or this one may already. */
static bool may_block(const tc_qpack_encoder *e, uint64_t stream)
{
    if (e->blocking < e->blocked_max) return true;
    for (uint32_t i = 0; e->blocked_max && i < e->sent_count; i++)
        if (e->sent[i].stream == stream && e->sent[i].required > e->known) return true;
    return false;
}

char *tc_qpack_encoder_begin(tc_qpack_encoder *e, char *out, uint64_t stream)
{
    e->now = (tc_qpack_sent){.stream = stream, .least = UINT64_MAX};
    e->base = e->inserts;
    e->by_table = e->table.max && has_room(e);
    if (e->by_table && !e->index) e->by_table = (e->index = tc_pack_index_new()) != NULL;
    e->may_block = e->by_table && may_block(e, stream);
    e->unsettled = e->table.max && !e->by_table;
    return out + TC_QPACK_PREFIX_MAX;
}

tc_span tc_qpack_encoder_end(tc_qpack_encoder *e, char *fields, char *end)
{
    char prefix[TC_QPACK_PREFIX_MAX], *at = prefix;
    const uint64_t required = e->now.required;
    const uint64_t range = 2 * (e->peers_max / TC_RING_OVERHEAD);
    at = tc_pack_integer_put(at, 0, REQUIRED_PREFIX, required ? required % range + 1 : 0);
    if (required == 0)
        at = tc_pack_integer_put(at, 0, BASE_PREFIX, 0);
    else if (required > e->base)
        at = tc_pack_integer_put(at, NEGATIVE, BASE_PREFIX, required - e->base - 1);
    else
        at = tc_pack_integer_put(at, 0, BASE_PREFIX, e->base - required);
    const size_t len = (size_t)(at - prefix);
    memcpy(fields - len, prefix, len);
    if (required) {
        e->sent[e->sent_count++] = e->now;
        e->blocking += required > e->known;
    }
    return tc_span_of(fields - len, (size_t)(end - fields) + len);
}

void tc_qpack_encoder_undo(tc_qpack_encoder *e)
{
    if (e->now.required == 0) return;
    e->sent_count--;
    e->now.required = 0;
    sent_changed(e);
}

/* --- fields --- */

size_t tc_qpack_encode_bound(size_t name_len, size_t value_len)
{
    return name_len + value_len + BOUND;
}

static void refer(tc_qpack_encoder *e, uint64_t number)
{
    if (number > e->now.required) e->now.required = number;
    if (number < e->now.least) e->now.least = number;
    if (number < e->floor) e->floor = number;
}

bool tc_qpack_encoder_repeat(tc_qpack_encoder *e, uint64_t required, uint64_t least)
{
    if (!required) return true;
    if (!e->by_table || (required > e->known && !e->may_block)) return false;
    refer(e, required);
    refer(e, least);
    return true;
}

static char *put_entry(tc_qpack_encoder *e, char *out, uint64_t number)
{
    refer(e, number);
    if (number > e->base)
        return tc_pack_integer_put(out, POST_INDEXED, POST_INDEXED_PREFIX, number - e->base - 1);
    return tc_pack_integer_put(out, INDEXED, INDEXED_PREFIX, e->base - number);
}

/* row, name: as for insert. */
static char *put_literal(const tc_qpack_encoder *e, char *out, bool secret, uint32_t row,
                         uint64_t name, const tc_pack_sought *s)
{
    if (row)
        out = tc_pack_integer_put(out, (uint8_t)(NAMED | NAMED_STATIC | (secret ? NAMED_NEVER : 0)),
                                  NAMED_PREFIX, row - 1);
    else if (name && name <= e->base)
        out = tc_pack_integer_put(out, (uint8_t)(NAMED | (secret ? NAMED_NEVER : 0)), NAMED_PREFIX,
                                  e->base - name);
    else if (name)
        out = tc_pack_integer_put(out, secret ? POST_NEVER : 0, POST_NAMED_PREFIX,
                                  name - e->base - 1);
    else
        out = tc_pack_string_put(out, (uint8_t)(SPELT | (secret ? SPELT_NEVER : 0)), SPELT_PREFIX,
                                 s->name);
    return tc_pack_string_put(out, 0, VALUE_PREFIX, s->value);
}

static enum tc_pack_treat treat_of(const tc_qpack_encoder *e, const tc_pack_sought *s,
                                   enum tc_field_id id)
{
    if (e->cookies && id == TC_FIELD_COOKIE && s->value.len >= TC_PACK_COOKIE) return TC_PACK_TABLE;
    return tc_pack_treat_of(&tc_qpack_names, s->name, s->tag, id);
}

/* The entries that this section may not refer to, newest first. */
static uint32_t young(const tc_qpack_encoder *e)
{
    return e->may_block ? 0 : (uint32_t)(e->inserts - e->known);
}

/* An entry has the whole field. *ret_there: it is only too young to be referred to. */
static char *try_entry(tc_qpack_encoder *e, char *out, const tc_pack_sought *s, bool *ret_there)
{
    uint32_t low;
    *ret_there = tc_pack_find_field(e->index, &e->table, s, 0, &low);
    if (!*ret_there) return NULL;
    const uint64_t newest = number_of(e, low);
    if (!e->may_block && newest > e->known) {
        e->unsettled = true;
        if (!tc_pack_find_field(e->index, &e->table, s, young(e), &low)) return NULL;
        return put_entry(e, out, number_of(e, low));
    }
    if (!is_draining(e, newest)) return put_entry(e, out, newest);
    if (e->may_block && duplicate(e, s, newest)) return put_entry(e, out, e->inserts);
    out = put_entry(e, out, newest);
    if (e->may_block || !duplicate(e, s, newest)) /* ... for sections to come */
        e->unsettled = true;                      /* it may be another time */
    return out;
}

/* A field whose value the static table does not have. */
static char *encode_by_table(tc_qpack_encoder *e, char *out, tc_pack_sought *s, enum tc_field_id id)
{
    const uint32_t row = s->tag <= TC_QPACK_STATIC ? s->tag : 0;
    uint64_t name = 0;
    uint32_t low;
    bool there;
    tc_pack_seek(s);
    char *end = try_entry(e, out, s, &there);
    if (end) return end;
    if (!row && tc_pack_find_name(e->index, &e->table, s, young(e), &low)) name = number_of(e, low);
    const enum tc_pack_treat treat = treat_of(e, s, id);
    const bool goes_in = !there && treat < TC_PACK_LITERAL && !is_large(e, s) &&
                         tc_pack_admit(e->index, treat, s->hash, !row && !name);
    if (name && !(goes_in && e->may_block)) refer(e, name); /* it must not leave for this one */
    if (goes_in && insert(e, s, row, name) && e->may_block) return put_entry(e, out, e->inserts);
    if (name) refer(e, name);
    e->unsettled |= young(e) > 0 || (treat < TC_PACK_LITERAL && !is_large(e, s));
    return put_literal(e, out, treat == TC_PACK_SECRET, row, name, s);
}

char *tc_qpack_encode(tc_qpack_encoder *e, char *out, tc_span name, tc_span value,
                      enum tc_field_id id)
{
    const uint32_t tag = tc_pack_tag_of(&tc_qpack_names, name, id);
    tc_pack_sought s = {.name = name, .value = value, .tag = tag};
    if (tag && tag <= TC_QPACK_STATIC) {
        const uint32_t row = tc_pack_row_of(&tc_qpack_names, tag, value);
        if (row) return tc_pack_integer_put(out, INDEXED | INDEXED_STATIC, INDEXED_PREFIX, row - 1);
        if (treat_of(e, &s, id) >= TC_PACK_LITERAL)
            return tc_qpack_encode_fixed(out, name, value, id);
    }
    if (!e->by_table) return tc_qpack_encode_fixed(out, name, value, id);
    return encode_by_table(e, out, &s, id);
}

char *tc_qpack_encode_fixed(char *out, tc_span name, tc_span value, enum tc_field_id id)
{
    const uint32_t tag = tc_pack_tag_of(&tc_qpack_names, name, id);
    const tc_pack_sought s = {.name = name, .value = value, .tag = tag};
    const uint32_t with_name = tag <= TC_QPACK_STATIC ? tag : 0;
    const uint32_t row = with_name ? tc_pack_row_of(&tc_qpack_names, tag, value) : 0;
    if (row) return tc_pack_integer_put(out, INDEXED | INDEXED_STATIC, INDEXED_PREFIX, row - 1);
    const bool secret = tc_pack_treat_of(&tc_qpack_names, name, tag, id) == TC_PACK_SECRET;
    return put_literal(NULL, out, secret, with_name, 0, &s);
}
