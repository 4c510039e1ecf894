/* entry.c - see entry.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/entry.h"

#include "http/pack/string.h"

void tc_pack_next_block(tc_ring *table, uint32_t *block)
{
    if (++*block != 0) return;
    for (uint32_t i = 0; i < table->count; i++) /* it may not meet marks that are so old */
        tc_ring_get(table, table->inserted - i)->copy = NULL;
}

static const char *shared_copy(const tc_pack_reader *r, tc_ring_entry *e)
{
    if (e->copy && e->seen == r->block) return e->copy;
    const uint32_t len = tc_ring_name_stored(e) + e->value_len;
    char *copy = tc_arena_bytes(r->a, len);
    if (!copy) return NULL;
    tc_ring_copy(r->table, e->at, len, copy);
    e->seen = r->block;
    return e->copy = copy;
}

tc_err tc_pack_entry_name(const tc_pack_reader *r, tc_ring_entry *e, tc_field *f)
{
    if (e->tag) {
        f->name = tc_pack_tag_name(r->names, e->tag, &f->id);
        return TC_OK;
    }
    const char *copy = shared_copy(r, e);
    if (!copy) return TC_ERR_NO_MEMORY;
    f->name = tc_span_of(copy, e->name_len);
    f->id = TC_FIELD_OTHER;
    return TC_OK;
}

tc_err tc_pack_entry_field(const tc_pack_reader *r, tc_ring_entry *e, tc_field *f)
{
    if (e->value_len == 0) {
        f->value = TC_SPAN("");
        return tc_pack_entry_name(r, e, f);
    }
    const char *copy = shared_copy(r, e);
    if (!copy) return TC_ERR_NO_MEMORY;
    f->value = tc_span_of(copy + tc_ring_name_stored(e), e->value_len);
    return tc_pack_entry_name(r, e, f);
}

tc_err tc_pack_name_take(const tc_pack_reader *r, tc_span *in, unsigned prefix, size_t max,
                         tc_field *f, uint32_t *ret_tag)
{
    tc_span name = {0};
    char *before = r->a->at;
    const tc_err err = tc_pack_string_take(in, prefix, r->a, max, &name);
    if (err) return err;
    f->name = name;
    f->id = tc_field_id_of(name);
    *ret_tag = f->id ? tc_pack_tag_of(r->names, name, f->id) : 0;
    if (f->id) {
        f->name = tc_field_name(f->id);
        if (before == name.at) tc_arena_trim(r->a, before);
    }
    return TC_OK;
}
