/* index.h - what both encoders share: what of the fields goes into the dynamic table, and how it is
 * found there again.
 *
 * What pays is decided by tc_pack_treat_of and tc_pack_admit, and only there: secrets never. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/pack/names.h"
#include "http/pack/ring.h"

enum { TC_PACK_COOKIE = 20 /* bytes of a cookie that is too long to guess */ };

enum tc_pack_treat {
    TC_PACK_TABLE,   /* goes into the table at once: it is likely to come again as it is */
    TC_PACK_SECOND,  /* when it comes for the second time */
    TC_PACK_LITERAL, /* never: it would drive out what is worth more */
    TC_PACK_SECRET   /* never, here or by anyone on the way */
};

/* tag is that of the name (0: none). */
enum tc_pack_treat tc_pack_treat_of(const tc_pack_names *n, tc_span name, uint32_t tag,
                                    enum tc_field_id id);

/* Newest entries by hash; older ones hang on them in the table (same_field, same_name). */
typedef struct tc_pack_index tc_pack_index;
tc_pack_index *tc_pack_index_new(void); /* NULL without memory; given back with tc_free */

/* A field that is looked for; the hashes are set by tc_pack_seek. */
typedef struct tc_pack_sought {
    tc_span name, value;
    uint32_t tag, name_hash, hash; /* tag 0: the name is compared */
} tc_pack_sought;

void tc_pack_seek(tc_pack_sought *s);

/* The number of the newest entry with that field, or only that name, among all but the young
 * newest. False: there is none, or it takes too many steps to find it. */
bool tc_pack_find_field(const tc_pack_index *x, const tc_ring *t, const tc_pack_sought *s,
                        uint32_t young, uint32_t *ret_number);
bool tc_pack_find_name(const tc_pack_index *x, const tc_ring *t, const tc_pack_sought *s,
                       uint32_t young, uint32_t *ret_number);

/* Whether the field goes in now. The first time of one is remembered by a part of its hash; what
 * came twice will come again. A new name goes in at once, for the values that will follow it. */
bool tc_pack_admit(tc_pack_index *x, enum tc_pack_treat treat, uint32_t hash, bool new_name);
/* Puts it in. False: it is too large, or there is no memory. */
bool tc_pack_insert(tc_pack_index *x, tc_ring *t, const tc_pack_sought *s) TC_MUST_USE;
