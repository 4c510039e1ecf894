/* entry.h - what both decoders do with an entry of the dynamic table, and with a name that is
 * spelt out.
 *
 * Name and value of an entry are copied once a block (of fields): a thousand references to a large
 * one cost a thousand spans. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "http/pack/names.h"
#include "http/pack/ring.h"

/* Where an entry is read: block numbers the block, and a keeps what was copied until its end. */
typedef struct tc_pack_reader {
    const tc_pack_names *names;
    tc_ring *table;
    uint32_t block;
    tc_arena *a;
} tc_pack_reader;

/* The number of the next block; *block is the last one's. */
void tc_pack_next_block(tc_ring *table, uint32_t *block);

/* Name and id of f. TC_ERR_NO_MEMORY. */
tc_err tc_pack_entry_name(const tc_pack_reader *r, tc_ring_entry *e, tc_field *f) TC_MUST_USE;
/* All of f. */
tc_err tc_pack_entry_field(const tc_pack_reader *r, tc_ring_entry *e, tc_field *f) TC_MUST_USE;
/* A name that is spelt out, as a string with that prefix: name and id of f, and its tag. */
tc_err tc_pack_name_take(const tc_pack_reader *r, tc_span *in, unsigned prefix, size_t max,
                         tc_field *f, uint32_t *ret_tag) TC_MUST_USE;
