/* said.c - see said.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/said.h"

/* Which place it has; false: it is not of blocks alone that have numbers. */
static bool place_of(const tc_message *m, uint64_t numbers[TC_BLOCKS], uint64_t *ret_place)
{
    uint64_t sum = m->status;
    if (m->fields.count) return false;
    for (int i = 0; i < TC_BLOCKS; i++) {
        if (m->blocks[i] && !m->blocks[i]->number) return false;
        numbers[i] = m->blocks[i] ? m->blocks[i]->number : 0;
        sum += i ? numbers[i] : 0; /* the first is renewed, and the answer with it */
    }
    *ret_place = sum % TC_SAID;
    return true;
}

const tc_said *tc_said_before(const tc_said all[], const tc_message *m, uint64_t mark)
{
    uint64_t numbers[TC_BLOCKS], place;
    if (!place_of(m, numbers, &place)) return NULL;
    const tc_said *a = &all[place];
    const bool is_it = a->len && a->status == m->status && a->mark == mark &&
                       memcmp(a->blocks, numbers, sizeof numbers) == 0;
    return is_it ? a : NULL;
}

tc_said *tc_said_keep(tc_said all[], const tc_message *m, uint64_t mark, tc_span fields)
{
    uint64_t numbers[TC_BLOCKS], place;
    if (fields.len > TC_SAID_BYTES || !place_of(m, numbers, &place)) return NULL;
    tc_said *a = &all[place];
    *a = (tc_said){.mark = mark, .status = m->status, .len = (uint8_t)fields.len};
    memcpy(a->blocks, numbers, sizeof numbers);
    memcpy(a->fields, fields.at, fields.len);
    return a;
}
