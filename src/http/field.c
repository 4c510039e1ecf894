/* field.c - see field.h. */
// SPDX-License-Identifier: MIT
#include "http/field.h"

#include <assert.h>

#include "base/ascii.h"
#include "base/word.h"

enum {
    HOP = TC_FIELD_HOP,
    SINGLE = TC_FIELD_SINGLE,
    LIST = TC_FIELD_LIST,
    NO_TRAIL = TC_FIELD_NO_TRAIL,
    SECRET = TC_FIELD_SECRET
};
enum { INDEX_SIZE = 256, FIRST_ROOM = 8 };

static const struct {
    tc_span name, spelling;
    unsigned flags;
} known[TC_FIELD_COUNT] = {
#define TC_FIELD(id, token, spelt, value)                                                          \
    [TC_FIELD_##id] = {{token, sizeof token - 1}, {spelt, sizeof spelt - 1}, value},
#include "field.def"
#undef TC_FIELD
};

/* From a hash of length, first and last byte to ids; filled before main. */
static uint8_t name_index[INDEX_SIZE];

static unsigned index_of(tc_span name)
{
    const unsigned first = (uint8_t)name.at[0], last = (uint8_t)name.at[name.len - 1];
    return (unsigned)(name.len * 37 + first * 5 + last * 11) % INDEX_SIZE;
}

__attribute__((constructor)) static void fill_index(void)
{
    for (int id = 1; id < TC_FIELD_COUNT; id++) {
        unsigned i = index_of(known[id].name);
        while (name_index[i])
            i = (i + 1) % INDEX_SIZE;
        name_index[i] = (uint8_t)id;
    }
}

enum tc_field_id tc_field_id_of(tc_span name)
{
    if (name.len == 0) return TC_FIELD_OTHER;
    for (unsigned i = index_of(name); name_index[i]; i = (i + 1) % INDEX_SIZE)
        if (tc_span_eq(known[name_index[i]].name, name)) return (enum tc_field_id)name_index[i];
    return TC_FIELD_OTHER;
}

tc_span tc_field_name(enum tc_field_id id)
{
    return known[id].name;
}

tc_span tc_field_spelling(enum tc_field_id id)
{
    return known[id].spelling;
}

void tc_field_spell(char *at, tc_span name)
{
    bool first = true;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        at[i] = first && c >= 'a' && c <= 'z' ? (char)(c ^ 0x20) : c;
        first = c == '-';
    }
}

tc_span tc_field_spelt(const tc_field *f, char *room, size_t size)
{
    if (f->id != TC_FIELD_OTHER) return known[f->id].spelling;
    if (f->name.len > size) return f->name;
    tc_field_spell(room, f->name);
    return tc_span_of(room, f->name.len);
}

unsigned tc_field_flags(enum tc_field_id id)
{
    return known[id].flags;
}

#define LETTERS(u, l) [u] = l, [l] = l
const char tc_token_lower[256] = {
    ['!'] = '!',       ['#'] = '#',       ['$'] = '$',       ['%'] = '%',       ['&'] = '&',
    ['\''] = '\'',     ['*'] = '*',       ['+'] = '+',       ['-'] = '-',       ['.'] = '.',
    ['^'] = '^',       ['_'] = '_',       ['`'] = '`',       ['|'] = '|',       ['~'] = '~',
    ['0'] = '0',       ['1'] = '1',       ['2'] = '2',       ['3'] = '3',       ['4'] = '4',
    ['5'] = '5',       ['6'] = '6',       ['7'] = '7',       ['8'] = '8',       ['9'] = '9',
    LETTERS('A', 'a'), LETTERS('B', 'b'), LETTERS('C', 'c'), LETTERS('D', 'd'), LETTERS('E', 'e'),
    LETTERS('F', 'f'), LETTERS('G', 'g'), LETTERS('H', 'h'), LETTERS('I', 'i'), LETTERS('J', 'j'),
    LETTERS('K', 'k'), LETTERS('L', 'l'), LETTERS('M', 'm'), LETTERS('N', 'n'), LETTERS('O', 'o'),
    LETTERS('P', 'p'), LETTERS('Q', 'q'), LETTERS('R', 'r'), LETTERS('S', 's'), LETTERS('T', 't'),
    LETTERS('U', 'u'), LETTERS('V', 'v'), LETTERS('W', 'w'), LETTERS('X', 'x'), LETTERS('Y', 'y'),
    LETTERS('Z', 'z'),
};

bool tc_is_token(tc_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!tc_token_lower[(uint8_t)s.at[i]]) return false;
    return s.len > 0;
}

/* Eight bytes at a time: most names and values are of plain bytes, the others are looked at one by
 * one. A sum of two bytes below 0x80 stays in its byte, and its high bit is the comparison. */
