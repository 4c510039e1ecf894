/* hpack_static.c - see hpack_static.h. */
// SPDX-License-Identifier: MIT
#include "h2/hpack_static.h"

#include <assert.h>

enum { INDEX_SIZE = 32 };

const tc_field tc_hpack_static[TC_HPACK_STATIC + 1] = {
#define TC_HPACK(index, id, name, value)                                                           \
    [index] = {{name, sizeof name - 1}, {value, sizeof value - 1}, TC_FIELD_##id},
#include "hpack_static.def"
#undef TC_HPACK
};

/* First indexes: by id, and by a hash of length and second byte for names that have none. Filled
 * before main. */
static uint8_t by_id[TC_FIELD_COUNT], by_name[INDEX_SIZE];
static uint8_t same[TC_HPACK_STATIC + 1]; /* how many rows from here on have this name */

static unsigned place_of(tc_span name)
{
    return (unsigned)(name.len + (uint8_t)name.at[1] * 3u) % INDEX_SIZE;
}

__attribute__((constructor)) static void fill(void)
{
    for (uint8_t i = TC_HPACK_STATIC; i > 0; i--) {
        const tc_field *f = &tc_hpack_static[i];
        const bool more = i < TC_HPACK_STATIC && tc_span_eq(f->name, f[1].name);
        same[i] = (uint8_t)(more ? same[i + 1] + 1 : 1);
        if (f->id) {
            by_id[f->id] = i;
        } else if (i == 1 || !tc_span_eq(f->name, f[-1].name)) {
            unsigned place = place_of(f->name);
            while (by_name[place])
                place = (place + 1) % INDEX_SIZE;
            by_name[place] = i;
        }
    }
}

uint32_t tc_hpack_tag_of(tc_span name, enum tc_field_id id)
{
    if (id) return by_id[id] ? by_id[id] : (uint32_t)(TC_HPACK_STATIC + id);
    if (name.len < 2) return 0;
    for (unsigned i = place_of(name); by_name[i]; i = (i + 1) % INDEX_SIZE)
        if (tc_span_eq(tc_hpack_static[by_name[i]].name, name)) return by_name[i];
    return 0;
}

tc_span tc_hpack_tag_name(uint32_t tag, enum tc_field_id *ret_id)
{
    assert(tag && tag < TC_HPACK_STATIC + TC_FIELD_COUNT);
    if (tag <= TC_HPACK_STATIC) {
        *ret_id = tc_hpack_static[tag].id;
        return tc_hpack_static[tag].name;
    }
    *ret_id = (enum tc_field_id)(tag - TC_HPACK_STATIC);
    return tc_field_name(*ret_id);
}

uint32_t tc_hpack_static_find(uint32_t tag, tc_span value)
{
    for (uint32_t i = tag; i < tag + same[tag]; i++)
        if (tc_span_eq(tc_hpack_static[i].value, value)) return i;
    return 0;
}
