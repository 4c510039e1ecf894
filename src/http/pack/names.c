/* names.c - see names.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/names.h"

#include <assert.h>

static unsigned place_of(tc_span name)
{
    return (unsigned)(name.len + (uint8_t)name.at[1] * 3u) % TC_PACK_PLACES;
}

static uint32_t first_row(const tc_pack_names *n, tc_span name)
{
    if (name.len < 2) return 0;
    for (unsigned i = place_of(name); n->by_name[i]; i = (i + 1) % TC_PACK_PLACES)
        if (tc_span_eq(n->rows[n->by_name[i]].name, name)) return n->by_name[i];
    return 0;
}

void tc_pack_names_fill(tc_pack_names *n)
{
    assert(n->count < TC_PACK_ROWS);
    for (uint32_t i = 1; i <= n->count; i++) {
        const tc_field *f = &n->rows[i];
        uint32_t first = f->id ? n->by_id[f->id] : first_row(n, f->name);
        if (first) {
            while (n->next[first])
                first = n->next[first];
            n->next[first] = (uint8_t)i;
        } else if (f->id) {
            n->by_id[f->id] = (uint8_t)i;
        } else {
            unsigned place = place_of(f->name);
            while (n->by_name[place])
                place = (place + 1) % TC_PACK_PLACES;
            n->by_name[place] = (uint8_t)i;
        }
    }
}

uint32_t tc_pack_tag_of(const tc_pack_names *n, tc_span name, enum tc_field_id id)
{
    if (id) return n->by_id[id] ? n->by_id[id] : n->count + (uint32_t)id;
    return first_row(n, name);
}

tc_span tc_pack_tag_name(const tc_pack_names *n, uint32_t tag, enum tc_field_id *ret_id)
{
    assert(tag && tag < n->count + TC_FIELD_COUNT);
    if (tag <= n->count) {
        *ret_id = n->rows[tag].id;
        return n->rows[tag].name;
    }
    *ret_id = (enum tc_field_id)(tag - n->count);
    return tc_field_name(*ret_id);
}

uint32_t tc_pack_row_of(const tc_pack_names *n, uint32_t tag, tc_span value)
{
    for (uint32_t i = tag; i; i = n->next[i])
        if (tc_span_eq(n->rows[i].value, value)) return i;
    return 0;
}