static inline bool has_controls(uint64_t word)
{
    const uint64_t low = word & TC_WORD_EACH(0x7f);
    const uint64_t visible = low + TC_WORD_EACH(0x80 - ' '), del = low + TC_WORD_EACH(0x80 - 0x7f);
    return ((~visible | del) & ~word & TC_WORD_EACH(0x80)) != 0;
}

static inline bool is_lower_or_dash(uint64_t word)
{
    const uint64_t low = word & TC_WORD_EACH(0x7f);
    const uint64_t letter =
        (low + TC_WORD_EACH(0x80 - 'a')) & ~(low + TC_WORD_EACH(0x80 - 'z' - 1));
    const uint64_t dash = ~((low ^ TC_WORD_EACH('-')) + TC_WORD_EACH(0x7f));
    return ((letter | dash) & ~word & TC_WORD_EACH(0x80)) == TC_WORD_EACH(0x80);
}

bool tc_is_lower_token(tc_span s)
{
    size_t i = 0;
    while (s.len - i >= TC_WORD && is_lower_or_dash(tc_word_at(s.at + i)))
        i += TC_WORD;
    if (s.len - i < TC_WORD && i && is_lower_or_dash(tc_word_at(s.at + s.len - TC_WORD)))
        return true;
    for (; i < s.len; i++)
        if (!s.at[i] || tc_token_lower[(uint8_t)s.at[i]] != s.at[i]) return false;
    return s.len > 0;
}

bool tc_is_field_value(tc_span s)
{
    size_t i = 0;
    while (s.len - i >= TC_WORD && !has_controls(tc_word_at(s.at + i)))
        i += TC_WORD;
    if (s.len - i < TC_WORD && i && !has_controls(tc_word_at(s.at + s.len - TC_WORD))) i = s.len;
    for (; i < s.len; i++)
        if (((uint8_t)s.at[i] < 0x20 && s.at[i] != '\t') || s.at[i] == 0x7f) return false;
    return tc_span_trim(s).len == s.len;
}

tc_err tc_fields_push(tc_fields *f, tc_arena *a, tc_field field)
{
    if (f->count == f->room) {
        const uint32_t room = f->room ? f->room * 2 : FIRST_ROOM;
        tc_field *at = tc_arena_alloc(a, room * sizeof *at);
        if (!at) return TC_ERR_NO_MEMORY;
        if (f->count) memcpy(at, f->at, f->count * sizeof *at);
        f->at = at;
        f->room = room;
    }
    f->at[f->count++] = field;
    if (field.id) f->present |= UINT64_C(1) << field.id;
    return TC_OK;
}

tc_err tc_fields_add(tc_fields *f, tc_arena *a, tc_span name, tc_span value)
{
    if (!tc_is_token(name) || !tc_is_field_value(value)) return TC_ERR_FIELD_INVALID;
    char *lower = tc_arena_bytes(a, name.len);
    const tc_span copy = tc_arena_copy(a, value);
    if (!lower || !copy.at) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = tc_ascii_lower(name.at[i]);
    const tc_span lowered = {lower, name.len};
    return tc_fields_push(f, a, (tc_field){lowered, copy, tc_field_id_of(lowered)});
}

tc_err tc_fields_set(tc_fields *f, tc_arena *a, enum tc_field_id id, tc_span value)
{
    assert(id != TC_FIELD_OTHER && tc_is_field_value(value));
    return tc_fields_push(f, a, (tc_field){known[id].name, value, id});
}

void tc_fields_remove(tc_fields *f, tc_span name)
{
    uint32_t kept = 0;
    uint64_t present = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        if (tc_span_eq(f->at[i].name, name)) continue;
        if (f->at[i].id) present |= UINT64_C(1) << f->at[i].id;
        f->at[kept++] = f->at[i];
    }
    f->count = kept;
    f->present = present;
}

bool tc_fields_next(const tc_fields *f, enum tc_field_id id, uint32_t *cursor, tc_span *ret_value)
{
    if (!tc_fields_has(f, id)) return false;
    while (*cursor < f->count) {
        const tc_field *field = &f->at[(*cursor)++];
        if (field->id == id) {
            *ret_value = field->value;
            return true;
        }
    }
    return false;
}

bool tc_fields_get(const tc_fields *f, enum tc_field_id id, tc_span *ret_value)
{
    uint32_t cursor = 0;
    return tc_fields_next(f, id, &cursor, ret_value);
}

bool tc_fields_find(const tc_fields *f, tc_span name, tc_span *ret_value)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (tc_span_eq(f->at[i].name, name)) {
            *ret_value = f->at[i].value;
            return true;
        }
    return false;
}

uint32_t tc_fields_times(const tc_fields *f, enum tc_field_id id)
{
    uint32_t cursor = 0, times = 0;
    tc_span value;
    while (tc_fields_next(f, id, &cursor, &value))
        times++;
    return times;
}
